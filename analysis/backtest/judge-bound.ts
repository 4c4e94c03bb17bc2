// A check with a fixed bound and the text of a tick file in, the verdict after each tick out: `kubectl sluice judge`
// for what is no comparison. The same judgement as a live rollout, over the same windows.
import type { Check } from '../../crds/check.ts'
import { durationMs } from '../../crds/duration.ts'
import { type Arm, mostCount } from '../compare/counts.ts'
import type { JudgedTick, Judgement, NamedText } from '../compare/judge-file.ts'
import { parseTicks, type Scrape, type TickFile, TickFileError } from '../compare/ticks.ts'
import type { Verdict } from '../compare/verdict.ts'
import { judge } from '../judge/judge.ts'
import {
  conclusionOf,
  counted,
  dueInstants,
  emptyTally,
  scheduleOf,
} from '../judge/measurements.ts'
import type { Reading } from '../judge/reading.ts'
import { windowFor } from '../query/window.ts'
import { readingOf, type Sums } from './fixed-bound.ts'

interface Bound {
  readonly check: Check
  readonly minRequests: number
  readonly file: TickFile
  /** A scrape before the first tick: since then the weight is live. */
  readonly fromMs: number
  readonly counts: Counts
}

/** Sums from the first tick on, one more than there are ticks; one that is not newer than one before is left out. */
interface Counts {
  readonly times: readonly number[]
  readonly canary: readonly Sums[]
  readonly stable: readonly Sums[]
}

interface Found {
  readonly outcome: string
  readonly because: string
  readonly windowMs: number
}

/** The last tick is the end of the hold. Throws `TickFileError` when the text is no tick file, or one of another metric. */
export function judgeBound(
  check: Check,
  ticks: NamedText,
  { minRequests }: { readonly minRequests: number },
): Judgement {
  const file = parseTicks(ticks.text, ticks.name)
  const metric = check.latency ? 'latency' : 'errors'
  if (file.metric !== metric) {
    throw new TickFileError(
      `${ticks.name}: counts ${file.metric}, but check ${check.name} is about ${metric}`,
    )
  }
  const fromMs = (file.scrapes[0]?.atMs ?? file.scrapeMs) - file.scrapeMs
  const bound: Bound = { check, minRequests, file, fromMs, counts: countsOf(file) }
  const foundAt = scheduleOf(check, { fromMs, scrapeMs: file.scrapeMs })
    ? measuredBy(bound)
    : wholeBy(bound)
  let aborted: JudgedTick | null = null
  let nowMs = fromMs
  const judged = file.scrapes.map((scrape, i): JudgedTick => {
    nowMs = Math.max(nowMs, scrape.atMs)
    const found = foundAt(nowMs, i === file.scrapes.length - 1)
    const told = toldOf(scrape, i, { bound, found, nowMs })
    aborted ??= told.verdict === 'abort' ? told : null
    return aborted === null ? told : { ...told, verdict: 'abort', because: aborted.because }
  })
  const last = judged.at(-1)
  return {
    check: check.name,
    ticks: judged,
    verdict: last?.verdict ?? 'inconclusive',
    because: last?.because ?? 'there are no ticks',
    saved: '',
  }
}

const words: Readonly<Record<string, Verdict>> = {
  Passed: 'pass',
  Failed: 'abort',
  Inconclusive: 'inconclusive',
  Error: 'hold',
}

function toldOf(
  { atMs }: Scrape,
  tick: number,
  { bound, found, nowMs }: { readonly bound: Bound; readonly found: Found; readonly nowMs: number },
): JudgedTick {
  const { outcome, because, windowMs } = found
  const sums = sumsIn(bound, { fromMs: nowMs - windowMs, toMs: nowMs })
  const lane = judgedLane(bound)
  const edgeSeconds = bound.file.edgesSeconds[lane]
  const share = ({ n, x }: Sums) => ({ requests: n, bad: x[lane] ?? 0 })
  return {
    tick,
    at: new Date(atMs).toISOString(),
    verdict: words[outcome] ?? 'inconclusive',
    because,
    canary: share(sums.canary),
    stable: share(sums.stable),
    ...(edgeSeconds === undefined ? {} : { edgeSeconds }),
    windowSeconds: windowMs / 1_000,
  }
}

