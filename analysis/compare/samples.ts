// Raw counter samples of both arms in, joint ticks out. Counters are differenced here, series by
// series, because rate() and increase() lose the first failures of a new series and extrapolate.
import type { Arm, Tick } from './counts.ts'

export interface RawSeries {
  readonly arm: 'canary' | 'stable'
  /**
   * The pod whose process holds the counter, which restarts and is born with it. Where callers count,
   * it is the caller's, and both arms share it.
   */
  readonly pod: string
  /** Start of the pod, ms since epoch; null when unknown. */
  readonly podStartedMs: number | null
  /** What tells the series apart from all others of its arm. */
  readonly key: string
  /**
   * What the counter counts: requests that succeeded or failed; or, for latency, all requests, or
   * those that took at most as long as the edge of this index.
   */
  readonly counts: 'succeeded' | 'failed' | 'all' | number
  /** Ascending in time. */
  readonly samples: readonly { readonly atMs: number; readonly value: number }[]
}

/** What has been consumed: kept between readings, or built again from older samples. */
export interface Consumed {
  /** When the step began: pods that started later count from zero. */
  readonly fromMs: number
  /** Scrape intervals end at multiples of the interval after `fromMs`; this one is the last consumed. */
  readonly atMs: number
  readonly values: ReadonlyMap<string, number>
  readonly pods: ReadonlySet<string>
}

export interface Reading {
  readonly consumed: Consumed
  readonly ticks: readonly Tick[]
}

export interface ReadingOptions {
  readonly scrapeMs: number
  readonly nowMs: number
  /** Numbers per arm: 1 for errors, the number of edges for latency. */
  readonly lanes: number
  readonly weightPercent?: number
}

/** Intervals that one reading covers at most; older ones are joined into the first tick. */
const maxIntervals = 1_000
/** A pod without a sample for so many scrapes has gone and is not waited for. */
const goneScrapes = 3

/**
 * Nothing consumed yet. `atMs`: end of the last interval judged before, after a restart. The first
 * reading gives counters their base; ticks begin one interval later.
 */
export function nothingConsumed(fromMs: number, atMs: number = fromMs): Consumed {
  return { fromMs, atMs, values: new Map(), pods: new Set() }
}

/** All intervals that ended since the last reading; an interval that one arm missed joins the next. */
export function readTicks(
  consumed: Consumed,
  series: readonly RawSeries[],
  options: ReadingOptions,
): Reading {
  const { scrapeMs, nowMs } = options
  const due = Math.max(0, Math.floor((nowMs - consumed.atMs) / scrapeMs))
  const endMs = consumed.atMs + due * scrapeMs
  const count = Math.min(due, maxIntervals)
  const span = {
    fromMs: endMs - (count + goneScrapes) * scrapeMs,
    count: count + goneScrapes,
    scrapeMs,
  }
  const scraped = series.map((one) => ({ series: one, values: valuesOf(one, span) }))
  const memory = { ...consumed, values: new Map(consumed.values), pods: new Set(consumed.pods) }
  const ticks: Tick[] = []
  for (let at = goneScrapes; at < span.count; at += 1) {
    const tick = readInterval(memory, scraped, { ...options, at })
    if (tick) ticks.push({ atMs: span.fromMs + (at + 1) * scrapeMs, ...tick })
  }
  return { consumed: { ...memory, atMs: endMs }, ticks }
}

interface Scraped {
  readonly series: RawSeries
  /** The last value in each interval; undefined where there was no scrape. */
  readonly values: readonly (number | undefined)[]
}

interface Memory {
  readonly fromMs: number
  readonly values: Map<string, number>
  readonly pods: Set<string>
}

interface Fresh {
  readonly series: RawSeries
  readonly value: number
  /** Value before; null when this sample is only a base for the next. */
  readonly before: number | null
}

