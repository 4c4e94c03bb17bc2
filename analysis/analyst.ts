// Subjects in, a verdict for each out: windows, grouped questions, readings, judgement. All subjects
// of a round are asked about at one instant; a subject whose questions fail does not harm another.
import type { Check } from '../crds/check.ts'
import type { Evidence } from '../crds/rollout-status.ts'
import type { MetricSource } from '../crds/words.ts'
import { type Comparison, createComparer } from './comparing.ts'
import { createInquiry, type Inquiry } from './inquiry.ts'
import { combine, judge } from './judge.ts'
import { createLimiter } from './limiter.ts'
import { metricTables } from './metrics/tables.ts'
import type { Provider } from './provider.ts'
import {
  armsOf,
  groupedQuery,
  questionFor,
  serviceOf,
  shards,
  singleQuery,
  type Target,
} from './query.ts'
import { type ByArm, builtInReading, byArm, ownReading, type Reading } from './reading.ts'
import type { Verdict } from './verdict.ts'
import { windowFor } from './window.ts'

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
  judge(subjects: readonly Subject[]): Promise<Map<string, Verdict>>
}

export interface AnalystOptions {
  readonly provider: Provider
  readonly clock: { now(): number }
  readonly scrapeIntervalMs: number
  /** Subjects in one query. 200 keep 5,000 rollouts with two checks at about 50 queries. */
  readonly subjectsPerQuery?: number
}

const maxQueriesAtOnce = 16

export function createAnalyst(options: AnalystOptions): Analyst {
  const { provider, clock, scrapeIntervalMs, subjectsPerQuery = 200 } = options
  const limit = createLimiter(maxQueriesAtOnce)
  const comparer = createComparer({ scrapeMs: scrapeIntervalMs, subjectsPerQuery })
  return {
    async judge(subjects) {
      const nowMs = clock.now()
      const inquiry = createInquiry({ provider, limit, atMs: nowMs })
      const asked = subjects.flatMap((subject) => askedOf(subject, { nowMs, scrapeIntervalMs }))
      const comparisons = subjects.flatMap(comparisonsOf)
      const [readings, compared] = await Promise.all([
        read(asked, { inquiry, subjectsPerQuery }),
        comparer.judge(
          comparisons.map(({ comparison }) => comparison),
          { inquiry, nowMs },
        ),
      ])
      const evidence = new Map<Subject, Evidence[]>(subjects.map((subject) => [subject, []]))
      for (const one of asked) {
        evidence.get(one.subject)?.push(evidenceOf(one, readings.get(one), nowMs))
      }
      for (const { subject, comparison } of comparisons) {
        const found = compared.get(comparison)
        if (found) evidence.get(subject)?.push(found)
      }
      return new Map(
        subjects.map((subject) => [
          subject.key,
          combine(subject, evidence.get(subject) ?? [], nowMs),
        ]),
      )
    },
  }
}

/** One check of one subject: what to ask, or the reading that needs no question. */
interface Asked {
  readonly subject: Subject
  readonly check: Check
  readonly target: Target
  readonly kind: 'requests' | 'durations' | 'own' | 'known'
  readonly query: string
  readonly known: Reading | null
}

function askedOf(
  subject: Subject,
  time: { nowMs: number; scrapeIntervalMs: number },
): readonly Asked[] {
  const windowMs = windowFor({ fromMs: subject.fromMs, ...time })
  const target = targetOf(subject, windowMs ?? 0)
  const known = (check: Check, reading: Reading): Asked => {
    return { subject, check, target, kind: 'known', query: '', known: reading }
  }
  return subject.checks.flatMap((check) => {
    if (check.compare) {
      const because = incomparable(subject)
      return because === null ? [] : [known(check, { kind: 'error', because })]
    }
    if (windowMs === null) return known(check, tooEarly(subject, time))
    const question = questionFor(check, target)
    if (question.kind === 'problem') {
      return known(check, { kind: 'error', because: question.because })
    }
    return { subject, check, target, kind: question.kind, query: question.query, known: null }
  })
}

function targetOf(subject: Subject, windowMs: number): Target {
  const { namespace, name, host, revision, stable, metrics = 'istio' } = subject
  return { namespace, name, host, revision, stable, windowMs, table: metricTables[metrics] }
}

