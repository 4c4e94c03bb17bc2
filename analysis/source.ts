// What analysis wants of those who are no Prometheus: a check with its target in, a reading out.
import type { Asked } from './asking.ts'
import type { Reading } from './reading.ts'

/** Checks that a source answers; each is a field of a check. */
export const sourceKinds = ['datadog', 'cloudWatch', 'webhook', 'job'] as const
export type SourceKind = (typeof sourceKinds)[number]

export type Question = Pick<Asked, 'check' | 'target' | 'atMs'>

/** Never rejects: one that fails is an error reading. */
export interface Source {
  ask(question: Question): Promise<Reading>
}

export interface Sources extends Source {
  close(): void
}

export function sourceOf(check: Question['check']): SourceKind | null {
  return sourceKinds.find((kind) => check[kind] !== undefined) ?? null
}

/** For who has no source but Prometheus. */
export const noSources: Sources = {
  ask: async ({ check }) => {
    return { kind: 'error', because: `${sourceOf(check) ?? 'this check'} is not served here` }
  },
  close: () => {},
}
