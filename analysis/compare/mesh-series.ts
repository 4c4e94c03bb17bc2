// Scraped samples of a mesh in, counters of both arms out, and the text of the selectors for them.
import {
  type ArmName,
  isFailed,
  type MetricTable,
  type Side,
  selectorOf,
} from '../metrics/table.ts'
import { oneOf } from '../promql-text.ts'
import type { RawSamples } from '../provider.ts'
import type { RawSeries } from './samples.ts'
import type { Metric } from './spec.ts'

/** Both arms behind one Service. */
export interface Arms {
  readonly canary: ArmName
  readonly stable: ArmName
}

/** Which counters are read: of whose table, held by whom. */
export interface Counted {
  readonly table: MetricTable
  /** The callers, or the pods that serve. */
  readonly by: 'callers' | 'servers'
  readonly metric: Metric
}

/** A range selector for raw samples of these arms. `les`: the buckets wanted, all without it. */
export function rawSelector(
  { table, by, metric }: Counted,
  options: {
    readonly arms: readonly ArmName[]
    readonly rangeMs: number
    readonly les?: readonly string[]
  },
): string {
  const { arms, rangeMs, les } = options
  const side = table[by]
  const matchers = [
    ...side.matchers,
    ...side.arms.matchers(arms),
    ...(les === undefined ? [] : [oneOf('le', [...les, infinite])]),
  ]
  return selectorOf(metric === 'errors' ? side.requests : side.durationBuckets, matchers, rangeMs)
}

/** Label values of the finite edges in an answer, ascending. */
export function edgesIn(found: readonly RawSamples[]): readonly string[] {
  const les = new Set(found.map(({ labels }) => labels['le'] ?? ''))
  return [...les].filter((le) => Number(le) > 0).sort((a, b) => Number(a) - Number(b))
}

/** Seconds of an edge; NaN for what is none. */
export function secondsOf(le: string, side: Side): number {
  return le === '' || le === infinite ? Number.NaN : Number(le) * side.secondsPerUnit
}

/** Rows of an answer by arm. */
export type Rows = ReadonlyMap<string, readonly RawSamples[]>

export function rowsByArm(found: readonly RawSamples[], { arms }: Side): Rows {
  return Map.groupBy(found, ({ labels }) => arms.keyOfRow(labels))
}

/** Counters of both arms of one Service out of an answer that may hold those of many. */
export function countersOf(
  found: Rows,
  arms: Arms,
  counted: Counted & { readonly edgesSeconds: readonly number[] },
): readonly RawSeries[] {
  const side = counted.table[counted.by]
  return (['canary', 'stable'] as const).flatMap((arm) =>
    seriesOf(arm, found.get(side.arms.keyOfArm(arms[arm])) ?? [], counted),
  )
}

/** Counters of one arm out of its rows. */
export function seriesOf(
  arm: RawSeries['arm'],
  rows: readonly RawSamples[],
  counted: Counted & { readonly edgesSeconds: readonly number[] },
): RawSeries[] {
  const side = counted.table[counted.by]
  const counters: RawSeries[] = []
  for (const { labels, samples } of rows) {
    const counts = countsOf(labels, counted)
    if (counts === null) continue
    const key = identityOf(arm, labels, side)
    counters.push({ arm, pod: podOf(labels), podStartedMs: null, key, counts, samples })
  }
  return counters
}

/** What tells the series of one arm apart; values can not hold a null character. */
function identityOf(arm: RawSeries['arm'], labels: RawSamples['labels'], side: Side): string {
  const { labels: told } = side.arms
  // Callers may ask for the Service of the rollout, or for that of the revision: two counters of one arm.
  const [, owner = '', revision = ''] = told
  let key: string = labels[owner]?.endsWith(labels[revision] ?? '?') ? `${arm} itself` : arm
  for (const name of inOrder(Object.keys(labels))) {
    // The arm says these already, and there are hundreds of thousands of series.
    if (!told.includes(name)) key += `\0${name}\0${labels[name]}`
  }
  return key
}

/** Sorted, which they are as a rule. */
function inOrder(names: string[]): readonly string[] {
  for (let i = 1; i < names.length; i += 1) {
    if ((names[i - 1] ?? '') > (names[i] ?? '')) return names.sort()
  }
  return names
}

const infinite = '+Inf'

function countsOf(
  labels: RawSamples['labels'],
  counted: Counted & { readonly edgesSeconds: readonly number[] },
): RawSeries['counts'] | null {
  const { table, by, metric, edgesSeconds } = counted
  const side = table[by]
  if (metric === 'errors') return isFailed(table, side, labels) ? 'failed' : 'succeeded'
  const le = labels['le'] ?? ''
  if (le === infinite) return 'all'
  const seconds = secondsOf(le, side)
  const edge = edgesSeconds.findIndex((one) => Math.abs(one - seconds) <= 1e-9 * one)
  return edge < 0 ? null : edge
}

/** The process that holds the counter: what the scrape added to it. */
function podOf(labels: RawSamples['labels']): string {
  return labels['pod'] ?? labels['kubernetes_pod_name'] ?? labels['instance'] ?? ''
}
