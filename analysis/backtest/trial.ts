// A span of the past in; a stable pod tried as if it were a canary against the others out. Healthy by
// construction: what aborts is a false abort. Errors may be added, to see what would be found.
import type { Arm, PodHistory, Tick } from '../compare/counts.ts'
import { evidenceOf, start, step } from '../compare/engine.ts'
import type { Spec } from '../compare/spec.ts'
import { type Verdict, verdict } from '../compare/verdict.ts'
import type { Past } from './past.ts'

/** Where in the past a trial took place. */
export interface Window {
  /** Indices of intervals: history before, trial from `at`, to `end`. */
  readonly since: number
  readonly at: number
  readonly end: number
  /** Pods of the one revision that served. */
  readonly pods: readonly PodHistory[]
}

export interface Tried {
  readonly atMs: number
  readonly verdict: Verdict
  /** Ms from the begin of the trial to its abort; null without one. */
  readonly abortedAfterMs: number | null
  /** It was held at some time. */
  readonly isHeld: boolean
  readonly mostEvidence: number
  readonly phi: number
  readonly rho: number
}

/** Trials of a span, one after another; those with two revisions under traffic were rollouts and are left out. */
export function windowsOf(
  past: Past,
  options: { readonly historyMs: number; readonly trialMs: number; readonly fromMs: number },
): readonly Window[] {
  const { scrapeMs } = past
  const intervals = past.revisions[0]?.[0]?.n.length ?? 0
  const history = Math.floor(options.historyMs / scrapeMs)
  const length = Math.max(1, Math.floor(options.trialMs / scrapeMs))
  const first = Math.max(history, Math.ceil((options.fromMs - past.fromMs) / scrapeMs))
  const windows: Window[] = []
  for (let at = first; at + length <= intervals; at += length) {
    const end = at + length
    const serving = past.revisions
      .map((pods) => pods.filter(({ n }) => sum(n, at, end) > 0))
      .filter((pods) => pods.length > 0)
    const [pods] = serving
    if (pods !== undefined && serving.length === 1 && pods.length >= 2) {
      windows.push({ since: at - history, at, end, pods })
    }
  }
  return windows
}

/** Tries one pod. `added`: errors to add to so many good requests of an interval. */
export function tryPod(
  past: Past,
  window: Window,
  options: {
    readonly pod: number
    readonly spec: Spec
    readonly added?: (good: number) => number
  },
): Tried {
  const { since, at, end, pods } = window
  const { spec, added } = options
  const cut = (pod: PodHistory): PodHistory => ({
    n: pod.n.slice(since, at),
    x: pod.x.map((lane) => lane.slice(since, at)),
  })
  let state = start(spec, { pods: pods.map(cut) })
  const atMs = past.fromMs + at * past.scrapeMs
  let abortedAfterMs: number | null = null
  let isHeld = false
  let mostEvidence = Number.NEGATIVE_INFINITY
  for (let k = at; k < end && abortedAfterMs === null; k += 1) {
    state = step(state, tickOf(past, { pods, chosen: options.pod, k, added }))
    const word = verdict(state).verdict
    isHeld ||= word === 'hold'
    mostEvidence = Math.max(mostEvidence, evidenceOf(state))
    if (word === 'abort') abortedAfterMs = (k + 1 - at) * past.scrapeMs
  }
  const lane = state.lanes[0]
  return {
    atMs,
    verdict: verdict(state).verdict,
    ...{ abortedAfterMs, isHeld, mostEvidence },
    ...{ phi: lane?.phi ?? 1, rho: lane?.rho ?? spec.marginRatio },
  }
}

function tickOf(
  past: Past,
  interval: {
    readonly pods: readonly PodHistory[]
    readonly chosen: number
    readonly k: number
    readonly added: ((good: number) => number) | undefined
  },
): Tick {
  const { pods, chosen, k, added } = interval
  const lanes = Math.max(1, past.edgesSeconds.length)
  const armOf = (some: readonly PodHistory[]): Arm => ({
    n: some.reduce((total, { n }) => total + (n[k] ?? 0), 0),
    x: Array.from({ length: lanes }, (_, lane) =>
      some.reduce((total, { x }) => total + (x[lane]?.[k] ?? 0), 0),
    ),
  })
  const healthy = armOf(pods.filter((_, i) => i === chosen))
  const canary = added ? { ...healthy, x: healthy.x.map((x) => x + added(healthy.n - x)) } : healthy
  return {
    atMs: past.fromMs + (k + 1) * past.scrapeMs,
    canary,
    stable: armOf(pods.filter((_, i) => i !== chosen)),
  }
}

function sum(values: readonly number[], from: number, to: number): number {
  let total = 0
  for (let i = from; i < to; i += 1) total += values[i] ?? 0
  return total
}
