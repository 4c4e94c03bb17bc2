// A query of a user's own and what it gave in the past in, how often its bounds were not met out. All pods of a
// revision are one here, so nothing is tried against another, and no errors can be added.
import type { Check } from '../../crds/check.ts'
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

/** A span as long as a rollout's holds, under one revision. */
export interface OwnTrial {
  readonly fromMs: number
  /** What the query's {{revision}} stands for; null for one that names none. */
  readonly revision: string | null
  /** When it is asked; a check that judges its step as one is asked at its end. */
  readonly instants: readonly number[]
}

export interface OwnPlan {
  readonly trials: readonly OwnTrial[]
  /** Between two instants. */
  readonly stepMs: number
  /** What {{window}} stands for. */
  readonly windowMs: number
}

/** `revisionIn` gives the one revision that served in a span; undefined where there was none, or several. */
export function ownPlan(
  check: Check,
  span: {
    readonly fromMs: number
    readonly untilMs: number
    readonly trialMs: number
    readonly scrapeMs: number
  },
  revisionIn: (fromMs: number, toMs: number) => string | null | undefined,
): OwnPlan {
  const { fromMs, untilMs, trialMs, scrapeMs } = span
  const trials: OwnTrial[] = []
  for (let at = fromMs; at + trialMs <= untilMs; at += trialMs) {
    const toMs = at + trialMs
    const revision = revisionIn(at, toMs)
    if (revision === undefined) continue
    const schedule = scheduleOf(check, { fromMs: at, scrapeMs })
    const instants = schedule ? dueInstants(schedule, { lastMs: null, nowMs: toMs }) : [toMs]
    trials.push({ fromMs: at, revision, instants })
  }
  const usual = scheduleOf(check, { fromMs, scrapeMs })
  const whole = windowFor({ fromMs, nowMs: fromMs + trialMs, scrapeIntervalMs: scrapeMs })
  return {
    trials,
    stepMs: usual?.intervalMs ?? trialMs,
    windowMs: usual?.windowMs ?? whole ?? trialMs,
  }
}

/** Ranges that one query each may ask: one revision, and at most so many instants. */
export function ownRanges(
  { trials, stepMs }: OwnPlan,
  mostInstants = 1_440,
): readonly { readonly revision: string | null; readonly fromMs: number; readonly toMs: number }[] {
  const ranges: { revision: string | null; fromMs: number; toMs: number }[] = []
  for (const { revision, instants } of trials) {
    const [first, last] = [instants[0], instants.at(-1)]
    if (first === undefined || last === undefined) continue
    const open = ranges.at(-1)
    if (open?.revision === revision && last - open.fromMs < mostInstants * stepMs) open.toMs = last
    else ranges.push({ revision, fromMs: first, toMs: last })
  }
  return ranges
}

export interface OwnBacktest {
  readonly trials: number
  readonly days: number
  readonly measurements: number
  /** Measurements beyond the bounds, and those without one number. */
  readonly failed: number
  readonly unanswered: number
  /** Why the first one was unanswered. */
  readonly because: string | null
  readonly aborts: number
  readonly abortPercent: number
  readonly passes: number
  readonly values: {
    readonly least: number
    readonly median: number
    readonly most: number
    readonly percent99: number
  } | null
  /** Begin of the first trials that would have aborted. */
  readonly aborted: readonly string[]
}

/** Holds each trial to the bounds and limits of the check. `readings`: by instant; what is missing found no series. */
export function ownBacktest(
  check: Check,
  { trials, windowMs }: OwnPlan,
  readings: ReadonlyMap<number, Reading>,
): OwnBacktest {
  const none: Reading = { kind: 'inconclusive', because: 'the query found no series' }
  const read = (atMs: number) => readings.get(atMs) ?? none
  const concluded = trials.map(({ fromMs, instants }) => {
    const found = instants.map((atMs) =>
      judge(check, read(atMs), { final: true, minRequests: 1, windowMs, atMs }),
    )
    const outcome = outcomeOf(check, found)
    return { fromMs, found, outcome }
  })
  const all = concluded.flatMap(({ found }) => found)
  const values = trials
    .flatMap(({ instants }) => instants.map(read))
    .flatMap((reading) => (reading.kind === 'value' ? [reading.value] : []))
    .sort((a, b) => a - b)
  const aborted = concluded.filter(({ outcome }) => outcome === 'Failed')
  const unanswered = all.filter(({ outcome }) => outcome === 'Inconclusive' || outcome === 'Error')
  return {
    trials: trials.length,
    days: new Set(trials.map(({ fromMs }) => Math.floor(fromMs / 86_400_000))).size,
    measurements: all.length,
    failed: all.filter(({ outcome }) => outcome === 'Failed').length,
    unanswered: unanswered.length,
    because: unanswered[0]?.because ?? null,
    aborts: aborted.length,
    abortPercent:
      trials.length === 0 ? 0 : Number(((100 * aborted.length) / trials.length).toPrecision(3)),
    passes: concluded.filter(({ outcome }) => outcome === 'Passed').length,
    values: spreadOf(values),
    aborted: aborted.slice(0, 3).map(({ fromMs }) => new Date(fromMs).toISOString()),
  }
}

/** Failed as soon as it was at any time, else what it was at the end. */
function outcomeOf(check: Check, found: readonly ReturnType<typeof judge>[]): string {
  if (scheduleOf(check, { fromMs: 0, scrapeMs: 1 }) === null) return found[0]?.outcome ?? ''
  let tally = emptyTally
  for (const one of found) {
    tally = counted(tally, one)
    if (conclusionOf(check, tally).outcome === 'Failed') return 'Failed'
  }
  return conclusionOf(check, tally).outcome
}

function spreadOf(sorted: readonly number[]): OwnBacktest['values'] {
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  const [least, median, percent99, most] = [at(0), at(0.5), at(0.99), at(1)]
  if (least === undefined || median === undefined) return null
  return { least, median, percent99: percent99 ?? median, most: most ?? median }
}
