// Counts in, evidence that the canary is worse than the margin out: a likelihood-ratio e-process on
// the canary's share of bad requests, tempered by dispersion and capped per scrape.
import type { Counts } from './counts.ts'
import { fixed } from './fixed-point.ts'
import { logAdd, logSum } from './log-sum.ts'
import { massAt, massLeft, type Progress, type Schedule } from './start-mass.ts'

/** How much worse than the margin a fault may be. */
const grid = [1.5, 2.5, 5, 15, 60].map((factor) => ({ factor, log: Math.log(factor) }))
const size = grid.length

/** The lane for faults worse than 10x stable and worse than 10 %: two scrapes are enough. */
const gross = { ratio: 10, floor: 0.1 }
/** Margins in warm-up. */
const cold = { ratio: 10, floor: 0.01 }
const laneWeight = { normal: Math.log(0.75), gross: Math.log(0.25) }

export interface RatioRules {
  /** How many times as bad as stable is healthy; at least the margin, more where pods differ. */
  readonly rho: number
  readonly floor: number
  /** Variance of the counts over what independent requests would have. */
  readonly phi: number
  /** Most evidence that one scrape adds, in nats. */
  readonly cap: { readonly normal: number; readonly gross: number }
  readonly horizon: number
  readonly warmup: number
}

/** Caps for evidence that must last: `scrapes` of them are needed, two in the gross lane. */
export function caps(threshold: number, sustainScrapes: number): RatioRules['cap'] {
  const scrapes = Math.max(2, Math.ceil(sustainScrapes))
  return { normal: (0.97 / (scrapes - 1)) * threshold, gross: 0.97 * threshold }
}

/** Log wealth per alternative: relative and absolute, in the normal and in the gross lane. */
export function startRatio(): readonly number[] {
  return new Array<number>(4 * size).fill(fixed(Number.NEGATIVE_INFINITY))
}

export function stepRatio(
  sums: readonly number[],
  counts: Counts,
  context: { rules: RatioRules; progress: Progress },
): readonly number[] {
  const { rules, progress } = context
  const isCold = progress.served < rules.warmup
  const next = new Array<number>(sums.length)
  const normal = {
    rho: isCold ? Math.max(rules.rho, cold.ratio) : rules.rho,
    floor: isCold ? Math.max(rules.floor, cold.floor) : rules.floor,
    cap: rules.cap.normal,
  }
  const grossLane = {
    rho: Math.max(rules.rho, gross.ratio),
    floor: gross.floor,
    cap: rules.cap.gross,
  }
  const hasTraffic = counts.canaryN > 0
  const mass = (schedule: Schedule) => {
    return Math.log(massAt(progress, schedule, hasTraffic) / size)
  }
  stepLane({ sums, next, at: 0 }, counts, { ...normal, phi: rules.phi, mass: mass(rules) })
  const schedule = { horizon: rules.horizon, warmup: 0 }
  const grossMass = mass(schedule)
  stepLane({ sums, next, at: 2 * size }, counts, {
    ...grossLane,
    phi: rules.phi,
    mass: grossMass,
  })
  return next
}

/** ln E: weighted over the lanes, each the lesser of relative and absolute evidence. */
export function ratioEvidence(
  sums: readonly number[],
  rules: RatioRules,
  progress: Progress,
): number {
  const lane = (at: number, warmup: number) => {
    const left = Math.log(massLeft(progress, { horizon: rules.horizon, warmup }))
    return Math.min(
      logAdd(logSum(sums.slice(at, at + size)), left),
      logAdd(logSum(sums.slice(at + size, at + 2 * size)), left),
    )
  }
  return logAdd(laneWeight.normal + lane(0, rules.warmup), laneWeight.gross + lane(2 * size, 0))
}

interface Lane {
  readonly rho: number
  readonly floor: number
  readonly phi: number
  readonly cap: number
  /** Log of the start mass that each alternative gets at this tick. */
  readonly mass: number
}

/** S <- (S + mass) · exp(min(L / phi, cap)) for each alternative, relative and absolute. */
function stepLane(
  wealth: { sums: readonly number[]; next: number[]; at: number },
  counts: Counts,
  lane: Lane,
): void {
  const { sums, next, at } = wealth
  const { canaryN, canaryX, stableN, stableX } = counts
  const { rho, floor, phi, cap, mass } = lane
  const base = rho * canaryN + stableN
  for (let i = 0; i < size; i += 1) {
    const { factor, log } = grid[i] ?? { factor: 1, log: 0 }
    const share = base > 0 ? Math.log((rho * factor * canaryN + stableN) / base) : 0
    const relative = base > 0 ? canaryX * log - (canaryX + stableX) * share : 0
    const absolute = canaryX * log - (factor - 1) * floor * canaryN
    next[at + i] = grow(sums[at + i] ?? 0, mass, Math.min(relative / phi, cap))
    next[at + size + i] = grow(sums[at + size + i] ?? 0, mass, Math.min(absolute / phi, cap))
  }
}

function grow(sum: number, mass: number, gain: number): number {
  return fixed(logAdd(sum, mass) + gain)
}
