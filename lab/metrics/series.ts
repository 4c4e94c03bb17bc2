// Samples in, series out: an in-memory store with bounded retention, for one process and a few thousand
// series. A `null` value is a staleness marker: from there on the series has vanished.

export type Labels = Readonly<Record<string, string>>

export interface Series {
  readonly labels: Labels
  /** Ascending, ms since epoch. */
  readonly timesMs: readonly number[]
  readonly values: readonly (number | null)[]
}

export interface SeriesStore {
  /** Adds a sample; one that is not newer than the last of its series is dropped, as Prometheus does. */
  append(labels: Labels, timeMs: number, value: number | null): void
  /** Series with this `__name__`, or all of them. */
  select(name: string | null): Iterable<Series>
  readonly size: number
}

interface MutableSeries extends Series {
  readonly timesMs: number[]
  readonly values: (number | null)[]
}

/** Throws when a new series would be one too many. */
export function createSeriesStore(
  limits: { retentionMs?: number; maxSeries?: number } = {},
): SeriesStore {
  const { retentionMs = 3_600_000, maxSeries = 100_000 } = limits
  const byName = new Map<string, Map<string, MutableSeries>>()
  let size = 0
  let sweptMs = Number.NEGATIVE_INFINITY
  /** Forgets series that ended before the retention; revisions come and go. */
  const sweep = (beforeMs: number) => {
    for (const [name, family] of byName) {
      for (const [key, series] of family) {
        if ((series.timesMs.at(-1) ?? 0) >= beforeMs) continue
        family.delete(key)
        size -= 1
      }
      if (family.size === 0) byName.delete(name)
    }
  }
  return {
    append(labels, timeMs, value) {
      if (timeMs - sweptMs > retentionMs / 4) {
        sweep(timeMs - retentionMs)
        sweptMs = timeMs
      }
      const name = labels['__name__'] ?? ''
      const family = byName.get(name) ?? new Map<string, MutableSeries>()
      byName.set(name, family)
      const key = labelKey(labels)
      let series = family.get(key)
      if (!series) {
        if (size >= maxSeries) throw new Error(`more than ${maxSeries} series: scrape less`)
        series = { labels, timesMs: [], values: [] }
        family.set(key, series)
        size += 1
      }
      if (timeMs <= (series.timesMs.at(-1) ?? Number.NEGATIVE_INFINITY)) return
      series.timesMs.push(timeMs)
      series.values.push(value)
      trim(series, timeMs - retentionMs)
    },
    *select(name) {
      const families = name === null ? [...byName.values()] : [byName.get(name)]
      for (const family of families) if (family) yield* family.values()
    },
    get size() {
      return size
    },
  }
}

/** Identity of a label set; empty labels count as absent. */
export function labelKey(labels: Labels): string {
  const pairs = Object.entries(labels).filter(([, value]) => value !== '')
  return JSON.stringify(pairs.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Index of the first time that is at or after `timeMs`. */
export function firstAtOrAfter(timesMs: readonly number[], timeMs: number): number {
  let low = 0
  let high = timesMs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((timesMs[middle] ?? 0) < timeMs) low = middle + 1
    else high = middle
  }
  return low
}

function trim(series: MutableSeries, beforeMs: number): void {
  const expired = firstAtOrAfter(series.timesMs, beforeMs)
  // In bulk: moving the arrays for each sample would cost more than the samples.
  if (expired < 64) return
  series.timesMs.splice(0, expired)
  series.values.splice(0, expired)
}
