// A span of the past and a check with a fixed bound in; a stable pod held to it out, as `trial.ts` does it for
// comparisons: what fails is a false abort.
import type { Check } from '../../crds/check.ts'
import type { PodHistory } from '../compare/counts.ts'
import { judge } from '../judge/judge.ts'
import { conclusionOf, counted, emptyTally, scheduleOf } from '../judge/measurements.ts'
import type { Durations, Reading } from '../judge/reading.ts'
import type { Past } from './past.ts'
import type { Tried, Window } from './trial.ts'

/** Longest window of a check that judges its step as one, as the controller has it; and the shortest. */
const wholeWindow = { mostMs: 600_000, leastScrapes: 4 }

/** Holds one pod to the bound. `added`: errors to add to so many good requests of an interval. */
export function holdToBound(
  past: Past,
  window: Window,
  options: {
    readonly pod: number
    readonly check: Check
    readonly minRequests: number
    readonly added?: (good: number) => number
  },
): Tried {
  const { check, minRequests, pod } = options
  const { scrapeMs } = past
  const arms = armsOf(window, pod, options.added)
  const schedule = scheduleOf(check, { fromMs: 0, scrapeMs })
  const step = Math.max(1, Math.round((schedule?.intervalMs ?? scrapeMs) / scrapeMs))
  const longest = Math.max(2, Math.round((schedule?.windowMs ?? wholeWindow.mostMs) / scrapeMs))
  const least = schedule ? longest : wholeWindow.leastScrapes
  let tally = emptyTally
  let outcome: string = 'Inconclusive'
  const length = window.end - window.at
  for (let k = least; k <= length; k += step) {
    const final = schedule !== null || k === length
    const from = Math.max(0, k - longest)
    const read = (arm: PodHistory) => sumOf(arm, from, k)
    const reading = readingOf(past, { canary: read(arms.canary), stable: read(arms.stable) })
    const windowMs = (k - from) * scrapeMs
    const found = judge(check, reading, { final, minRequests, windowMs, atMs: 0 })
    if (schedule) tally = counted(tally, found)
    outcome = schedule ? conclusionOf(check, tally).outcome : found.outcome
    if (outcome === 'Failed')
      return triedAs(past, window, { verdict: 'abort', afterMs: k * scrapeMs })
  }
  const verdict = outcome === 'Passed' ? 'pass' : 'inconclusive'
  return triedAs(past, window, { verdict, afterMs: null })
}

function triedAs(
  { fromMs, scrapeMs }: Past,
  { at }: Window,
  { verdict, afterMs }: { verdict: Tried['verdict']; afterMs: number | null },
): Tried {
  return {
    ...{ atMs: fromMs + at * scrapeMs, verdict, abortedAfterMs: afterMs, isHeld: false },
    ...{ mostEvidence: 0, phi: 1, rho: 1 },
  }
}

/** Counts of the chosen pod, with what is added, and of all others together. */
function armsOf(
  { pods, at, end }: Window,
  chosen: number,
  added: ((good: number) => number) | undefined,
): { readonly canary: PodHistory; readonly stable: PodHistory } {
  const cut = ({ n, x }: PodHistory): PodHistory => ({
    n: n.slice(at, end),
    x: x.map((lane) => lane.slice(at, end)),
  })
  const own = cut(pods[chosen] ?? { n: [], x: [] })
  const worse = (lane: readonly number[]) =>
    lane.map((bad, k) => bad + (added ? added((own.n[k] ?? 0) - bad) : 0))
  const others = pods.filter((_, i) => i !== chosen).map(cut)
  const all = (listOf: (pod: PodHistory) => readonly number[]) =>
    own.n.map((_, k) => others.reduce((sum, pod) => sum + (listOf(pod)[k] ?? 0), 0))
  return {
    canary: { n: own.n, x: own.x.map(worse) },
    stable: { n: all(({ n }) => n), x: own.x.map((_, lane) => all(({ x }) => x[lane] ?? [])) },
  }
}

export interface Sums {
  readonly n: number
  readonly x: readonly number[]
}

function sumOf({ n, x }: PodHistory, from: number, to: number): Sums {
  const sum = (list: readonly number[]) =>
    list.slice(from, to).reduce((total, value) => total + value, 0)
  return { n: sum(n), x: x.map(sum) }
}

/** Counts of both arms over a window, as a provider would have told them. */
export function readingOf(
  { metric, edgesSeconds }: Pick<Past, 'metric' | 'edgesSeconds'>,
  { canary, stable }: { readonly canary: Sums; readonly stable: Sums },
): Reading {
  if (metric === 'errors') {
    const requests = ({ n, x }: Sums) => ({ total: n, failed: x[0] ?? 0 })
    return { kind: 'requests', canary: requests(canary), stable: requests(stable) }
  }
  const durations = ({ n, x }: Sums): Durations => ({
    total: n,
    buckets: [
      ...edgesSeconds.map((edgeSeconds, lane) => ({ edgeSeconds, count: n - (x[lane] ?? 0) })),
      { edgeSeconds: Number.POSITIVE_INFINITY, count: n },
    ],
  })
  return { kind: 'durations', canary: durations(canary), stable: durations(stable) }
}
