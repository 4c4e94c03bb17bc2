// What one scrape interval of many active rollouts costs: two checks each, stepped and judged.
import type { Tick } from '../../../analysis/compare/counts.ts'
import { type State, start, step } from '../../../analysis/compare/engine.ts'
import { errorsSpec, latencySpec } from '../../../analysis/compare/spec.ts'
import { verdict } from '../../../analysis/compare/verdict.ts'
import { shards, type Target } from '../../../analysis/query.ts'
import { createRandom, type Random } from './random.ts'

export interface Cost {
  readonly rollouts: number
  /** CPU of this process for one scrape interval: both checks of every rollout, with their verdicts. */
  readonly cpuSeconds: number
  /** Grouped queries for both checks of all rollouts. */
  readonly queries: number
}

const measuredIntervals = 5
const subjectsPerQuery = 200

export function costOf(rollouts: number): Cost {
  const random = createRandom(1)
  const pods = { errors: [failed, failed], latency: [slow, slow] }
  const errors = start(errorsSpec, { pods: pods.errors.map((of) => podOf(random, of)) })
  const latency = start(latencySpec, { pods: pods.latency.map((of) => podOf(random, of)) })
  let states: readonly State[] = Array.from({ length: rollouts }, () => [errors, latency]).flat()
  let cpuSeconds = 0
  let judged = 0
  for (let k = 0; k <= measuredIntervals; k += 1) {
    const atMs = (k + 1) * errorsSpec.scrapeMs
    const ticks = states.map(({ spec }) =>
      tickOf(random, atMs, spec === errorsSpec ? failed : slow),
    )
    const before = process.cpuUsage()
    states = states.map((state, i) => step(state, ticks[i] ?? noTick))
    for (const state of states) judged += verdict(state).because.length > 0 ? 1 : 0
    const { user, system } = process.cpuUsage(before)
    // The first interval warms the compiler up.
    if (k > 0) cpuSeconds += (user + system) / 1e6 / measuredIntervals
  }
  if (judged === 0) throw new Error('no check was judged')
  return { rollouts, cpuSeconds, queries: queriesFor(rollouts) }
}

const failed = [0.001]
const slow = [1, 1, 0.95, 0.7, 0.4, 0.12, 0.02, 0.006, 0.0008, 0, 0, 0]
const noTick: Tick = { atMs: 0, canary: { n: 0, x: [] }, stable: { n: 0, x: [] } }

function podOf(random: Random, shares: readonly number[]) {
  const n = Array.from({ length: 240 }, () => random.poisson(150))
  return { n, x: shares.map((share) => n.map((count) => random.binomial(count, share))) }
}

function tickOf(random: Random, atMs: number, shares: readonly number[]): Tick {
  const arm = (mean: number) => {
    const n = random.poisson(mean)
    return { n, x: shares.map((share) => random.binomial(n, share)) }
  }
  return { atMs, weightPercent: 10, canary: arm(150), stable: arm(1_350) }
}

function queriesFor(rollouts: number): number {
  const targets = Array.from({ length: rollouts }, (_, i): Target => {
    const hash = (arm: string) => `${arm}${i.toString(16).padStart(9, '0')}`
    return {
      namespace: `team-${i % 50}`,
      name: `service-${i}`,
      host: `service-${i}`,
      revision: hash('c'),
      stable: hash('s'),
      windowMs: 120_000,
    }
  })
  const kinds = ['requests', 'durations'] as const
  return kinds.reduce((sum, kind) => sum + shards(kind, targets, subjectsPerQuery).length, 0)
}
