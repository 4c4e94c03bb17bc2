// An expression tree, series and an instant in; a scalar or a vector out, as Prometheus 2.42 gives it.
import { binaryVectors, operate } from './promql-binary.ts'
import { bucketQuantile } from './promql-quantile.ts'
import { extrapolated, overTime, type Point } from './promql-range.ts'
import { type Expression, type Grouping, predicateOf } from './promql-tree.ts'
import { type Element, EvaluationError, only, type Value, without } from './promql-value.ts'
import { firstAtOrAfter, type Labels, labelKey, type Series, type SeriesStore } from './series.ts'

const lookbackMs = 300_000

/** Throws an `EvaluationError` where Prometheus answers with an execution error. */
export function evaluate(expression: Expression, store: SeriesStore, atMs: number): Value {
  switch (expression.kind) {
    case 'number':
      return { kind: 'scalar', value: expression.value }
    case 'selector':
      return vector(instant(expression, store, atMs))
    case 'negate': {
      const value = evaluate(expression.arg, store, atMs)
      if (value.kind === 'scalar') return { kind: 'scalar', value: -value.value }
      return vector(mapped(value.elements, (one) => -one))
    }
    case 'aggregate': {
      const elements = elementsOf(expression.arg, store, atMs)
      return vector(aggregate(expression.name, expression.grouping, elements))
    }
    case 'call':
      return call(expression, store, atMs)
    case 'binary': {
      const left = evaluate(expression.left, store, atMs)
      const right = evaluate(expression.right, store, atMs)
      return operate(expression, left, right) ?? binaryVectors(expression, left, right)
    }
  }
}

type Selector = Expression & { kind: 'selector' }

function instant(selector: Selector, store: SeriesStore, atMs: number): Element[] {
  const elements: Element[] = []
  for (const { labels, timesMs, values } of selected(selector, store)) {
    const last = firstAtOrAfter(timesMs, atMs + 1) - 1
    const value = values[last]
    // The last sample counts for five minutes, unless it says that the series has vanished.
    if (value === undefined || value === null) continue
    if ((timesMs[last] ?? 0) >= atMs - lookbackMs) elements.push({ labels, value })
  }
  return elements
}

/** The samples that a range selector covers, without staleness markers. */
export function rangesOf(
  selector: Selector,
  store: SeriesStore,
  atMs: number,
): { labels: Labels; points: Point[] }[] {
  const fromMs = atMs - (selector.rangeMs ?? 0)
  const found: { labels: Labels; points: Point[] }[] = []
  for (const { labels, timesMs, values } of selected(selector, store)) {
    const points: Point[] = []
    // Both ends belong to the range, as they do before Prometheus 3.
    for (let i = firstAtOrAfter(timesMs, fromMs); i < timesMs.length; i += 1) {
      const timeMs = timesMs[i] ?? 0
      if (timeMs > atMs) break
      const value = values[i]
      if (value !== null && value !== undefined) points.push({ timeMs, value })
    }
    if (points.length > 0) found.push({ labels, points })
  }
  return found
}

function* selected(selector: Selector, store: SeriesStore): Generator<Series> {
  const name = selector.matchers.find((one) => one.label === '__name__' && one.operator === '=')
  const tests = selector.matchers.map((matcher) => ({
    label: matcher.label,
    passes: predicateOf(matcher),
  }))
  for (const series of store.select(name?.value ?? null)) {
    if (tests.every(({ label, passes }) => passes(series.labels[label] ?? ''))) yield series
  }
}

function call(expression: Expression & { kind: 'call' }, store: SeriesStore, atMs: number): Value {
  const { name, args } = expression
  const [first, second] = args
  if (name === 'time') return { kind: 'scalar', value: atMs / 1_000 }
  if (!first) throw new EvaluationError(`${name} has no argument`)
  if (first.kind === 'selector' && first.rangeMs !== null) {
    return vector(overRange(name, first, store, atMs))
  }
  switch (name) {
    case 'vector':
      return vector([{ labels: {}, value: scalarOf(first, store, atMs) }])
    case 'scalar': {
      const elements = elementsOf(first, store, atMs)
      const only = elements.length === 1 ? elements[0]?.value : undefined
      return { kind: 'scalar', value: only ?? Number.NaN }
    }
    case 'abs':
      return vector(mapped(elementsOf(first, store, atMs), Math.abs))
    case 'clamp_min':
    case 'clamp_max': {
      const bound = second ? scalarOf(second, store, atMs) : Number.NaN
      const clamp = name === 'clamp_min' ? Math.max : Math.min
      return vector(mapped(elementsOf(first, store, atMs), (value) => clamp(value, bound)))
    }
    case 'histogram_quantile': {
      const buckets = second ? elementsOf(second, store, atMs) : []
      return vector(quantiles(scalarOf(first, store, atMs), buckets))
    }
    default:
      throw new EvaluationError(`function ${name} is not supported`)
  }
}

