// A service and a table of metrics in, the selector of what its pods counted over a range out.
import type { Metric } from '../compare/spec.ts'
import { type ArmName, type MetricTable, selectorOf } from '../metrics/table.ts'

export function rawSelector(asked: {
  readonly table: MetricTable
  readonly metric: Metric
  readonly owner: Omit<ArmName, 'revision'>
  readonly rangeMs: number
}): string {
  const { table, metric, owner, rangeMs } = asked
  const { requests, durationBuckets, matchers, arms } = table.servers
  const whole = arms.wholeMatchers?.(owner) ?? []
  const counter = metric === 'errors' ? requests : durationBuckets
  return selectorOf(counter, [...matchers, ...whole], rangeMs)
}
