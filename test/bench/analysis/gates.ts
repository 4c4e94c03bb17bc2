// Rollouts in, the scrape at which each kind of gate aborts out: the engine, and the threshold gates of
// peers, each with the one limit per service that keeps its false aborts on the whole set to 1 %.
import type { Tick } from '../../../analysis/compare/counts.ts'
import { type State, step } from '../../../analysis/compare/engine.ts'

/** Failed checks that abort, counted over the rollout, of one check a minute over one minute. */
export const peers = {
  flagger: { failures: 5 },
  argo: { failures: 4 },
} as const
export type Peer = keyof typeof peers

const windowScrapes = 4

export interface Counted {
  readonly canaryN: readonly number[]
  readonly canaryX: readonly number[]
}

export interface Served extends Counted {
  readonly stableN: readonly number[]
  readonly stableX: readonly number[]
}

/** Scrapes until the engine aborts, or null. `initial` has learned from the history. */
export function engineAbort(initial: State, served: Served): number | null {
  let state = initial
  for (let k = 0; k < served.canaryN.length; k += 1) {
    state = step(state, tickOf(served, k, initial.spec.scrapeMs))
    if (state.isAborted) return k + 1
  }
  return null
}

export function tickOf(served: Served, k: number, scrapeMs: number): Tick {
  return {
    atMs: (k + 1) * scrapeMs,
    canary: { n: served.canaryN[k] ?? 0, x: [served.canaryX[k] ?? 0] },
    stable: { n: served.stableN[k] ?? 0, x: [served.stableX[k] ?? 0] },
  }
}

/** Scrapes until a threshold gate aborts, or null. No data fails no check. */
export function thresholdAbort(counted: Counted, limit: number, failures: number): number | null {
  let failed = 0
  for (const [i, share] of windowShares(counted).entries()) {
    if (share > limit) failed += 1
    if (failed >= failures) return (i + 1) * windowScrapes
  }
  return null
}

/** The limit at which this rollout would just not be aborted. */
export function limitFor(counted: Counted, failures: number): number {
  return windowShares(counted).toSorted((a, b) => b - a)[failures - 1] ?? 0
}

/** The least limit that aborts at most this share of rollouts. */
export function tuned(limits: readonly number[], falseAborts: number): number {
  const sorted = limits.toSorted((a, b) => a - b)
  return sorted[Math.ceil((sorted.length - 1) * (1 - falseAborts))] ?? 0
}

function windowShares({ canaryN, canaryX }: Counted): readonly number[] {
  const shares: number[] = []
  for (let end = windowScrapes; end <= canaryN.length; end += windowScrapes) {
    let n = 0
    let x = 0
    for (let k = end - windowScrapes; k < end; k += 1) {
      n += canaryN[k] ?? 0
      x += canaryX[k] ?? 0
    }
    shares.push(n > 0 ? x / n : 0)
  }
  return shares
}