function overRange(name: string, selector: Selector, store: SeriesStore, atMs: number): Element[] {
  const window = { fromMs: atMs - (selector.rangeMs ?? 0), toMs: atMs }
  return unique(
    rangesOf(selector, store, atMs).flatMap(({ labels, points }) => {
      const value =
        name === 'rate' || name === 'increase' || name === 'delta'
          ? extrapolated(name, points, window)
          : overTime(name, points)
      return value === null ? [] : [{ labels: without(labels, ['__name__']), value }]
    }),
  )
}

function quantiles(quantile: number, elements: readonly Element[]): Element[] {
  const histograms = new Map<
    string,
    { labels: Labels; buckets: { edge: number; count: number }[] }
  >()
  for (const { labels, value } of elements) {
    const le = labels['le']
    const edge = le === '+Inf' ? Number.POSITIVE_INFINITY : le ? Number(le) : Number.NaN
    if (Number.isNaN(edge)) continue
    const rest = without(labels, ['__name__', 'le'])
    const key = labelKey(rest)
    const histogram = histograms.get(key) ?? { labels: rest, buckets: [] }
    histograms.set(key, histogram)
    histogram.buckets.push({ edge, count: value })
  }
  return [...histograms.values()].map(({ labels, buckets }) => ({
    labels,
    value: bucketQuantile(quantile, buckets),
  }))
}

function aggregate(name: string, grouping: Grouping, elements: readonly Element[]): Element[] {
  const groups = new Map<string, { labels: Labels; values: number[] }>()
  for (const { labels, value } of elements) {
    const kept =
      grouping.kind === 'by'
        ? only(labels, grouping.labels)
        : without(labels, ['__name__', ...grouping.labels])
    const key = labelKey(kept)
    const group = groups.get(key) ?? { labels: kept, values: [] }
    groups.set(key, group)
    group.values.push(value)
  }
  return [...groups.values()].map(({ labels, values }) => ({ labels, value: folded(name, values) }))
}

function folded(name: string, values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0)
  switch (name) {
    case 'sum':
      return sum
    case 'avg':
      return sum / values.length
    case 'count':
      return values.length
    case 'max':
      // NaN loses against any number.
      return values.reduce((best, value) => (value > best || Number.isNaN(best) ? value : best))
    case 'min':
      return values.reduce((best, value) => (value < best || Number.isNaN(best) ? value : best))
    default:
      throw new EvaluationError(`aggregation ${name} is not supported`)
  }
}

function elementsOf(expression: Expression, store: SeriesStore, atMs: number): readonly Element[] {
  const value = evaluate(expression, store, atMs)
  if (value.kind === 'scalar') throw new EvaluationError('a vector is needed, not a scalar')
  return value.elements
}

function scalarOf(expression: Expression, store: SeriesStore, atMs: number): number {
  const value = evaluate(expression, store, atMs)
  if (value.kind === 'vector') throw new EvaluationError('a scalar is needed, not a vector')
  return value.value
}

function mapped(elements: readonly Element[], change: (value: number) => number): Element[] {
  return unique(
    elements.map(({ labels, value }) => ({
      labels: without(labels, ['__name__']),
      value: change(value),
    })),
  )
}

function unique(elements: Element[]): Element[] {
  if (new Set(elements.map(({ labels }) => labelKey(labels))).size !== elements.length) {
    throw new EvaluationError('vector cannot contain metrics with the same labelset')
  }
  return elements
}

function vector(elements: readonly Element[]): Value {
  return { kind: 'vector', elements }
}
