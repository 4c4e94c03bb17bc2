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
  /** All labels: the identity of the series. */
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
  const due = Math.floor((nowMs - consumed.atMs) / scrapeMs)
  const ticks: Tick[] = []
  let now = consumed
  for (let back = Math.min(due, maxIntervals) - 1; back >= 0; back -= 1) {
    const read = readInterval(now, series, {
      ...options,
      endMs: consumed.atMs + (due - back) * scrapeMs,
    })
    now = read.consumed
    if (read.tick) ticks.push(read.tick)
  }
  return { consumed: now, ticks }
}

interface Fresh {
  readonly series: RawSeries
  readonly value: number
  /** Value before; null when this sample is only a base for the next. */
  readonly before: number | null
}

function readInterval(
  consumed: Consumed,
  series: readonly RawSeries[],
  options: ReadingOptions & { readonly endMs: number },
): { readonly consumed: Consumed; readonly tick: Tick | null } {
  const { endMs, scrapeMs, weightPercent } = options
  const moved = { ...consumed, atMs: endMs }
  const fresh = series.flatMap((one) => {
    const value = valueIn(one, endMs - scrapeMs, endMs)
    return value === null ? [] : [{ series: one, value, before: before(one, consumed) }]
  })
  const arms = ['canary', 'stable'] as const
  const weight = weightPercent === undefined ? {} : { weightPercent }
  const isWhole = arms.every((arm) => isScraped(arm, series, { endMs, scrapeMs }))
  if (fresh.some(({ value }) => !(Number.isFinite(value) && value >= 0))) {
    if (!isWhole) return { consumed: moved, tick: null }
    const bad = { n: Number.NaN, x: new Array<number>(options.lanes).fill(Number.NaN) }
    return { consumed: moved, tick: { atMs: endMs, canary: bad, stable: bad, ...weight } }
  }
  const isBased = (arm: RawSeries['arm']) =>
    fresh.some((one) => one.series.arm === arm && one.before !== null)
  if (!isWhole || !arms.every(isBased)) {
    // Nothing is consumed, but what is seen for the first time has its base from now on.
    return {
      consumed: take(
        moved,
        fresh.filter((one) => one.before === null),
      ),
      tick: null,
    }
  }
  const [canary, stable] = [armOf('canary', fresh, options), armOf('stable', fresh, options)]
  const canaryRestarts = restartedPods(fresh)
  return {
    consumed: take(moved, fresh),
    tick: { atMs: endMs, canary, stable, canaryRestarts, ...weight },
  }
}

/** The last value of a series in the interval, or null when it was not scraped. */
function valueIn({ samples }: RawSeries, afterMs: number, endMs: number): number | null {
  const sample = samples.findLast(({ atMs }) => atMs <= endMs)
  return sample !== undefined && sample.atMs > afterMs ? sample.value : null
}

/** A series that is born on a known pod, or with its pod after the step began, has counted from zero. */
function before(series: RawSeries, { values, pods, fromMs }: Consumed): number | null {
  const known = values.get(series.key)
  if (known !== undefined) return known
  if (pods.has(series.pod)) return 0
  return series.podStartedMs !== null && series.podStartedMs >= fromMs ? 0 : null
}

/** An arm is scraped when at least half of the pods that still report were. */
function isScraped(
  arm: RawSeries['arm'],
  series: readonly RawSeries[],
  { endMs, scrapeMs }: { readonly endMs: number; readonly scrapeMs: number },
): boolean {
  const there = new Set<string>()
  const scraped = new Set<string>()
  for (const one of series) {
    if (one.arm !== arm) continue
    if (valueIn(one, endMs - goneScrapes * scrapeMs, endMs) !== null) there.add(one.pod)
    if (valueIn(one, endMs - scrapeMs, endMs) !== null) scraped.add(one.pod)
  }
  return scraped.size > 0 && 2 * scraped.size >= there.size
}

function take(consumed: Consumed, fresh: readonly Fresh[]): Consumed {
  const values = new Map(consumed.values)
  const pods = new Set(consumed.pods)
  for (const { series, value } of fresh) {
    values.set(series.key, value)
    pods.add(series.pod)
  }
  return { ...consumed, values, pods }
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
