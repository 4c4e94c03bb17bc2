// The past of a service, span by span, and its comparisons in; out: how often they would have aborted a healthy
// pod, and which faults they would have found in the same noise.
import type { Check } from '../../crds/check.ts'
import { specOf } from '../compare/check.ts'
import { binomial, chances } from './chance.ts'
import { holdToBound } from './fixed-bound.ts'
import type { Past } from './past.ts'
import { type Tried, tryPod, type Window, windowsOf } from './trial.ts'

export interface BacktestOptions {
  /** A compare check, or one with a bound on what the mesh counts. */
  readonly check: Check
  /** Compare checks of the rollout. */
  readonly checks: number
  readonly minRequests: number
  readonly trialMs: number
  readonly seed: number
}

/** What has been tried so far. */
export interface Trials {
  readonly healthy: readonly Tried[]
  /** By rise in percent points. */
  readonly faults: ReadonlyMap<number, readonly Tried[]>
}

export const noTrials: Trials = { healthy: [], faults: new Map() }

export const historyMs = 3_600_000
const rises = [0.5, 1, 2, 5, 10, 20, 50]
/** Pods of each window that are tried, and windows in which errors are added. */
const most = { pods: 4, faults: 200 }

/** Trials of one more span; only those that begin at `fromMs` or later. */
export function tried(
  before: Trials,
  past: Past,
  options: BacktestOptions & { readonly fromMs: number },
): Trials {
  const { trialMs, seed, fromMs } = options
  const tryOne = trierOf(past, options)
  const healthy = [...before.healthy]
  const faults = new Map([...before.faults].map(([rise, some]) => [rise, [...some]]))
  for (const window of windowsOf(past, { historyMs, trialMs, fromMs })) {
    const pods = podsOf(window, seed + healthy.length)
    for (const pod of pods) healthy.push(tryOne(window, { pod }))
    const [pod] = pods
    for (const rise of pod === undefined ? [] : rises) {
      const some = faults.get(rise) ?? []
      if (some.length >= most.faults) continue
      const chance = chances(seed + 7_919 * some.length + Math.round(1_000 * rise))
      const added = (good: number) => binomial(good, rise / 100, chance)
      faults.set(rise, [...some, tryOne(window, { pod: pod ?? 0, added })])
    }
  }
  return { healthy, faults }
}

type Trier = (
  window: Window,
  how: { readonly pod: number; readonly added?: (good: number) => number },
) => Tried

function trierOf(past: Past, { check, checks, trialMs, minRequests }: BacktestOptions): Trier {
  const { compare } = check
  if (!compare) return (window, how) => holdToBound(past, window, { ...how, check, minRequests })
  const facts = { scrapeMs: past.scrapeMs, deadlineMs: trialMs, canaryPods: 1, checks }
  const spec = specOf(compare, { ...facts, edgesSeconds: past.edgesSeconds })
  return (window, how) => tryPod(past, window, { ...how, spec })
}

export interface Backtest {
  readonly trials: number
  readonly days: number
  readonly aborts: number
  readonly abortPercent: number
  /** Between which bounds the share of days with an abort lies, at 95 %. */
  readonly abortedDays: { readonly days: number; readonly percent: readonly [number, number] }
  readonly holds: number
  readonly passes: number
  /** Dispersion and margin that were learned, in the middle. */
  readonly phi: number
  readonly rho: number
  /** How many times the usual evidence of the noisiest healthy percent is too large; 1 for none. */
  readonly excess: number
  readonly worst: readonly { readonly at: string; readonly evidence: number }[]
  readonly power: readonly {
    readonly risePoints: number
    readonly foundPercent: number
    readonly medianSeconds: number | null
  }[]
}

export function summaryOf(
  { healthy, faults }: Trials,
  { check, checks }: BacktestOptions,
): Backtest {
  const aborted = healthy.filter(({ abortedAfterMs }) => abortedAfterMs !== null)
  const day = ({ atMs }: Tried) => Math.floor(atMs / 86_400_000)
  const days = new Set(healthy.map(day)).size
  const badDays = new Set(aborted.map(day)).size
  const byEvidence = healthy.toSorted((a, b) => b.mostEvidence - a.mostEvidence)
  const alphaPercent = check.compare?.alphaPercent ?? 1
  const threshold = Math.log((100 * Math.max(1, checks)) / alphaPercent)
  const high = byEvidence[Math.floor(healthy.length / 100)]?.mostEvidence ?? 0
  const isNoisy = aborted.length > (healthy.length * alphaPercent) / 100
  return {
    trials: healthy.length,
    days,
    aborts: aborted.length,
    abortPercent: percent(aborted.length, healthy.length),
    abortedDays: { days: badDays, percent: wilson(badDays, days) },
    holds: healthy.filter(({ isHeld }) => isHeld).length,
    passes: healthy.filter(({ verdict }) => verdict === 'pass').length,
    phi: rounded(median(healthy.map(({ phi }) => phi)) ?? 1),
    rho: rounded(median(healthy.map(({ rho }) => rho)) ?? 1),
    excess: isNoisy ? rounded(Math.max(1, high / threshold)) : 1,
    worst: byEvidence.slice(0, 3).map(({ atMs, mostEvidence }) => {
      return { at: new Date(atMs).toISOString(), evidence: rounded(mostEvidence) }
    }),
    power: [...faults].map(([risePoints, some]) => {
      const times = some.flatMap(({ abortedAfterMs }) => abortedAfterMs ?? [])
      const middle = median(times)
      return {
        risePoints,
        foundPercent: percent(times.length, some.length),
        medianSeconds: middle === null ? null : middle / 1_000,
      }
    }),
  }
}

/** Some pods of a window; others in others, so that all are tried in time. */
function podsOf({ pods }: Window, seed: number): readonly number[] {
  const count = Math.min(most.pods, pods.length)
  const first = Math.floor(chances(seed)() * pods.length)
  return Array.from({ length: count }, (_, i) => (first + i) % pods.length)
}

/** Bounds of a share at 95 %, in percent. */
function wilson(found: number, of: number): readonly [number, number] {
  if (of === 0) return [0, 100]
  const z = 1.96
  const share = found / of
  const middle = share + z ** 2 / (2 * of)
  const spread = z * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2))
  const scale = 100 / (1 + z ** 2 / of)
  return [rounded(Math.max(0, scale * (middle - spread))), rounded(scale * (middle + spread))]
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? null
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : rounded((100 * part) / whole)
}

function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
