// What chapters share: callers under way, the release on trial, and who failed which request.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Load, LoadSnapshot } from '../../../lab/load/start.ts'
import type { TrafficStage } from './stage.ts'

export interface Scene {
  readonly stage: TrafficStage
  readonly load: Load
  /** Callers whose requests a step may match; null where nothing can be matched. */
  readonly testers: Load | null
  /** Applies the next release; gives its revision once it is on trial. */
  release(errorPercent?: number): Promise<string>
  /** Revisions that fail requests by themselves. */
  readonly bad: Set<string>
}

/** Share of requests that a bad release fails. */
export const errorPercent = 30
export const warmUpMs = 300
const limitMs = 30_000
const someRequests = 30

export async function untilTrue(what: string, test: () => Promise<boolean>): Promise<void> {
  const deadlineAtMs = Date.now() + limitMs
  while (!(await test())) {
    if (Date.now() > deadlineAtMs) throw new Error(`waited ${limitMs} ms in vain until ${what}`)
    await sleep(50)
  }
}

/** Until callers meet a release on trial. */
export async function someTraffic(
  { stage, load }: Pick<Scene, 'stage' | 'load'>,
  revision: string,
): Promise<void> {
  await stage.story.until(`${revision} has traffic`, ({ phase }) => {
    if (phase !== 'Progressing') throw new Error(`${revision} is ${phase} too early`)
    return answersBy(load, revision) >= someRequests
  })
}

export function answersBy(load: Load, revision: string): number {
  return load.totals().byRevision[revision]?.requests ?? 0
}

/** Requests that failed: by the bad releases themselves, and all others. */
export function failedBy(scene: Scene): { readonly own: number; readonly others: number } {
  const loads = [scene.load, ...(scene.testers ? [scene.testers] : [])]
  const sum = (count: (totals: ReturnType<Load['totals']>) => number) =>
    loads.reduce((total, load) => total + count(load.totals()), 0)
  const own = sum(({ byRevision }) =>
    [...scene.bad].reduce((total, revision) => total + (byRevision[revision]?.failed ?? 0), 0),
  )
  return { own, others: sum(({ failed }) => failed) - own }
}

export function missedOf(snapshots: readonly LoadSnapshot[]): number {
  return snapshots.reduce((total, { missed }) => total + missed, 0)
}
