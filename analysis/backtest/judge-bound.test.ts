// Counts of a rollout in; what a check with a fixed bound says after each of them out.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Check } from '../../crds/check.ts'
import { judgeBound } from './judge-bound.ts'

const good = { canary: { n: 150, x: 0 }, stable: { n: 1_350, x: 1 } }
const bad = { ...good, canary: { n: 150, x: 8 } }
const both = { canary: { n: 150, x: 8 }, stable: { n: 1_350, x: 72 } }
const silent = { ...good, canary: null }
const broken = { ...good, canary: { n: 150, x: 200 } }
const times = <Item>(count: number, item: Item) => new Array<Item>(count).fill(item)

const judged = (fields: object, ticks: readonly object[], over: object = {}) =>
  judgeBound(
    Check.parse({ name: 'rate', successRate: { min: 99 }, ...fields }),
    { name: 'ticks.json', text: JSON.stringify({ ticks, ...over }) },
    { minRequests: 100 },
  )
const measured = (limits: object = {}) => ({ interval: '1m', ...limits })

const rows: readonly [string, object, readonly object[], string, RegExp][] = [
  ['too few scrapes', {}, times(3, bad), 'inconclusive', /^too early/],
  ['good ones', {}, times(8, good), 'pass', /100\.00 % of 600 requests is at least 99 %/],
  ['bad ones beyond doubt', {}, times(8, bad), 'abort', /94\.67 % of 600 requests is below/],
  ['both arms bad', {}, times(8, both), 'inconclusive', /stable/],
  ['no canary', {}, times(8, silent), 'inconclusive', /no requests/],
  ['counts that are none', {}, times(8, broken), 'inconclusive', /no requests/],
  ['nothing', {}, [], 'inconclusive', /no ticks/],
  ['nothing measured', measured(), times(4, good), 'inconclusive', /nothing has been measured/],
  ['one bad minute', measured(), [...times(12, good), ...times(4, bad)], 'abort', /1 of 3 meas/],
  [
    'one bad minute that is forgiven',
    measured({ failureLimit: 1 }),
    [...times(12, good), ...times(4, bad), ...times(4, good)],
    'pass',
    /3 of 4 measurements succeeded, 1 failed/,
  ],
  ['a silent canary', measured(), times(20, silent), 'inconclusive', /0 of 1 measurements/],
  [
    'successes that do not follow each other',
    measured({ failureLimit: 1, consecutiveSuccessLimit: 2 }),
    [...times(8, good), ...times(4, bad), ...times(4, good)],
    'inconclusive',
    /1 of 2 measurements in a row/,
  ],
]
describe('a tick file held to a bound', () => {
  for (const [name, fields, ticks, verdict, because] of rows) {
    test(`is judged: ${name}`, () => {
      const found = judged(fields, ticks)
      assert.equal(found.verdict, verdict, found.because)
      assert.match(found.because, because)
    })
  }

  test('keeps an abort, whatever comes after it', () => {
    const { ticks, verdict } = judged({}, [...times(8, bad), ...times(60, good)])
    const first = ticks.findIndex((tick) => tick.verdict === 'abort')
    assert.equal(first, 4)
    assert.equal(new Set(ticks.slice(first).map(({ because }) => because)).size, 1)
    assert.equal(verdict, 'abort')
  })

  test('says what it counted, and leaves out ticks that are not newer', () => {
    const at = (seconds: number) => ({ ...good, at: 1_000 * seconds })
    const { ticks } = judged({}, [15, 30, 45, 30, 60, 75].map(at))
    const { canary, stable, windowSeconds } = ticks.at(-1) ?? {}
    assert.deepEqual(
      [canary, stable],
      [
        { requests: 600, bad: 0 },
        { requests: 5_400, bad: 4 },
      ],
    )
    assert.equal(windowSeconds, 60)
  })

  test('is read at the edges of its buckets', () => {
    const arms = { canary: { n: 150, x: [15, 8] }, stable: { n: 1_350, x: [135, 1] } }
    const latency = { successRate: undefined, latency: { quantile: 0.99, max: '500ms' } }
    const over = { metric: 'latency', edgesSeconds: [0.1, 0.5] }
    const slow = judged(latency, times(8, arms), over)
    assert.equal(slow.verdict, 'abort')
    const { canary, edgeSeconds } = slow.ticks.at(-1) ?? {}
    assert.deepEqual([canary, edgeSeconds], [{ requests: 600, bad: 32 }, 0.5])
    const fast = { ...arms, canary: { n: 150, x: [15, 0] } }
    assert.equal(judged(latency, times(8, fast), over).verdict, 'pass')
    assert.throws(() => judged(latency, times(8, good)), /counts errors, but check rate is about/)
  })
})
