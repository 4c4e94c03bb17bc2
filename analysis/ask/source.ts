// What analysis wants of those who are no Prometheus: a check with its target in, a reading out.
import type { Check } from '../../crds/check.ts'
import type { Reading } from '../judge/reading.ts'
import type { Target } from '../query/query.ts'
import { sourceOf } from '../query/source-kind.ts'

export interface Question {
  readonly check: Check
  readonly target: Target
  readonly atMs: number
}

export interface Sources {
  /** Never rejects: one that fails is an error reading. */
  ask(question: Question): Promise<Reading>
}

/** For who has no source but Prometheus. */
export const noSources: Sources = {
  ask: async ({ check }) => {
    return { kind: 'error', because: `${sourceOf(check) ?? 'this check'} is not served here` }
  },
}
