// Counters that the stable pods held before the rollout in, their counts per scrape out.
import type { History, PodHistory } from './counts.ts'
import { nothingConsumed, type RawSeries, readTicks } from './samples.ts'

/** Pods with the most samples are kept; more of them teach nothing new. */
const maxPods = 50

/** Counts per pod and scrape between two times; a scrape that is missing counts with the next. */
export function historyOf(
  counters: readonly RawSeries[],
  options: {
    readonly fromMs: number
    readonly toMs: number
    readonly scrapeMs: number
    readonly lanes: number
  },
): History {
  const { fromMs, toMs, scrapeMs, lanes } = options
  const byPod = [...Map.groupBy(counters, ({ pod }) => pod).values()]
  const fullest = byPod.toSorted((a, b) => samplesIn(b) - samplesIn(a)).slice(0, maxPods)
  const length = Math.floor((toMs - fromMs) / scrapeMs)
  const pods = fullest.map((series): PodHistory => {
    // One pod is both arms here: its own counts, differenced by the rules of a rollout.
    const both = series.flatMap((one) => [
      { ...one, arm: 'canary' as const },
      { ...one, arm: 'stable' as const, key: `${one.key} again` },
    ])
    const n = new Array<number>(length).fill(0)
    const x = Array.from({ length: lanes }, () => new Array<number>(length).fill(0))
    const read = readTicks(nothingConsumed(fromMs), both, { scrapeMs, nowMs: toMs, lanes })
    for (const { atMs, canary } of read.ticks) {
      const at = Math.round((atMs - fromMs) / scrapeMs) - 1
      if (!Number.isFinite(canary.n) || canary.x.some((bad) => !(bad >= 0 && bad <= canary.n))) {
        continue
      }
      n[at] = canary.n
      for (const [lane, bad] of canary.x.entries()) {
        const list = x[lane]
        if (list) list[at] = bad
      }
    }
    return { n, x }
  })
  return { pods: pods.filter(({ n }) => n.some((count) => count > 0)) }
}

function samplesIn(series: readonly RawSeries[]): number {
  return series.reduce((sum, { samples }) => sum + samples.length, 0)
}