/** One interval: moves the memory on, and gives the counts of both arms when both can be told. */
function readInterval(
  memory: Memory,
  scraped: readonly Scraped[],
  options: ReadingOptions & { readonly at: number },
): Omit<Tick, 'atMs'> | null {
  const { at, lanes, weightPercent } = options
  const arms = ['canary', 'stable'] as const
  const fresh: Fresh[] = []
  for (const { series, values } of scraped) {
    const value = values[at]
    if (value !== undefined) fresh.push({ series, value, before: before(series, memory) })
  }
  const weight = weightPercent === undefined ? {} : { weightPercent }
  const isWhole = arms.every((arm) => isScraped(arm, scraped, at))
  if (fresh.some(({ value }) => !(Number.isFinite(value) && value >= 0))) {
    const bad = { n: Number.NaN, x: new Array<number>(lanes).fill(Number.NaN) }
    return isWhole ? { canary: bad, stable: bad, ...weight } : null
  }
  const isBased = (arm: RawSeries['arm']) =>
    fresh.some((one) => one.series.arm === arm && one.before !== null)
  if (!isWhole || !arms.every(isBased)) {
    // Nothing is consumed, but what is seen for the first time has its base from now on.
    take(
      memory,
      fresh.filter((one) => one.before === null),
    )
    return null
  }
  take(memory, fresh)
  return {
    canary: armOf('canary', fresh, options),
    stable: armOf('stable', fresh, options),
    canaryRestarts: restartedPods(fresh),
    ...weight,
  }
}

/** Interval k is (fromMs + k scrapes, fromMs + k + 1 scrapes]. */
function valuesOf(
  { samples }: RawSeries,
  span: { readonly fromMs: number; readonly count: number; readonly scrapeMs: number },
): (number | undefined)[] {
  const values = new Array<number | undefined>(span.count).fill(undefined)
  for (const { atMs, value } of samples) {
    const at = Math.ceil((atMs - span.fromMs) / span.scrapeMs) - 1
    if (at >= 0 && at < span.count) values[at] = value
  }
  return values
}

/** A series that is born on a known pod, or with its pod after the step began, has counted from zero. */
function before(series: RawSeries, { values, pods, fromMs }: Memory): number | null {
  const known = values.get(series.key)
  if (known !== undefined) return known
  if (pods.has(series.pod)) return 0
  return series.podStartedMs !== null && series.podStartedMs >= fromMs ? 0 : null
}

/** An arm is scraped when at least half of the pods that still report were. */
function isScraped(arm: RawSeries['arm'], scraped: readonly Scraped[], at: number): boolean {
  const there = new Set<string>()
  const now = new Set<string>()
  for (const { series, values } of scraped) {
    if (series.arm !== arm) continue
    if (values[at] !== undefined) now.add(series.pod)
    for (let k = at - goneScrapes + 1; k <= at; k += 1) {
      if (values[k] !== undefined) there.add(series.pod)
    }
  }
  return now.size > 0 && 2 * now.size >= there.size
}

function take({ values, pods }: Memory, fresh: readonly Fresh[]): void {
  for (const { series, value } of fresh) {
    values.set(series.key, value)
    pods.add(series.pod)
  }
}

function armOf(arm: RawSeries['arm'], fresh: readonly Fresh[], options: ReadingOptions): Arm {
  let n = 0
  let failed = 0
  const quick = new Array<number | null>(options.lanes).fill(null)
  let isLatency = false
  for (const one of fresh) {
    if (one.series.arm !== arm) continue
    const { counts } = one.series
    const gain = gainOf(one)
    if (typeof counts === 'number') {
      isLatency = true
      if (counts < quick.length) quick[counts] = (quick[counts] ?? 0) + gain
    } else {
      n += gain
      if (counts === 'all') isLatency = true
      if (counts === 'failed') failed += gain
    }
  }
  if (!isLatency) return { n, x: [failed] }
  // An edge that no series counts says nothing, which is not the same as that all were slower.
  return { n, x: quick.map((count) => (count === null ? Number.NaN : n - count)) }
}

/** After a reset the new value is the least that was counted. */
function gainOf({ value, before: base }: Fresh): number {
  if (base === null) return 0
  return value < base ? value : value - base
}

function restartedPods(fresh: readonly Fresh[]): number {
  const restarted = fresh.filter(({ series, value, before: base }) => {
    return series.arm === 'canary' && base !== null && value < base
  })
  return new Set(restarted.map(({ series }) => series.pod)).size
}
