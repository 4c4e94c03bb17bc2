// Compare checks of one round in, evidence for each out. What a comparison knows is kept in memory
// between rounds; after a restart it is read again from the provider, scrape by scrape.
import type { Evidence } from '../crds/rollout-status.ts'
import type { Inquiry } from './ask/inquiry.ts'
import {
  atStep,
  begin,
  evidence,
  historyMs,
  isAnother,
  type Live,
  read,
  type Trial,
} from './compare/live.ts'
import { type Rows, rawSelector, rowsByArm } from './compare/mesh-series.ts'
import { maxQueryLength } from './query/query.ts'

/** One compare check of one subject. */
export interface Comparison {
  /** Identity over rounds: rollout, revision and check. */
  readonly key: string
  readonly check: string
  readonly trial: Trial
}

export interface Comparer {
  judge(
    comparisons: readonly Comparison[],
    round: { readonly inquiry: Inquiry; readonly nowMs: number },
  ): Promise<ReadonlyMap<Comparison, Evidence>>
}

/** What is not asked about for so long is forgotten. */
const keptMs = 3_600_000
/** Longest time that is read again after a restart. */
const maxReplayMs = 7_200_000
/** Spare intervals in each range: the base of the first one, and samples that come late. */
const spareScrapes = 2

export function createComparer(options: {
  readonly scrapeMs: number
  readonly subjectsPerQuery: number
}): Comparer {
  const { scrapeMs, subjectsPerQuery } = options
  const known = new Map<string, { live: Live; seenMs: number }>()
  return {
    async judge(comparisons, { inquiry, nowMs }) {
      for (const [key, { seenMs }] of known) if (nowMs - seenMs > keptMs) known.delete(key)
      const results = new Map<Comparison, Evidence>()
      const running: Running[] = []
      const starting: Comparison[] = []
      for (const comparison of comparisons) {
        const { key, trial } = comparison
        const live = known.get(key)?.live
        if (live === undefined || isAnother(live, trial)) starting.push(comparison)
        else running.push({ comparison, live: atStep(live, trial) })
      }
      const settle = (comparison: Comparison, outcome: Outcome) => {
        const { check, key } = comparison
        if ('because' in outcome) {
          const at = new Date(nowMs).toISOString()
          results.set(comparison, { check, ...outcome, at })
          return
        }
        known.set(key, { live: outcome.live, seenMs: nowMs })
        const { query } = outcome
        results.set(comparison, evidence(outcome.live, { check, query, nowMs }))
      }
      const context = { inquiry, nowMs, scrapeMs }
      await Promise.all([
        ...starting.map(async (comparison) => settle(comparison, await first(comparison, context))),
        ...groups(running, { ...context, subjectsPerQuery }).map(async (group) => {
          for (const [comparison, outcome] of await next(group, context)) {
            settle(comparison, outcome)
          }
        }),
      ])
      return results
    },
  }
}

interface Context {
  readonly inquiry: Inquiry
  readonly nowMs: number
  readonly scrapeMs: number
}

interface Running {
  readonly comparison: Comparison
  readonly live: Live
}

type Outcome =
  | { readonly live: Live; readonly query: string }
  | { readonly outcome: 'Error' | 'Inconclusive'; readonly because: string }

/** History and all that was scraped since the trial began: a new comparison, or one after a restart. */
async function first({ trial }: Comparison, context: Context): Promise<Outcome> {
  const { inquiry, nowMs, scrapeMs } = context
  const { table, arms } = trial
  const { metric } = trial.compare
  const sinceMs = startOf(trial.startedMs, context)
  const query = rawSelector(
    { table, by: 'callers', metric },
    { arms: [arms.canary, arms.stable], rangeMs: nowMs - sinceMs + spareScrapes * scrapeMs },
  )
  const past = rawSelector(
    { table, by: 'servers', metric },
    { arms: [arms.stable], rangeMs: historyMs },
  )
  const [served, recent] = await Promise.all([
    inquiry.askRaw(past, 'grouped', trial.startedMs),
    inquiry.askRaw(query, 'grouped'),
  ])
  if ('because' in served) return { outcome: 'Error', because: served.because }
  if ('because' in recent) return { outcome: 'Error', because: recent.because }
  const found = { served: served.rows, recent: recent.rows }
  const live = begin(trial, found, { scrapeMs, sinceMs })
  if (live === null) {
    return { outcome: 'Inconclusive', because: 'no latency buckets have been scraped' }
  }
  return { live: read(live, rowsByArm(recent.rows, table.callers), nowMs), query }
}

