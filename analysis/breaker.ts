// Verdicts of a round in, the same ones out, unless most rollouts fail at once: then the metrics or the
// environment are broken, not each revision by itself, and what failed is held.
import type { Verdict } from './verdict.ts'

export interface Breaker {
  guard(verdicts: ReadonlyMap<string, Verdict>, nowMs: number): ReadonlyMap<string, Verdict>
}

/** Failures count together for so long. */
const windowMs = 300_000
/** Rollouts that must fail, and the share of those on trial that they must be more than. */
const least = { failed: 5, share: 0.5 }

export function createBreaker(): Breaker {
  /** When a trial failed, by its rollout and revision. */
  const failed = new Map<string, number>()
  return {
    guard(verdicts, nowMs) {
      for (const [trial, atMs] of failed) if (nowMs - atMs >= windowMs) failed.delete(trial)
      const onTrial = new Set(failed.keys())
      for (const [key, { revision, outcome }] of verdicts) {
        const trial = `${key} ${revision}`
        onTrial.add(trial)
        if (outcome === 'Failed' && !failed.has(trial)) failed.set(trial, nowMs)
      }
      const isOpen = failed.size >= least.failed && failed.size > least.share * onTrial.size
      if (!isOpen) return verdicts
      const why = `${failed.size} of ${onTrial.size} rollouts on trial fail at once, so the metrics or the environment are broken`
      return new Map(
        [...verdicts].map(([key, verdict]) => {
          if (verdict.outcome !== 'Failed') return [key, verdict]
          const because = `${why}: ${verdict.because}`.slice(0, 1_024)
          return [key, { ...verdict, outcome: 'Inconclusive', because }]
        }),
      )
    },
  }
}
