// Raw samples in, ticks out: one row per case of the table of data rules.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nothingConsumed, type RawSeries, readTicks } from './samples.ts'

const scrapeMs = 15_000

/** A series from its values per scrape, the first at time 0; null is a missed scrape. */
function series(over: Partial<RawSeries>, ...values: (number | null)[]): RawSeries {
  const { arm = 'canary', pod = `${arm}-0`, counts = 'succeeded' } = over
  return {
    ...{ arm, pod, counts, podStartedMs: null, key: `${pod}/${counts}` },
    ...over,
    samples: values.flatMap((value, k) => {
      return value === null ? [] : [{ atMs: k * scrapeMs - 1_000, value }]
    }),
  }
}

const stable = series({ arm: 'stable' }, 500, 600, 700, 800, 900)

/** Ticks as [scrape, canary n, canary x, stable n]. */
function ticks(all: readonly RawSeries[], lanes = 1): unknown[] {
  const options = { scrapeMs, nowMs: 4 * scrapeMs, lanes }
  const read = readTicks(nothingConsumed(0, -scrapeMs), all, options)
  return read.ticks.map(({ atMs, canary, stable: other }) => {
    return [atMs / scrapeMs, canary.n, ...canary.x, other.n]
  })
}

describe('raw samples become ticks', () => {
  const good = series({}, 10, 20, 30, 40, 50)
  const rows: { name: string; canary: RawSeries[]; stable?: RawSeries[]; ticks: unknown[] }[] = [
    {
      name: 'of differences per series, the first sample being the base',
      canary: [good, series({ counts: 'failed' }, 1, 1, 3, 3, 3)],
      ticks: [
        [1, 10, 0, 100],
        [2, 12, 2, 100],
        [3, 10, 0, 100],
        [4, 10, 0, 100],
      ],
    },
    {
      name: 'from the new value after a reset',
      canary: [series({}, 10, 20, 3, 13, 23)],
      ticks: [
        [1, 10, 0, 100],
        [2, 3, 0, 100],
        [3, 10, 0, 100],
        [4, 10, 0, 100],
      ],
    },
    {
      name: 'with the first failures of a series born on a known pod',
      canary: [good, series({ counts: 'failed' }, null, null, 4, 4, 4)],
      ticks: [
        [1, 10, 0, 100],
        [2, 14, 4, 100],
        [3, 10, 0, 100],
        [4, 10, 0, 100],
      ],
    },
    {
      name: 'with all counts of a pod that started after the step',
      canary: [good, series({ pod: 'b', podStartedMs: 5 }, null, null, 7, 9, 9)],
      ticks: [
        [1, 10, 0, 100],
        [2, 17, 0, 100],
        [3, 12, 0, 100],
        [4, 10, 0, 100],
      ],
    },
    {
      name: 'without the first sample of a pod of unknown age',
      canary: [good, series({ pod: 'b' }, null, null, 700, 709, 709)],
      ticks: [
        [1, 10, 0, 100],
        [2, 10, 0, 100],
        [3, 19, 0, 100],
        [4, 10, 0, 100],
      ],
    },
    {
      name: 'jointly once both arms have been scraped',
      canary: [series({}, 10, 20, null, null, 50)],
      ticks: [
        [1, 10, 0, 100],
        [4, 30, 0, 300],
      ],
    },
    {
      name: 'that are bad where a sample is no number, and whole again after it',
      canary: [series({}, 10, 20, Number.NaN, 40, 50)],
      ticks: [
        [1, 10, 0, 100],
        [2, Number.NaN, Number.NaN, Number.NaN],
        [3, 20, 0, 200],
        [4, 10, 0, 100],
      ],
    },
    {
      name: 'although a pod has gone',
      canary: [good],
      stable: [
        stable,
        series({ arm: 'stable', pod: 'old' }, 5, 10),
        series({ arm: 'stable', pod: 'older' }, 5, 10),
      ],
      ticks: [
        [1, 10, 0, 110],
        [4, 30, 0, 300],
      ],
    },
    {
      name: 'with the first requests of a canary whose callers were known before it',
      canary: [series({ pod: 'caller', key: 'c' }, null, null, 7, 17, 27)],
      stable: [series({ arm: 'stable', pod: 'caller', key: 's' }, 500, 600, 700, 800, 900)],
      ticks: [
        [2, 7, 0, 200],
        [3, 10, 0, 100],
        [4, 10, 0, 100],
      ],
    },
    { name: 'never, without the canary', canary: [], ticks: [] },
  ]
  for (const row of rows) {
    it(row.name, () =>
      assert.deepEqual(ticks([...row.canary, ...(row.stable ?? [stable])]), row.ticks),
    )
  }

  it('per edge, as requests slower than it', () => {
    const buckets = (arm: RawSeries['arm']) => [
      series({ arm, counts: 'all' }, 0, 10, 30),
      series({ arm, counts: 0 }, 0, 2, 4),
      series({ arm, counts: 1 }, 0, 9, 28),
    ]
    const all = [...buckets('canary'), ...buckets('stable')]
    assert.deepEqual(ticks(all, 2), [
      [1, 10, 8, 1, 10],
      [2, 20, 18, 1, 20],
    ])
    assert.deepEqual(
      ticks(
        all.filter(({ counts }) => counts !== 1),
        2,
      )[0],
      [1, 10, 8, Number.NaN, 10],
    )
  })

  it('the same in one reading, in many, and after a restart in between', () => {
    const all = [series({}, 10, 20, 31, 43, 56), stable]
    const read = (consumed: ReturnType<typeof nothingConsumed>, scrapes: number) =>
      readTicks(consumed, all, { scrapeMs, nowMs: scrapes * scrapeMs, lanes: 1 })
    const once = read(nothingConsumed(0, -scrapeMs), 4).ticks
    const first = read(nothingConsumed(0, -scrapeMs), 2)
    assert.deepEqual([...first.ticks, ...read(first.consumed, 4).ticks], once)
    const restarted = read(nothingConsumed(0, 2 * scrapeMs - scrapeMs), 4)
    assert.deepEqual([...first.ticks, ...restarted.ticks], once)
  })

  it('and count the restarts of canary pods, a pod once', () => {
    const all = [series({}, 10, 20, 3), series({ counts: 'failed' }, 5, 6, 0), stable]
    const options = { scrapeMs, nowMs: 2 * scrapeMs, lanes: 1 }
    const { ticks: found } = readTicks(nothingConsumed(0, -scrapeMs), all, options)
    assert.deepEqual(
      found.map(({ canaryRestarts }) => canaryRestarts),
      [0, 1],
    )
  })
})
