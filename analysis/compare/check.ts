// A compare check as a user writes it, and the facts of a rollout in, the numbers for the engine out.
import type { Compare } from '../../crds/compare.ts'
import { durationMs } from '../../crds/duration.ts'
import { errorsSpec, latencySpec, type Spec } from './spec.ts'

/** What a check does not say: how the rollout is scraped and how long it may take. */
export interface Facts {
  readonly scrapeMs: number
  readonly deadlineMs: number
  readonly canaryPods: number
  readonly edgesSeconds: readonly number[]
  /** Compare checks among which the rollout's rate of false aborts is divided. */
  readonly checks: number
}

export function specOf(compare: Compare, facts: Facts): Spec {
  const base = compare.metric === 'errors' ? errorsSpec : latencySpec
  const { floorPercent, warmup } = compare
  return {
    metric: compare.metric,
    edgesSeconds: compare.metric === 'errors' ? [] : facts.edgesSeconds,
    scrapeMs: facts.scrapeMs,
    deadlineMs: facts.deadlineMs,
    warmupMs: warmup === undefined ? base.warmupMs : durationMs(warmup),
    sustainMs: durationMs(compare.sustain),
    alpha: compare.alphaPercent / 100 / Math.max(1, facts.checks),
    marginRatio: compare.margin,
    marginFloor: floorPercent === undefined ? base.marginFloor : floorPercent / 100,
    tolerance: { ratio: compare.toleratedRatio, rise: compare.toleratedRisePercent / 100 },
    canaryPods: facts.canaryPods,
  }
}
