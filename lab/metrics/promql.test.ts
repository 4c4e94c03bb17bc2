import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { evaluate } from './promql-eval.ts'
import { parsePromql } from './promql-parse.ts'
import { createSeriesStore, type Labels, type SeriesStore } from './series.ts'

const seconds = 1_000

/** Series written as their values each 10 s from 0; `null` is a staleness marker, `-` a missed scrape. */
function store(families: Record<string, readonly (number | null | '-')[]>): SeriesStore {
  const result = createSeriesStore()
  for (const [text, values] of Object.entries(families)) {
    const selector = parsePromql(text)
    assert.equal(selector.kind, 'selector')
    const labels: Labels = Object.fromEntries(
      selector.kind === 'selector'
        ? selector.matchers.map(({ label, value }) => [label, value])
        : [],
    )
    for (const [i, value] of values.entries()) {
      if (value !== '-') result.append(labels, i * 10 * seconds, value)
    }
  }
  return result
}

const series = store({
  'requests{code="200"}': [0, 10, 20, 30, 40, 50, 60],
  'requests{code="500"}': ['-', '-', '-', 5, 6, 7, 8],
  restarted: [10, 20, 5, 15],
  vanished: [1, 2, null],
  'latency{le="0.1"}': [0, 0, 0, 0, 0, 0, 50],
  'latency{le="0.5"}': [0, 0, 0, 0, 0, 0, 90],
  'latency{le="+Inf"}': [0, 0, 0, 0, 0, 0, 100],
})

const values = (query: string, atMs: number) => {
  const value = evaluate(parsePromql(query), series, atMs)
  return value.kind === 'scalar' ? value.value : value.elements.map((one) => one.value)
}

describe('the evaluator', () => {
  // What these should be was worked out by hand; equality.test.ts asks a real Prometheus.
  for (const [query, atS, expected] of [
    ['requests', 60, [60, 8]],
    ['requests{code=~"2.."}', 60, [60]],
    ['requests{code!~"2..|4.."}', 60, [8]],
    ['requests', 360, [60, 8]],
    ['requests', 361, []],
    ['increase(requests{code="200"}[1m])', 60, [60]],
    ['rate(requests{code="200"}[1m])', 60, [1]],
    ['increase(requests{code="500"}[1m])', 60, [3.5]],
    ['increase(requests{code="500"}[1m])', 30, []],
    ['increase(restarted[30s])', 30, [25]],
    ['vanished', 10, [2]],
    ['vanished', 20, []],
    ['increase(vanished[1m])', 60, [1.5]],
    ['sum(requests) / count(requests)', 60, [34]],
    ['sum by (code) (requests) > 8', 60, [60]],
    ['requests{code="500"} / ignoring(code) requests{code="200"}', 60, [8 / 60]],
    ['histogram_quantile(0.7, latency)', 60, [0.1 + 0.4 * 0.5]],
    ['histogram_quantile(0.99, latency)', 60, [0.5]],
    ['nothing or vector(7)', 60, [7]],
    ['-2 ^ 2', 60, -4],
    ['2 ^ 3 ^ 2', 60, 512],
    ['1 + 2 * 3 == bool 7', 60, 1],
    ['1e3 + 0x10 - .5', 60, 1015.5],
    ['Inf - Inf', 60, Number.NaN],
  ] as const) {
    test(`gives ${JSON.stringify(expected)} for ${query} at ${atS}s`, () => {
      assert.deepEqual(values(query, atS * seconds), expected)
    })
  }
})

describe('the parser', () => {
  for (const [query, message] of [
    ['', 'unexpected the end at character 1'],
    ['rate(requests)', 'rate needs a range here, not a vector at character 6'],
    ['rate(requests[5m)', 'expected ] but found ")" at character 17'],
    ['requests offset 5m', 'unexpected "offset" at character 10'],
    ['a * on (b) group_left (c) d', 'many-to-one matching is not supported at character 12'],
    ['topk(3, a)', 'function topk is not supported at character 1'],
    ['constructor(a)', 'function constructor is not supported at character 1'],
    ['{a=""}', 'a selector needs a matcher that refuses the empty value at character 1'],
    ['a{b="c}', 'unterminated string at character 5'],
    ['a{b="\\q"}', 'unknown escape sequence at character 6'],
    ['a{b=c}', '"c" is no string at character 5'],
    ['a ~ b', 'unexpected "~" at character 3'],
    ['1 > 2', 'a comparison of scalars needs bool at character 3'],
    ['a + bool b', 'bool is for comparisons at character 3'],
    ['1 and a', 'and needs vectors on both sides at character 3'],
    ['a[5m] + 1', 'a range vector has no operators at character 7'],
    ['('.repeat(200), 'nested too deeply at character 101'],
  ] as const) {
    test(`refuses ${query.slice(0, 40) || 'nothing'} with its position`, () => {
      assert.throws(() => parsePromql(query), { name: 'PromqlError', message })
    })
  }

  test('refuses a pattern that is none', () => {
    assert.throws(() => parsePromql('a{b=~"("}'), /not a regular expression .* at character 6/)
  })
})

describe('the store', () => {
  test('forgets what is older than its retention, and series that ended', () => {
    const small = createSeriesStore({ retentionMs: 100 * seconds })
    small.append({ __name__: 'old' }, 0, 1)
    for (let i = 1; i <= 300; i += 1) small.append({ __name__: 'kept' }, i * seconds, i)
    const [kept] = small.select('kept')
    assert.equal(small.size, 1)
    assert.equal(kept?.timesMs.at(-1), 300 * seconds)
    assert.ok((kept?.timesMs.length ?? 0) < 170)
  })

  test('refuses one series too many, and samples out of order', () => {
    const small = createSeriesStore({ maxSeries: 1 })
    small.append({ __name__: 'a' }, 2, 1)
    small.append({ __name__: 'a', empty: '' }, 1, 2)
    assert.deepEqual(
      [...small.select('a')].map((one) => one.values),
      [[1]],
    )
    assert.throws(() => small.append({ __name__: 'b' }, 1, 1), /more than 1 series/)
  })
})
