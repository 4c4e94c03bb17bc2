// Samples in, readings out: what the provider said of each arm, before anybody judges it.
import { isFailed, type MetricTable } from '../metrics/table.ts'
import type { Sample } from '../provider.ts'
import { armsOf, serviceOf, type Target } from '../query/query.ts'

/** Requests of one arm in the window. Prometheus extrapolates, so they are not whole numbers. */
export interface Requests {
  readonly total: number
  readonly failed: number
}

/** Cumulative buckets of one arm, ascending; the last edge is infinite. */
export interface Durations {
  readonly total: number
  readonly buckets: readonly { readonly edgeSeconds: number; readonly count: number }[]
}

export type Reading =
  | { readonly kind: 'requests'; readonly canary: Requests; readonly stable: Requests | null }
  | { readonly kind: 'durations'; readonly canary: Durations; readonly stable: Durations | null }
  | { readonly kind: 'value'; readonly value: number }
  /** A Job that ended, or whatever says by itself how it went. */
  | { readonly kind: 'ended'; readonly isGood: boolean; readonly because: string }
  /** Still being measured: ask again. */
  | { readonly kind: 'pending'; readonly because: string }
  | { readonly kind: 'inconclusive'; readonly because: string }
  | { readonly kind: 'error'; readonly because: string }

export type ByArm = ReadonlyMap<string, readonly Sample[]>

/** Rows of a built-in answer by arm. Arms are matched by label, never by position. */
export function byArm(samples: readonly Sample[], { callers }: MetricTable): ByArm {
  const arms = new Map<string, Sample[]>()
  for (const sample of samples) {
    const key = callers.arms.keyOfRow(sample.labels)
    const rows = arms.get(key)
    if (rows) rows.push(sample)
    else arms.set(key, [sample])
  }
  return arms
}

/** Nobody serves more in one window: a larger count is a mistake. */
const mostRequests = 1e13

/** What a built-in answer says of one target. No rows are no requests, which is for the judge to say. */
export function builtInReading(
  kind: 'requests' | 'durations',
  arms: ByArm,
  target: Target,
): Reading {
  const { table } = target
  if (serviceOf(target) === null) {
    return { kind: 'error', because: `host ${target.host} is not a Service` }
  }
  const names = armsOf(target)
  const rowsOf = (arm: typeof names.canary) => arms.get(table.callers.arms.keyOfArm(arm)) ?? []
  const canary = rowsOf(names.canary)
  const stable = names.stable === undefined ? null : rowsOf(names.stable)
  const broken = [...canary, ...(stable ?? [])].find(
    ({ value }) => !(value >= 0 && value <= mostRequests),
  )
  if (broken) return { kind: 'inconclusive', because: `the metrics contain ${broken.value}` }
  const isCut = [canary, stable ?? []].some(
    (rows) => rows.length > 0 && !rows.some(({ labels }) => labels['le'] === '+Inf'),
  )
  if (kind === 'durations' && isCut) {
    return { kind: 'inconclusive', because: 'the buckets of durations lack the one up to +Inf' }
  }
  return kind === 'requests'
    ? { kind, canary: requests(canary, table), stable: stable && requests(stable, table) }
    : { kind, canary: durations(canary, table), stable: stable && durations(stable, table) }
}

/** What a user's own query says: exactly one finite number, or why not. */
export function ownReading(samples: readonly Sample[]): Reading {
  const [sample] = samples
  if (sample === undefined) return { kind: 'inconclusive', because: 'the query found no series' }
  if (samples.length > 1) {
    return {
      kind: 'error',
      because: `the query gave ${samples.length} series where one number is needed: aggregate them`,
    }
  }
  if (!Number.isFinite(sample.value)) {
    return { kind: 'inconclusive', because: `the query gave ${sample.value}, which is no number` }
  }
  return { kind: 'value', value: sample.value }
}

function requests(rows: readonly Sample[], table: MetricTable): Requests {
  let total = 0
  let failed = 0
  for (const { labels, value } of rows) {
    total += value
    if (isFailed(table, table.callers, labels)) failed += value
  }
  return { total, failed }
}

function durations(rows: readonly Sample[], { callers }: MetricTable): Durations {
  const counts = new Map<number, number>()
  for (const { labels, value } of rows) {
    const le = labels['le'] ?? ''
    const edge = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le) * callers.secondsPerUnit
    if (le !== '' && !Number.isNaN(edge)) counts.set(edge, (counts.get(edge) ?? 0) + value)
  }
  let least = 0
  const buckets = [...counts]
    .sort(([a], [b]) => a - b)
    .map(([edgeSeconds, count]) => {
      // Extrapolation may bend a cumulative count by a fraction; it never falls.
      least = Math.max(least, count)
      return { edgeSeconds, count: least }
    })
  return { total: least, buckets }
}
