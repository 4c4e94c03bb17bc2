// Points of one series in a window in, one number out: rate and its kin, with the extrapolation of
// Prometheus 2.42, and the plain functions over time.

export interface Point {
  readonly timeMs: number
  readonly value: number
}

/**
 * Rate, increase or delta. The change between first and last point is stretched to the window's edges,
 * by half a spacing at most where the edge is further than 1.1 spacings away, and for counters not
 * beyond the point at which they would have been zero. `null` with fewer than two points.
 */
export function extrapolated(
  name: 'rate' | 'increase' | 'delta',
  points: readonly Point[],
  window: { fromMs: number; toMs: number },
): number | null {
  const first = points[0]
  const last = points.at(-1)
  if (!first || !last || points.length < 2) return null
  const isCounter = name !== 'delta'
  const change = last.value - first.value + (isCounter ? resets(points) : 0)
  const sampledS = (last.timeMs - first.timeMs) / 1_000
  const spacingS = sampledS / (points.length - 1)
  let toStartS = (first.timeMs - window.fromMs) / 1_000
  const toEndS = (window.toMs - last.timeMs) / 1_000
  if (isCounter && change > 0 && first.value >= 0) {
    toStartS = Math.min(toStartS, sampledS * (first.value / change))
  }
  const thresholdS = spacingS * 1.1
  const stretchedS =
    sampledS +
    (toStartS < thresholdS ? toStartS : spacingS / 2) +
    (toEndS < thresholdS ? toEndS : spacingS / 2)
  const total = change * (stretchedS / sampledS)
  return name === 'rate' ? total / ((window.toMs - window.fromMs) / 1_000) : total
}

export function overTime(name: string, points: readonly Point[]): number {
  const values = points.map(({ value }) => value)
  const sum = values.reduce((total, value) => total + value, 0)
  switch (name) {
    case 'avg_over_time':
      return sum / values.length
    case 'sum_over_time':
      return sum
    case 'count_over_time':
      return values.length
    case 'max_over_time':
      return values.reduce((best, value) => (value > best || Number.isNaN(best) ? value : best))
    case 'min_over_time':
      return values.reduce((best, value) => (value < best || Number.isNaN(best) ? value : best))
    default:
      throw new Error(`function ${name} is not supported`)
  }
}

/** What a counter had reached each time before it fell. */
function resets(points: readonly Point[]): number {
  let lost = 0
  let previous = 0
  for (const { value } of points) {
    if (value < previous) lost += previous
    previous = value
  }
  return lost
}
