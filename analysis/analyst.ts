// Subjects in, a verdict for each out: windows, grouped questions, readings, judgement. All subjects
// of a round are asked about at one instant; a subject whose questions fail does not harm another.
import type { Check } from '../crds/check.ts'
import type { Evidence } from '../crds/rollout-status.ts'
import type { MetricSource } from '../crds/words.ts'
import { type Asked, askedFor, knownReading, readAll } from './ask/asking.ts'
import { createInquiry, type Inquiry } from './ask/inquiry.ts'
import { createLimiter } from './ask/limiter.ts'
import type { Apart } from './ask/own-queries.ts'
import { noSources, type Sources } from './ask/source.ts'
import { createBreaker } from './breaker.ts'
import { type Comparison, createComparer } from './comparing.ts'
import { combine, judge } from './judge/judge.ts'
import { scheduleOf } from './judge/measurements.ts'
import type { Reading } from './judge/reading.ts'
import { besideStable, createMeasurer, type Measurement } from './measuring.ts'
import { metricTables } from './metrics/tables.ts'
import type { Provider } from './provider.ts'
import { armsOf, serviceOf, type Target } from './query/query.ts'
import { windowFor } from './query/window.ts'
import type { Observed, Verdict } from './verdict.ts'

/** One revision at one step, and what is to be known of it. */
export interface Subject {
  /** Key of the verdict in the answer. */
  readonly key: string
  readonly namespace: string
  readonly name: string
  /** The Service whose traffic is split. */
  readonly host: string
  readonly revision: string
  readonly stable: string | null
  readonly step: number
  /** When the trial of the revision began, ms since epoch; that of the step without it. */
  readonly startedMs?: number
  /** When the step's weight was live, ms since epoch. */
  readonly fromMs: number
  /** Weight of the canary at this step, when known: a comparison holds traffic that does not follow it. */
  readonly weightPercent?: number
  /** The hold is over: decide. Before that only a failure beyond doubt decides. */
  readonly final: boolean
  /** Whose metrics answer built-in checks; Istio's without it. */
  readonly metrics?: MetricSource
  /** Resolved: templates and their arguments filled in. */
  readonly checks: readonly Check[]
  readonly minRequests: number
}

export interface Analyst {
  /** One verdict per subject, by key. Never rejects: a provider that fails is Error evidence. */
  judge(subjects: readonly Subject[]): Promise<ReadonlyMap<string, Verdict>>
}

export interface AnalystOptions {
  readonly provider: Provider
  /** Providers that are no Prometheus. */
  readonly sources?: Sources
  readonly clock: { now(): number }
  readonly scrapeIntervalMs: number
  /** Subjects in one query. 200 keep 5,000 rollouts with two checks at about 50 queries. */
  readonly subjectsPerQuery?: number
}

const maxQueriesAtOnce = 16

export function createAnalyst(options: AnalystOptions): Analyst {
  const { provider, clock, scrapeIntervalMs, subjectsPerQuery = 200, sources = noSources } = options
  const limit = createLimiter(maxQueriesAtOnce)
  const apart = new Set<string>()
  const comparer = createComparer({ scrapeMs: scrapeIntervalMs, subjectsPerQuery })
  const measurer = createMeasurer({ subjectsPerQuery, sources, apart })
  const breaker = createBreaker()
  return {
    async judge(subjects) {
      const nowMs = clock.now()
      const inquiry = createInquiry({ provider, limit, atMs: nowMs })
      const time = { nowMs, scrapeIntervalMs }
      const comparisons = subjects.flatMap(comparisonsOf)
      const measurements = subjects.flatMap((subject) => measurementsOf(subject, scrapeIntervalMs))
      const [whole, compared, measured] = await Promise.all([
        judgeWhole(subjects, { inquiry, subjectsPerQuery, sources, apart, ...time }),
        comparer.judge(
          comparisons.map(({ comparison }) => comparison),
          { inquiry, nowMs },
        ),
        measurer.judge(
          measurements.map(({ measurement }) => measurement),
          { inquiry, nowMs },
        ),
      ])
      const evidence = new Map<Subject, Evidence[]>(subjects.map((subject) => [subject, []]))
      const add = (subject: Subject, found: Evidence | undefined) => {
        if (found) evidence.get(subject)?.push(found)
      }
      const observed = new Map<Subject, Observed>()
      for (const { subject, found, observed: counts } of whole) {
        add(subject, found)
        if (counts) observed.set(subject, counts)
      }
      for (const { subject, comparison } of comparisons) add(subject, compared.get(comparison))
      for (const { subject, measurement } of measurements) add(subject, measured.get(measurement))
      const verdicts = subjects.map((subject) => {
        const verdict = combine(subject, evidence.get(subject) ?? [], nowMs)
        return [subject.key, { ...verdict, observed: observed.get(subject) }] as const
      })
      return breaker.guard(new Map(verdicts), nowMs)
    },
  }
}

