// Counts of a block in, evidence that the canary is worse than the margin out, without any knowledge
// of dispersion: bets on the canary's share of the block's bad requests. Valid under any batching
// inside a block; slower than the ratio gate, so it serves only where history can not teach.
import type { Counts } from './counts.ts'
import { fixed } from './fixed-point.ts'
import { logAdd, logSum } from './log-sum.ts'
import { massAt, massLeft, type Progress } from './start-mass.ts'

const ratios = [2, 5, 25]
const stakes = [0.5, 0.95]
const floorStakes = [0.01, 0.05, 0.2, 0.5, 0.95]
const size = 5

export interface BettingRules {
  readonly rho: number
  readonly floor: number
  readonly horizon: number
}

/** Log wealth per bet: relative, then absolute. */
export function startBetting(): readonly number[] {
  return new Array<number>(2 * size).fill(fixed(Number.NEGATIVE_INFINITY))
}

/** `block` is null while a block still fills: start mass enters, nothing is bet. */
export function stepBetting(
  sums: readonly number[],
  block: Counts | null,
  context: { rules: BettingRules; progress: Progress },
): readonly number[] {
  const { rules, progress } = context
  const schedule = { horizon: rules.horizon, warmup: 0 }
  const mass = Math.log(massAt(progress, schedule, true) / size)
  const gains = block === null ? null : gainsOf(block, rules)
  return sums.map((sum, i) => fixed(logAdd(sum, mass) + (gains?.[i] ?? 0)))
}

export function bettingEvidence(
  sums: readonly number[],
  rules: BettingRules,
  progress: Progress,
): number {
  const left = Math.log(massLeft(progress, { horizon: rules.horizon, warmup: 0 }))
  return Math.min(logAdd(logSum(sums.slice(0, size)), left), logAdd(logSum(sums.slice(size)), left))
}

function gainsOf(block: Counts, rules: BettingRules): readonly number[] {
  const { canaryN, canaryX, stableN, stableX } = block
  const bad = canaryX + stableX
  const share = shareOf(rules.rho, canaryN, stableN)
  const isTelling = bad > 0 && canaryN > 0 && stableN > 0
  const excess = isTelling ? canaryX / (bad * share) - 1 : 0
  const relative = [
    ...ratios.map((ratio) => {
      const aimed = shareOf(rules.rho * ratio, canaryN, stableN)
      return (aimed - share) / Math.max(1 - share, 1e-9)
    }),
    ...stakes,
  ]
  const overFloor = canaryN > 0 ? canaryX / (canaryN * rules.floor) - 1 : 0
  return [
    ...relative.map((stake) => Math.log1p(stake * excess)),
    ...floorStakes.map((stake) => Math.log1p(stake * overFloor)),
  ]
}

/** The canary's share of bad requests if it were `ratio` times as bad as stable. */
function shareOf(ratio: number, canaryN: number, stableN: number): number {
  return (ratio * canaryN) / Math.max(ratio * canaryN + stableN, 1e-9)
}
