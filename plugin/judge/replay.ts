// The checks of a Rollout and a Prometheus in, what the past of its service says of each out. Counters are read in
// pages, once for all checks that need the same ones.
import type { Backtest, Trials } from '../../analysis/backtest/backtest.ts'
import type { OwnBacktest } from '../../analysis/backtest/own-query.ts'
import type { Reading } from '../../analysis/judge/reading.ts'
import type { ArmName, MetricTable } from '../../analysis/metrics/table.ts'
import type { RawSamples } from '../../analysis/provider.ts'
import type { Check } from '../../crds/check.ts'
import type { metricsClient } from '../cluster/metrics-client.ts'
import { Failure } from '../failure.ts'

/** What is replayed: where, how long, and how long one trial takes. */
export interface Replay {
  readonly checks: readonly Check[]
  readonly table: MetricTable
  readonly owner: Omit<ArmName, 'revision'>
  readonly host: string
  readonly minRequests: number
  readonly trialMs: number
  readonly fromMs: number
  readonly untilMs: number
  readonly scrapeMs: number
  readonly client: ReturnType<typeof metricsClient>
}

export type Result = { readonly check: string } & (
  | ({ readonly replayed: 'pods' } & Backtest)
  | ({ readonly replayed: 'values' } & OwnBacktest)
  | { readonly replayed: 'nothing'; readonly because: string }
)

export const pageMs = 7_200_000

/** One result for each check, in their order. */
export async function replay(asked: Replay): Promise<readonly Result[]> {
  const { checks } = asked
  const found = new Map<Check, Result>()
  for (const metric of ['errors', 'latency'] as const) {
    const alike = checks.filter((check) => metricOf(check) === metric)
    if (alike.length > 0) await tryPods(metric, { ...asked, checks: alike, found })
  }
  const own = checks.filter(({ prometheus }) => prometheus)
  const revisionIn = own.some(namesRevision) ? await servingIn(asked) : null
  for (const check of own) found.set(check, await askOwn(check, { ...asked, revisionIn }))
  return checks.map(
    (check) =>
      found.get(check) ?? { check: check.name, replayed: 'nothing', because: reasonFor(check) },
  )
}

function metricOf({ compare, latency, successRate }: Check): 'errors' | 'latency' | null {
  if (compare) return compare.metric
  return latency ? 'latency' : successRate ? 'errors' : null
}

function reasonFor({ job, webhook }: Check): string {
  if (job) return 'a Job of the past can not be run'
  return webhook
    ? 'a webhook can not be asked about the past'
    : 'only Prometheus is asked about the past'
}

async function tryPods(
  metric: 'errors' | 'latency',
  asked: Replay & { readonly found: Map<Check, Result> },
): Promise<void> {
  const { checks, table, owner, fromMs, untilMs, scrapeMs, client, found } = asked
  const [{ noTrials, historyMs, summaryOf, tried }, { pastOf }, { rawSelector }] =
    await Promise.all([
      import('../../analysis/backtest/backtest.ts'),
      import('../../analysis/backtest/past.ts'),
      import('../../analysis/backtest/selector.ts'),
    ])
  const compared = checks.filter(({ compare }) => compare).length
  const optionsOf = (check: Check) => ({ ...asked, check, checks: compared, seed: 1 })
  const trials = new Map<Check, Trials>()
  for (let at = fromMs; at < untilMs; at += pageMs) {
    const toMs = Math.min(untilMs, at + pageMs)
    // History before the page, and a scrape for the base of each counter.
    const rangeMs = toMs - at + historyMs + scrapeMs
    const rows = await client.raw(rawSelector({ table, metric, owner, rangeMs }), toMs)
    const past = pastOf(rows, { table, metric, fromMs: at - historyMs, toMs, scrapeMs })
    for (const check of checks) {
      const before = trials.get(check) ?? noTrials
      trials.set(check, tried(before, past, { ...optionsOf(check), fromMs: at }))
    }
  }
  for (const check of checks) {
    const summary = summaryOf(trials.get(check) ?? noTrials, optionsOf(check))
    found.set(check, { check: check.name, replayed: 'pods', ...summary })
  }
}

type RevisionIn = (fromMs: number, toMs: number) => string | null | undefined

const namesRevision = ({ prometheus }: Check) =>
  /\{\{\s*(revision|stable)\s*\}\}/.test(prometheus?.query ?? '')

async function servingIn({ table, owner, fromMs, untilMs, client }: Replay): Promise<RevisionIn> {
  const { servingOf, servingQuery, servingStepMs } = await import(
    '../../analysis/backtest/serving.ts'
  )
  const range = { fromMs, toMs: untilMs, stepMs: servingStepMs }
  const rows = await client.range(servingQuery(table, owner), range)
  return servingOf(rows, table)
}

async function askOwn(
  check: Check,
  asked: Replay & { readonly revisionIn: RevisionIn | null },
): Promise<Result> {
  const [{ ownBacktest, ownPlan, ownRanges }, { questionFor }] = await Promise.all([
    import('../../analysis/backtest/own-query.ts'),
    import('../../analysis/query/query.ts'),
  ])
  const { client, owner, host, table, revisionIn } = asked
  const plan = ownPlan(check, asked, namesRevision(check) && revisionIn ? revisionIn : () => null)
  const readings = new Map<number, Reading>()
  for (const { revision, fromMs, toMs } of ownRanges(plan)) {
    const target = {
      ...{ namespace: owner.namespace, name: owner.rollout, host, table, windowMs: plan.windowMs },
      ...{ revision: revision ?? '', stable: revision },
    }
    const question = questionFor(check, target)
    if (question.kind === 'problem') throw new Failure(`check ${check.name}: ${question.because}`)
    const rows = await client.range(question.query, { fromMs, toMs, stepMs: plan.stepMs })
    for (const [atMs, reading] of await readingsOf(rows)) readings.set(atMs, reading)
  }
  return { check: check.name, replayed: 'values', ...ownBacktest(check, plan, readings) }
}

/** What each instant of a range says, by the rules for one answer. */
async function readingsOf(rows: readonly RawSamples[]): Promise<ReadonlyMap<number, Reading>> {
  const { ownReading } = await import('../../analysis/judge/reading.ts')
  const all = rows.flatMap(({ labels, samples }) => samples.map((one) => ({ labels, ...one })))
  const byTime = Map.groupBy(all, ({ atMs }) => atMs)
  return new Map([...byTime].map(([atMs, samples]) => [atMs, ownReading(samples)]))
}
