// One question of a check (errors, or slower than one edge): history in, a lane out; counts in, the
// lane one scrape later out. It holds the evidence of harm and, apart from it, the evidence of none.
import { type BettingRules, bettingEvidence, startBetting, stepBetting } from './betting-gate.ts'
import type { Counts, History } from './counts.ts'
import { dispersionInTime, dispersionOf, lengthOf, rateOf } from './dispersion.ts'
import { fixed, short, total } from './fixed-point.ts'
import { caps, type RatioRules, ratioEvidence, startRatio, stepRatio } from './ratio-gate.ts'
import { abortAt, horizonOf, type Spec, warmupScrapes } from './spec.ts'
import type { Progress } from './start-mass.ts'

export interface Lane {
  /** Index in the counts of a tick. */
  readonly edge: number
  /** `ratio` where history taught the dispersion, `betting` where it could not. */
  readonly method: 'ratio' | 'betting'
  readonly phi: number
  readonly rho: number
  /** Share of bad requests of stable over the history; null without history. */
  readonly rate: number | null
  /** Log wealth of the gate. */
  readonly sums: readonly number[]
  /** ln of the evidence that the canary is not worse than the tolerance. */
  readonly pass: number
  readonly canaryX: number
  readonly stableX: number
  /** Bad requests of the block that fills; only betting looks at whole blocks. */
  readonly block: { readonly canaryX: number; readonly stableX: number }
}

/** Requests of both arms in the block that fills, before this tick. */
export interface Block {
  readonly canaryN: number
  readonly stableN: number
}

/** History that teaches a dispersion: two pods, a quarter of an hour. */
const least = { pods: 2, historyMs: 900_000 }
/** Stable requests before which its rate in the rollout itself is no basis for a pass. */
const leastStableN = 300
/** Batching assumed for a pass when no history tells. */
const unknownPhi = 4
const rareRate = 1e-5

export function startLane(spec: Spec, history: History, edge: number): Lane {
  const serving = history.pods.filter((pod) => pod.n.some((n) => n > 0))
  const scrapes = lengthOf(history)
  const isTaught = serving.length >= least.pods && scrapes * spec.scrapeMs >= least.historyMs
  const pods = Math.max(serving.length, 1)
  const { phi, tau } = isTaught
    ? dispersionOf({ pods: serving }, edge)
    : { phi: scrapes > 0 ? dispersionInTime(history, edge) : unknownPhi, tau: 0 }
  const spread = Math.exp(2.33 * tau * Math.sqrt(1 / spec.canaryPods + 1 / pods))
  return {
    edge,
    method: isTaught ? 'ratio' : 'betting',
    phi: fixed(phi),
    rho: fixed(Math.max(spec.marginRatio, spread)),
    rate: knownRate(history, edge),
    sums: isTaught ? startRatio() : startBetting(),
    pass: 0,
    canaryX: 0,
    stableX: 0,
    block: { canaryX: 0, stableX: 0 },
  }
}

/** The lane after a tick. `stableN`: requests of stable in the ticks before. */
export function stepLane(
  lane: Lane,
  counts: Counts,
  context: {
    readonly spec: Spec
    readonly progress: Progress
    readonly block: Block
    readonly stableN: number
  },
): Lane {
  const { spec, progress } = context
  const { canaryX, stableX } = counts
  const pass = fixed(lane.pass + passGain(lane, counts, context))
  const next = {
    ...lane,
    pass,
    canaryX: total(lane.canaryX + canaryX),
    stableX: total(lane.stableX + stableX),
  }
  if (lane.method === 'ratio') {
    const rules = ratioRules(spec, lane)
    return { ...next, sums: stepRatio(lane.sums, counts, { rules, progress }) }
  }
  const block = {
    canaryX: total(lane.block.canaryX + canaryX),
    stableX: total(lane.block.stableX + stableX),
  }
  const isFull = (progress.scrapes + 1) % blockScrapes(spec) === 0
  const whole = {
    ...block,
    canaryN: context.block.canaryN + counts.canaryN,
    stableN: context.block.stableN + counts.stableN,
  }
  const rules = bettingRules(spec, lane)
  return {
    ...next,
    sums: stepBetting(lane.sums, isFull ? whole : null, { rules, progress }),
    block: isFull ? { canaryX: 0, stableX: 0 } : block,
  }
}

/** ln of the evidence that the canary is worse than the margin. */
export function laneEvidence(lane: Lane, spec: Spec, progress: Progress): number {
  return lane.method === 'ratio'
    ? ratioEvidence(lane.sums, ratioRules(spec, lane), progress)
    : bettingEvidence(lane.sums, bettingRules(spec, lane), progress)
}

/** Scrapes of the blocks on which betting bets. */
export function blockScrapes(spec: Spec): number {
  return Math.max(1, Math.ceil(spec.sustainMs / spec.scrapeMs))
}

/** Share of bad requests that a pass rules out, for a share of stable. */
export function toleratedRate(spec: Spec, rate: number): number {
  return Math.max(spec.tolerance.ratio * rate, rate + spec.tolerance.rise)
}

function passGain(
  lane: Lane,
  counts: Counts,
  context: { readonly spec: Spec; readonly stableN: number },
): number {
  // Stable's share within the rollout counts only up to the tick before: a bet is made beforehand.
  const measured = context.stableN >= leastStableN ? lane.stableX / context.stableN : null
  const rate = lane.rate ?? measured
  if (rate === null) return 0
  const base = Math.max(rate, rareRate)
  const tolerated = toleratedRate(context.spec, base)
  const gain = counts.canaryX * Math.log(base / tolerated) + (tolerated - base) * counts.canaryN
  return gain / lane.phi
}

function knownRate(history: History, edge: number): number | null {
  const rate = rateOf(history, edge)
  return rate === null ? null : short(rate)
}

function ratioRules(spec: Spec, lane: Lane): RatioRules {
  return {
    rho: lane.rho,
    phi: lane.phi,
    floor: spec.marginFloor,
    cap: caps(abortAt(spec), spec.sustainMs / spec.scrapeMs),
    horizon: horizonOf(spec),
    warmup: warmupScrapes(spec),
  }
}

function bettingRules(spec: Spec, lane: Lane): BettingRules {
  return { rho: lane.rho, floor: spec.marginFloor, horizon: horizonOf(spec) }
}