interface Time {
  readonly nowMs: number
  readonly scrapeIntervalMs: number
}

interface Whole {
  readonly subject: Subject
  readonly found: Evidence
  /** What callers sent to both arms, when the check counted it. */
  readonly observed: Observed | undefined
}

/** Checks that judge their step as one: over the longest window that fits into it. */
async function judgeWhole(
  subjects: readonly Subject[],
  context: Time &
    Pick<Required<AnalystOptions>, 'subjectsPerQuery' | 'sources'> & {
      readonly inquiry: Inquiry
      readonly apart: Apart
    },
): Promise<readonly Whole[]> {
  const asked = subjects.flatMap((subject) =>
    askedOf(subject, context).map((one) => ({ subject, one })),
  )
  const readings = await readAll(
    asked.map(({ one }) => one),
    context,
  )
  return Promise.all(
    asked.map(async ({ subject, one }) => {
      const reading = readings.get(one)
      const found = evidenceOf(subject, one, reading)
      const observed = observedIn(reading)
      return { subject, found: await besideStable(one, found, context.inquiry), observed }
    }),
  )
}

function askedOf(subject: Subject, time: Time): readonly Asked[] {
  const { nowMs, scrapeIntervalMs } = time
  const windowMs = windowFor({ fromMs: subject.fromMs, ...time })
  const target = targetOf(subject, windowMs ?? 0)
  return subject.checks.flatMap((check) => {
    const asked = { check, target, atMs: nowMs }
    if (check.compare) {
      const because = incomparable(subject)
      return because === null ? [] : [knownReading(asked, { kind: 'error', because })]
    }
    if (scheduleOf(check, { fromMs: subject.fromMs, scrapeMs: scrapeIntervalMs })) return []
    return windowMs === null
      ? knownReading(asked, tooEarly(subject, time))
      : askedFor(check, target, nowMs)
  })
}

/** Checks that are measured at their own intervals. */
function measurementsOf(
  subject: Subject,
  scrapeMs: number,
): readonly { readonly subject: Subject; readonly measurement: Measurement }[] {
  const { key, revision, fromMs, step, minRequests } = subject
  return subject.checks.flatMap((check) => {
    const schedule = scheduleOf(check, { fromMs, scrapeMs })
    if (schedule === null) return []
    const target = targetOf(subject, schedule.windowMs)
    const identity = `${key}/${revision}/${check.name}`
    const measurement = { key: identity, check, target, schedule, step, fromMs, minRequests }
    return [{ subject, measurement }]
  })
}

function targetOf(subject: Subject, windowMs: number): Target {
  const { namespace, name, host, revision, stable, metrics = 'istio' } = subject
  return { namespace, name, host, revision, stable, windowMs, table: metricTables[metrics] }
}

/** Compare checks of a subject, unless there is nothing to compare with. */
function comparisonsOf(subject: Subject): readonly { subject: Subject; comparison: Comparison }[] {
  const { key, revision, step, fromMs, startedMs = fromMs, weightPercent = null } = subject
  const target = targetOf(subject, 0)
  const { table } = target
  const { canary, stable } = armsOf(target)
  if (stable === undefined || serviceOf(subject) === null) return []
  const arms = { canary, stable }
  const checks = subject.checks.filter((check) => check.compare !== undefined).length
  return subject.checks.flatMap(({ name, compare }) => {
    if (compare === undefined) return []
    const trial = { arms, table, startedMs, step, fromMs, weightPercent, compare, checks }
    return [{ subject, comparison: { key: `${key}/${revision}/${name}`, check: name, trial } }]
  })
}

function incomparable(subject: Subject): string | null {
  if (subject.stable === null) return 'there is no stable revision to compare with'
  return serviceOf(subject) === null ? `host ${subject.host} is not the name of a Service` : null
}

function observedIn(reading: Reading | undefined): Observed | undefined {
  const isCounted = reading?.kind === 'requests' || reading?.kind === 'durations'
  if (!isCounted || !reading.stable) return undefined
  return { canary: reading.canary.total, stable: reading.stable.total }
}

function evidenceOf(subject: Subject, asked: Asked, reading: Reading | undefined): Evidence {
  const { check, target, query, atMs } = asked
  const { final, minRequests } = subject
  return judge(check, reading ?? { kind: 'error', because: 'the question was not answered' }, {
    final,
    minRequests,
    windowMs: target.windowMs,
    atMs,
    ...(query === '' ? {} : { query }),
  })
}

function tooEarly(subject: Subject, time: Time): Reading {
  const liveS = Math.max(0, Math.floor((time.nowMs - subject.fromMs) / 1_000))
  const neededS = Math.ceil((5 * time.scrapeIntervalMs) / 1_000)
  const because = `too early: the weight is live for ${liveS}s, and ${neededS}s are needed`
  return { kind: 'inconclusive', because }
}
