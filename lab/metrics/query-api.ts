// Parameters of /api/v1/query and /api/v1/query_range in, the JSON of Prometheus out. No network here.
import { evaluate, rangesOf } from './promql-eval.ts'
import { PromqlError } from './promql-lex.ts'
import { parsePromql } from './promql-parse.ts'
import { type Expression, typeOf } from './promql-tree.ts'
import { EvaluationError, type Value } from './promql-value.ts'
import { type Labels, labelKey, type SeriesStore } from './series.ts'

export interface Reply {
  readonly status: number
  readonly body: unknown
}

export type Parameters = Pick<URLSearchParams, 'get'>

const maxPoints = 11_000

/** An instant query. */
export function queryReply(store: SeriesStore, parameters: Parameters, nowMs: number): Reply {
  return answered(() => {
    const atMs = parseTime(parameters.get('time'), nowMs, 'time')
    const expression = parsed(parameters)
    if (typeOf(expression) === 'range') {
      return { resultType: 'matrix', result: rangeSelector(expression, store, atMs) }
    }
    const value = evaluate(expression, store, atMs)
    return value.kind === 'scalar'
      ? { resultType: 'scalar', result: point(atMs, value.value) }
      : {
          resultType: 'vector',
          result: value.elements.map((one) => ({
            metric: one.labels,
            value: point(atMs, one.value),
          })),
        }
  })
}

/** A query evaluated at each step between start and end, both included. */
export function queryRangeReply(store: SeriesStore, parameters: Parameters, nowMs: number): Reply {
  return answered(() => {
    const startMs = parseTime(parameters.get('start'), nowMs, 'start')
    const endMs = parseTime(parameters.get('end'), nowMs, 'end')
    const stepMs = Math.round(parseStep(parameters.get('step')))
    if (stepMs <= 0) throw new BadParameter('step must be greater than zero')
    if (endMs < startMs) throw new BadParameter('end must not be before start')
    if ((endMs - startMs) / stepMs > maxPoints) {
      throw new BadParameter(`more than ${maxPoints} points: take a longer step`)
    }
    const expression = parsed(parameters)
    if (typeOf(expression) === 'range') throw new BadParameter('a range vector has no graph')
    const series = new Map<string, { metric: Labels; values: [number, string][] }>()
    for (let atMs = startMs; atMs <= endMs; atMs += stepMs) {
      for (const { labels, value } of elementsOf(evaluate(expression, store, atMs))) {
        const key = labelKey(labels)
        const one = series.get(key) ?? { metric: labels, values: [] }
        series.set(key, one)
        one.values.push(point(atMs, value))
      }
    }
    return { resultType: 'matrix', result: [...series.values()] }
  })
}

class BadParameter extends Error {}

function answered(data: () => unknown): Reply {
  try {
    return { status: 200, body: { status: 'success', data: data() } }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    if (error instanceof PromqlError || error instanceof BadParameter) {
      return { status: 400, body: { status: 'error', errorType: 'bad_data', error: text } }
    }
    if (error instanceof EvaluationError) {
      return { status: 422, body: { status: 'error', errorType: 'execution', error: text } }
    }
    throw error
  }
}

function parsed(parameters: Parameters): Expression {
  const query = parameters.get('query') ?? ''
  if (query === '') throw new BadParameter('query is empty')
  return parsePromql(query)
}

function rangeSelector(expression: Expression, store: SeriesStore, atMs: number): unknown[] {
  if (expression.kind !== 'selector' || expression.rangeMs === null) return []
  return rangesOf(expression, store, atMs).map(({ labels, points }) => ({
    metric: labels,
    values: points.map(({ timeMs, value }) => point(timeMs, value)),
  }))
}

function elementsOf(value: Value): readonly { labels: Labels; value: number }[] {
  return value.kind === 'vector' ? value.elements : [{ labels: {}, value: value.value }]
}

function point(atMs: number, value: number): [number, string] {
  const text = Number.isNaN(value)
    ? 'NaN'
    : Number.isFinite(value)
      ? String(value)
      : `${value > 0 ? '+' : '-'}Inf`
  return [atMs / 1_000, text]
}

function parseTime(text: string | null, nowMs: number, name: string): number {
  if (text === null || text === '') return nowMs
  const ms = /^-?[0-9.]+(e[+-]?[0-9]+)?$/i.test(text) ? Number(text) * 1_000 : Date.parse(text)
  if (Number.isNaN(ms)) throw new BadParameter(`${name} is not a time: ${text.slice(0, 40)}`)
  return Math.round(ms)
}

function parseStep(text: string | null): number {
  const seconds = Number(text ?? Number.NaN)
  if (Number.isFinite(seconds)) return seconds * 1_000
  const [, count, unit] = /^([0-9]+)(ms|s|m|h)$/.exec(text ?? '') ?? []
  const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit ?? '']
  if (unitMs === undefined) throw new BadParameter('step is not a duration')
  return Number(count) * unitMs
}
