// Queries of users in, what the provider said of each out. Those of one check, which many rollouts share by a
// template, are asked together: each is marked with a label, so that its rows are found in the answer.

import { ownReading, type Reading } from '../judge/reading.ts'
import { isSelfContained, quoted } from '../promql-text.ts'
import type { Sample } from '../provider.ts'
import { maxQueryLength } from '../query/query.ts'
import type { Inquiry } from './inquiry.ts'

export interface OwnQuestion {
  readonly query: string
  readonly atMs: number
  /** What makes questions alike: the name of the check. */
  readonly check: string
}

/** Checks whose queries can not be asked together, such as those that give a scalar. */
export type Apart = Set<string>

interface Context {
  readonly inquiry: Inquiry
  readonly apart: Apart
}

const mark = 'sluice_question'
const maxTogether = 100
const maxApart = 10_000

/** Readings in the order of the questions. */
export async function readOwn(
  questions: readonly OwnQuestion[],
  context: Context,
): Promise<ReadonlyMap<OwnQuestion, Reading>> {
  const readings = new Map<OwnQuestion, Reading>()
  const alike = Map.groupBy(questions, ({ atMs, check, query }) => {
    return isSelfContained(query) ? `${atMs} ${check}` : `${atMs} ${check} ${query}`
  })
  await Promise.all(
    [...alike.values()].flatMap(cut).map(async (group) => {
      for (const [one, reading] of await readGroup(group, context)) readings.set(one, reading)
    }),
  )
  return readings
}

async function readGroup(
  group: readonly OwnQuestion[],
  context: Context,
): Promise<readonly (readonly [OwnQuestion, Reading])[]> {
  const { inquiry, apart } = context
  const [first] = group
  if (first === undefined) return []
  const isTogether = group.length > 1 && !apart.has(first.check)
  if (isTogether) {
    const answer = await inquiry.ask(joined(group), 'grouped', first.atMs)
    if (!('because' in answer)) {
      const rows = Map.groupBy(answer.samples, ({ labels }: Sample) => labels[mark] ?? '')
      return group.map((one, i) => [one, ownReading(rows.get(String(i)) ?? [])])
    }
  }
  const alone = await Promise.all(
    group.map(async (one) => {
      const answer = await inquiry.ask(one.query, 'single', one.atMs)
      const reading = 'because' in answer ? answer : ownReading(answer.samples)
      return [one, reading] as const
    }),
  )
  // Where each gets an answer by itself, it was the asking together that failed.
  const isAlways = isTogether && alone.every(([, { kind }]) => kind !== 'error')
  if (isAlways && apart.size < maxApart) apart.add(first.check)
  return alone
}

function joined(group: readonly OwnQuestion[]): string {
  // A line of its own for each: a comment at the end of one must not swallow the rest.
  return group
    .map(({ query }, i) => `label_replace(\n${query}\n, ${quoted(mark)}, "${i}", "", "")`)
    .join(' or ')
}

/** Groups that are short enough to be asked. */
function cut(group: readonly OwnQuestion[]): readonly (readonly OwnQuestion[])[] {
  const cuts: OwnQuestion[][] = []
  let length = 0
  for (const one of group) {
    const added = one.query.length + 64
    const last = cuts.at(-1)
    if (last && last.length < maxTogether && length + added <= maxQueryLength) {
      last.push(one)
      length += added
    } else {
      cuts.push([one])
      length = added
    }
  }
  return cuts
}