/** The edge at which the bound is judged: the first that is not below it, or the last. */
function judgedLane({ check, file }: Bound): number {
  const { edgesSeconds } = file
  const mostSeconds = durationMs(check.latency?.max ?? '0s') / 1_000
  const at = edgesSeconds.findIndex((edge) => edge >= mostSeconds * (1 - 1e-9))
  return at >= 0 ? at : Math.max(0, edgesSeconds.length - 1)
}

type FoundAt = (atMs: number, isLast: boolean) => Found

/** Judged as one, over the longest window that fits; mid-step only what is beyond doubt fails. */
function wholeBy(bound: Bound): FoundAt {
  const { check, minRequests, file, fromMs } = bound
  return (nowMs, final) => {
    const windowMs = windowFor({ fromMs, nowMs, scrapeIntervalMs: file.scrapeMs })
    if (windowMs === null) {
      return { outcome: 'Inconclusive', because: 'too early: few scrapes have come', windowMs: 0 }
    }
    const reading = readingAt(bound, nowMs, windowMs)
    const found = judge(check, reading, { final, minRequests, windowMs, atMs: nowMs })
    return { outcome: found.outcome, because: found.because, windowMs }
  }
}

/** Measured at multiples of the interval, and counted. */
function measuredBy(bound: Bound): FoundAt {
  const { check, minRequests, file, fromMs } = bound
  const schedule = scheduleOf(check, { fromMs, scrapeMs: file.scrapeMs })
  let tally = emptyTally
  let lastMs: number | null = null
  return (nowMs) => {
    const windowMs = schedule?.windowMs ?? 0
    for (const atMs of schedule ? dueInstants(schedule, { lastMs, nowMs }) : []) {
      const reading = readingAt(bound, atMs, windowMs)
      tally = counted(tally, judge(check, reading, { final: true, minRequests, windowMs, atMs }))
      lastMs = atMs
    }
    return { ...conclusionOf(check, tally), windowMs }
  }
}

function readingAt(bound: Bound, toMs: number, windowMs: number): Reading {
  return readingOf(bound.file, sumsIn(bound, { fromMs: toMs - windowMs, toMs }))
}

/** What was counted after `fromMs`. */
function sumsIn(
  { counts }: Bound,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): { readonly canary: Sums; readonly stable: Sums } {
  const [first, last] = [ticksUntil(counts.times, fromMs), ticksUntil(counts.times, toMs)]
  const between = (sums: readonly Sums[]): Sums => {
    const [before, after] = [sums[first], sums[last]]
    if (!before || !after) return { n: 0, x: [] }
    return { n: after.n - before.n, x: after.x.map((x, lane) => x - (before.x[lane] ?? 0)) }
  }
  return { canary: between(counts.canary), stable: between(counts.stable) }
}

/** How many of ascending times are no later. */
function ticksUntil(times: readonly number[], atMs: number): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) <= atMs) low = middle + 1
    else high = middle
  }
  return low
}

function countsOf({ scrapes, edgesSeconds }: TickFile): Counts {
  const none: Sums = { n: 0, x: new Array<number>(Math.max(1, edgesSeconds.length)).fill(0) }
  const times: number[] = []
  const sums = { canary: [none], stable: [none] }
  for (const scrape of scrapes) {
    if (scrape.atMs <= (times.at(-1) ?? 0)) continue
    times.push(scrape.atMs)
    for (const arm of ['canary', 'stable'] as const) {
      const before = sums[arm].at(-1) ?? none
      const counted = scrape[arm]
      // What is no count is left out, and never taken for 0.
      const isUsed = counted !== null && isCounted(counted)
      sums[arm].push(isUsed ? plus(before, counted) : before)
    }
  }
  return { times, ...sums }
}

function plus(sums: Sums, { n, x }: Arm): Sums {
  return { n: sums.n + n, x: sums.x.map((bad, lane) => bad + (x[lane] ?? 0)) }
}

function isCounted({ n, x }: Arm): boolean {
  return n >= 0 && n <= mostCount && x.every((bad) => bad >= 0 && bad <= n)
}
