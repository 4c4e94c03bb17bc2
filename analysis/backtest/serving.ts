// Who served when: rows of a range query over a service's counters in, the one revision of a span out.
import type { ArmName, MetricTable } from '../metrics/table.ts'
import type { RawSamples } from '../provider.ts'
import { rawSelector } from './selector.ts'

/** Between two looks; a rollout takes longer. */
export const servingStepMs = 300_000

/** What tells who served; its rows go to `servingOf`. */
export function servingQuery(table: MetricTable, owner: Omit<ArmName, 'revision'>): string {
  const selector = rawSelector({ table, metric: 'errors', owner, rangeMs: servingStepMs })
  return `sum by (${table.servers.arms.labels.join(', ')}) (increase(${selector}))`
}

/** The one revision with requests between two times; undefined where there was none, or several. */
export function servingOf(
  rows: readonly RawSamples[],
  table: MetricTable,
): (fromMs: number, toMs: number) => string | undefined {
  const served = rows.flatMap(({ labels, samples }) => {
    // The key of a row ends with its revision: pods are told apart by it, whatever their Service is called.
    const revision = table.servers.arms.keyOfRow(labels).split('/').at(-1) ?? ''
    return samples.flatMap(({ atMs, value }) => (value > 0 ? [{ atMs, revision }] : []))
  })
  const byTime = Map.groupBy(served, ({ atMs }) => atMs)
  const times = [...byTime.keys()].sort((a, b) => a - b)
  return (fromMs, toMs) => {
    const within = times.filter((atMs) => atMs > fromMs && atMs <= toMs)
    const revisions = new Set(
      within.flatMap((atMs) => byTime.get(atMs)?.map(({ revision }) => revision) ?? []),
    )
    const [only] = revisions
    return revisions.size === 1 ? only : undefined
  }
}