/** Compare checks of a subject, unless there is nothing to compare with. */
function comparisonsOf(subject: Subject): readonly { subject: Subject; comparison: Comparison }[] {
  const { key, revision, step, fromMs, weightPercent = null } = subject
  const target = targetOf(subject, 0)
  const { table } = target
  const { canary, stable } = armsOf(target)
  if (stable === undefined || serviceOf(subject) === null) return []
  const arms = { canary, stable }
  const checks = subject.checks.filter((check) => check.compare !== undefined).length
  return subject.checks.flatMap(({ name, compare }) => {
    if (compare === undefined) return []
    const trial = { arms, table, step, fromMs, weightPercent, compare, checks }
    return [{ subject, comparison: { key: `${key}/${revision}/${name}`, check: name, trial } }]
  })
}

function incomparable(subject: Subject): string | null {
  if (subject.stable === null) return 'there is no stable revision to compare with'
  return serviceOf(subject) === null ? `host ${subject.host} is not the name of a Service` : null
}

async function read(
  asked: readonly Asked[],
  context: { inquiry: Inquiry; subjectsPerQuery: number },
): Promise<ReadonlyMap<Asked, Reading>> {
  const readings = new Map<Asked, Reading>()
  const builtIn = {
    requests: new Map<Target, Reading>(),
    durations: new Map<Target, Reading>(),
  }
  const work: Promise<void>[] = []
  for (const kind of ['requests', 'durations'] as const) {
    // Several checks of one subject share one row of the answer.
    const targets = new Set(asked.filter((one) => one.kind === kind).map(({ target }) => target))
    for (const sameWindow of groupedByWindow(targets)) {
      for (const shard of shards(kind, sameWindow, context.subjectsPerQuery)) {
        work.push(
          readShard(kind, shard, context.inquiry).then((found) => {
            for (const [target, reading] of found) builtIn[kind].set(target, reading)
          }),
        )
      }
    }
  }
  const own = asked.filter(({ kind }) => kind === 'own')
  for (const [query, same] of Map.groupBy(own, (one) => one.query)) {
    work.push(
      context.inquiry.ask(query, 'single').then((answer) => {
        const reading = 'because' in answer ? answer : ownReading(answer.samples)
        for (const one of same) readings.set(one, reading)
      }),
    )
  }
  await Promise.all(work)
  for (const one of asked) {
    const { kind, target } = one
    const reading = kind === 'requests' || kind === 'durations' ? builtIn[kind].get(target) : null
    if (reading) readings.set(one, reading)
  }
  return readings
}

/** Targets that one query may ask for: with one window and one table. */
function groupedByWindow(targets: Iterable<Target>): readonly (readonly Target[])[] {
  const byWindow = [...Map.groupBy(targets, ({ windowMs }) => windowMs).values()]
  return byWindow.flatMap((same) => [...Map.groupBy(same, ({ table }) => table).values()])
}

async function readShard(
  kind: 'requests' | 'durations',
  shard: readonly Target[],
  inquiry: Inquiry,
): Promise<ReadonlyMap<Target, Reading>> {
  const [first] = shard
  if (first === undefined) return new Map()
  const { table } = first
  const readingOf = (arms: ByArm, target: Target) => builtInReading(kind, arms, target)
  if (shard.length > 1) {
    const answer = await inquiry.ask(groupedQuery(kind, shard), 'grouped')
    if (!('because' in answer)) {
      const arms = byArm(answer.samples, table)
      return new Map(shard.map((target) => [target, readingOf(arms, target)]))
    }
  }
  // One bad apple must not blind the rest of its shard.
  const singles = shard.map(async (target) => {
    const answer = await inquiry.ask(singleQuery(kind, target), 'single')
    const reading = 'because' in answer ? answer : readingOf(byArm(answer.samples, table), target)
    return [target, reading] as const
  })
  return new Map(await Promise.all(singles))
}

function evidenceOf(asked: Asked, reading: Reading | undefined, nowMs: number): Evidence {
  const { subject, check, target, query } = asked
  const known = asked.known ??
    reading ?? { kind: 'error', because: 'the question was not answered' }
  return judge(check, known, {
    final: subject.final,
    minRequests: subject.minRequests,
    windowMs: target.windowMs,
    atMs: nowMs,
    ...(query === '' ? {} : { query }),
  })
}

function tooEarly(subject: Subject, time: { nowMs: number; scrapeIntervalMs: number }): Reading {
  const liveS = Math.max(0, Math.floor((time.nowMs - subject.fromMs) / 1_000))
  const neededS = Math.ceil((5 * time.scrapeIntervalMs) / 1_000)
  const because = `too early: the weight is live for ${liveS}s, and ${neededS}s are needed`
  return { kind: 'inconclusive', because }
}