/** Where reading begins: on a grid that a restart finds again. */
function startOf(startedMs: number, { nowMs, scrapeMs }: Context): number {
  const late = Math.max(0, nowMs - maxReplayMs - startedMs)
  return startedMs + (Math.ceil(late / scrapeMs) - 1) * scrapeMs
}

/** One question for many comparisons; when it fails each asks alone. */
async function next(
  group: readonly Running[],
  context: Context,
): Promise<readonly (readonly [Comparison, Outcome])[]> {
  const { inquiry, nowMs } = context
  const [any] = group
  if (any === undefined) return []
  const answer = await inquiry.askRaw(selectorFor(group, context), 'grouped')
  if ('because' in answer) {
    if (group.length > 1) {
      const alone = await Promise.all(group.map((one) => next([one], context)))
      return alone.flat()
    }
    return group.map(({ comparison }) => [
      comparison,
      { outcome: 'Error', because: answer.because },
    ])
  }
  const rows: Rows = rowsByArm(answer.rows, any.live.table.callers)
  return group.map((one) => {
    const query = selectorFor([one], context)
    return [one.comparison, { live: read(one.live, rows, nowMs), query }]
  })
}

function selectorFor(group: readonly Running[], context: Context): string {
  const [any] = group
  if (any === undefined) return ''
  const { metric } = any.comparison.trial.compare
  const les = [...new Set(group.flatMap(({ live }) => live.les))]
  const rangeMs = Math.max(...group.map((one) => rangeOf(one, context)))
  const arms = group.flatMap(({ live }) => [live.arms.canary, live.arms.stable])
  return rawSelector(
    { table: any.live.table, by: 'callers', metric },
    { arms, rangeMs, ...(metric === 'errors' ? {} : { les }) },
  )
}

/** Groups with one metric and one range, small enough to ask. */
function groups(
  running: readonly Running[],
  context: Context & { readonly subjectsPerQuery: number },
): readonly (readonly Running[])[] {
  const byTable = Map.groupBy(running, ({ live }) => live.table)
  const alike = [...byTable.values()].flatMap((same) => [
    ...Map.groupBy(same, (one) => {
      return `${one.comparison.trial.compare.metric} ${rangeOf(one, context)}`
    }).values(),
  ])
  return alike.flatMap((all) => {
    const cut: Running[][] = []
    for (let at = 0; at < all.length; at += context.subjectsPerQuery) {
      cut.push(all.slice(at, at + context.subjectsPerQuery))
    }
    return cut.flatMap((group) => halved(group, context))
  })
}

function halved(group: readonly Running[], context: Context): readonly (readonly Running[])[] {
  if (group.length < 2 || selectorFor(group, context).length <= maxQueryLength) return [group]
  const middle = Math.ceil(group.length / 2)
  return [...halved(group.slice(0, middle), context), ...halved(group.slice(middle), context)]
}

/** Since the last interval consumed, in powers of two of scrapes, so that many share one range. */
function rangeOf({ live }: Running, { nowMs, scrapeMs }: Context): number {
  const scrapes = Math.ceil((nowMs - live.consumed.atMs) / scrapeMs) + spareScrapes
  return Math.min(maxReplayMs, 2 ** Math.ceil(Math.log2(Math.max(4, scrapes))) * scrapeMs)
}
