// Checks with their targets in, what the providers said of each out. Built-in questions with one window, one
// instant and one table of metrics are asked in groups; the failure of one harms no other.
import type { Check } from '../../crds/check.ts'
import { type ByArm, builtInReading, byArm, type Reading } from '../judge/reading.ts'
import { groupedQuery, questionFor, shards, singleQuery, type Target } from '../query/query.ts'
import type { Inquiry } from './inquiry.ts'
import { type Apart, readOwn } from './own-queries.ts'
import type { Sources } from './source.ts'

/** One check of one target at one instant: what to ask, or the reading that needs no question. */
export interface Asked {
  readonly check: Check
  readonly target: Target
  readonly atMs: number
  readonly kind: 'requests' | 'durations' | 'own' | 'source' | 'known'
  /** Text of the question; empty where there is none. */
  readonly query: string
  readonly known: Reading | null
}

export function askedFor(check: Check, target: Target, atMs: number): Asked {
  const question = questionFor(check, target)
  const common = { check, target, atMs }
  if (question.kind === 'problem') {
    return knownReading(common, { kind: 'error', because: question.because })
  }
  return { ...common, kind: question.kind, query: question.query, known: null }
}

export function knownReading(
  asked: Pick<Asked, 'check' | 'target' | 'atMs'>,
  reading: Reading,
): Asked {
  return { ...asked, kind: 'known', query: '', known: reading }
}

interface Context {
  readonly inquiry: Inquiry
  readonly subjectsPerQuery: number
  readonly sources: Sources
  readonly apart: Apart
}

export async function readAll(
  asked: readonly Asked[],
  context: Context,
): Promise<ReadonlyMap<Asked, Reading>> {
  const readings = new Map<Asked, Reading>()
  const work: Promise<void>[] = []
  for (const one of asked) if (one.known) readings.set(one, one.known)
  for (const kind of ['requests', 'durations'] as const) {
    const alike = asked.filter((one) => one.kind === kind)
    for (const group of groupsOf(alike)) work.push(readGroup(kind, group, { ...context, readings }))
  }
  work.push(readQueries(asked, { ...context, readings }))
  for (const one of asked) {
    if (one.kind !== 'source') continue
    work.push(context.sources.ask(one).then((reading) => void readings.set(one, reading)))
  }
  await Promise.all(work)
  return readings
}

/** Queries of users; one that several ask is asked once. */
async function readQueries(
  asked: readonly Asked[],
  { inquiry, apart, readings }: Context & { readonly readings: Map<Asked, Reading> },
): Promise<void> {
  const own = asked.filter(({ kind }) => kind === 'own')
  const same = [...Map.groupBy(own, ({ atMs, query }) => `${atMs} ${query}`).values()]
  const questions = same.flatMap((all) => {
    const [first] = all
    return first ? [{ query: first.query, atMs: first.atMs, check: first.check.name, all }] : []
  })
  const found = await readOwn(questions, { inquiry, apart })
  for (const question of questions) {
    const reading = found.get(question)
    if (reading) for (const one of question.all) readings.set(one, reading)
  }
}

/** Questions that one query may ask: at one instant, with one window and one table. */
function groupsOf(asked: readonly Asked[]): readonly (readonly Asked[])[] {
  const tables = [...Map.groupBy(asked, ({ target }) => target.table).values()]
  return tables.flatMap((same) => [
    ...Map.groupBy(same, ({ target, atMs }) => `${atMs} ${target.windowMs}`).values(),
  ])
}

async function readGroup(
  kind: 'requests' | 'durations',
  group: readonly Asked[],
  context: Context & { readonly readings: Map<Asked, Reading> },
): Promise<void> {
  const [first] = group
  if (first === undefined) return
  // Several checks of one subject share one row of the answer.
  const byTarget = Map.groupBy(group, ({ target }) => target)
  const cut = shards(kind, [...byTarget.keys()], context.subjectsPerQuery)
  await Promise.all(
    cut.map(async (shard) => {
      const found = await readShard(kind, shard, { ...context, atMs: first.atMs })
      for (const [target, reading] of found) {
        for (const one of byTarget.get(target) ?? []) context.readings.set(one, reading)
      }
    }),
  )
}

async function readShard(
  kind: 'requests' | 'durations',
  shard: readonly Target[],
  { inquiry, atMs }: { readonly inquiry: Inquiry; readonly atMs: number },
): Promise<ReadonlyMap<Target, Reading>> {
  const [first] = shard
  if (first === undefined) return new Map()
  const { table } = first
  const readingOf = (arms: ByArm, target: Target) => builtInReading(kind, arms, target)
  if (shard.length > 1) {
    const answer = await inquiry.ask(groupedQuery(kind, shard), 'grouped', atMs)
    if (!('because' in answer)) {
      const arms = byArm(answer.samples, table)
      return new Map(shard.map((target) => [target, readingOf(arms, target)]))
    }
  }
  // One bad apple must not blind the rest of its shard.
  const singles = shard.map(async (target) => {
    const answer = await inquiry.ask(singleQuery(kind, target), 'single', atMs)
    const reading = 'because' in answer ? answer : readingOf(byArm(answer.samples, table), target)
    return [target, reading] as const
  })
  return new Map(await Promise.all(singles))
}
