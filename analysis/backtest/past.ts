// Scraped samples of the pods of one service in, counts per pod and scrape out: what the past was like.
import type { PodHistory } from '../compare/counts.ts'
import { historyOf } from '../compare/history.ts'
import { edgesIn, secondsOf, seriesOf } from '../compare/mesh-series.ts'
import type { Metric } from '../compare/spec.ts'
import type { MetricTable } from '../metrics/table.ts'
import type { RawSamples } from '../provider.ts'

/** Counts over one span; interval k ends at `fromMs + (k + 1) scrapes`. */
export interface Past {
  readonly metric: Metric
  readonly fromMs: number
  readonly scrapeMs: number
  readonly edgesSeconds: readonly number[]
  /** Pods by revision. A revision without requests is not in it. */
  readonly revisions: readonly (readonly PodHistory[])[]
}

export function pastOf(
  rows: readonly RawSamples[],
  options: {
    readonly table: MetricTable
    readonly metric: Metric
    readonly fromMs: number
    readonly toMs: number
    readonly scrapeMs: number
  },
): Past {
  const { table, metric, fromMs, toMs, scrapeMs } = options
  const side = table.servers
  const les = metric === 'errors' ? [] : edgesIn(rows)
  const edgesSeconds = les.map((le) => secondsOf(le, side))
  const counted = { table, by: 'servers', metric, edgesSeconds } as const
  const span = { fromMs, toMs, scrapeMs, lanes: Math.max(1, les.length) }
  const byRevision = Map.groupBy(rows, ({ labels }) => side.arms.keyOfRow(labels))
  const revisions = [...byRevision.values()].map(
    (same) => historyOf(seriesOf('stable', same, counted), span).pods,
  )
  const served = revisions.filter((pods) => pods.length > 0)
  return { metric, fromMs, scrapeMs, edgesSeconds, revisions: served }
}
