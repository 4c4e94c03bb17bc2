// What a query gave over four hours in; what its bounds would have done to a revision like stable out.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Check } from '../../crds/check.ts'
import type { Reading } from '../judge/reading.ts'
import { metricTables } from '../metrics/tables.ts'
import { ownBacktest, ownPlan, ownRanges } from './own-query.ts'
import { servingOf, servingQuery } from './serving.ts'

const fromMs = Date.UTC(2026, 0, 10)
const minute = 60_000
const span = { fromMs, untilMs: fromMs + 240 * minute, trialMs: 60 * minute, scrapeMs: 15_000 }
const bounded = { query: 'x{r="{{revision}}"}', max: 1 }
const measured = Check.parse({
  ...{ name: 'own', prometheus: bounded, interval: '10m', failureLimit: 1 },
})
const whole = Check.parse({ name: 'own', prometheus: bounded })
const value = (one: number): Reading => ({ kind: 'value', value: one })

describe('a query of the past', () => {
  test('is asked at the instants that a rollout would have asked', () => {
    const plan = ownPlan(measured, span, () => 'a')
    const minutesOf = (instants: readonly number[]) =>
      instants.map((atMs) => (atMs - fromMs) / minute)
    assert.deepEqual(
      plan.trials.slice(0, 2).map(({ instants }) => minutesOf(instants)),
      [
        [20, 30, 40, 50, 60],
        [80, 90, 100, 110, 120],
      ],
    )
    assert.deepEqual([plan.stepMs, plan.windowMs], [10 * minute, 10 * minute])
    const once = ownPlan(whole, span, () => 'a')
    assert.deepEqual(
      once.trials.map(({ instants }) => minutesOf(instants)),
      [[60], [120], [180], [240]],
    )
  })

  test('is asked in ranges of one revision, and not while two served', () => {
    const revisionIn = (atMs: number) =>
      ({ 0: 'a', 60: 'a', 120: undefined, 180: 'b' })[(atMs - fromMs) / minute]
    const plan = ownPlan(measured, span, revisionIn)
    const ranges = ownRanges(plan).map((one) => [one.revision, (one.toMs - one.fromMs) / minute])
    assert.deepEqual(ranges, [
      ['a', 100],
      ['b', 40],
    ])
    assert.equal(ownRanges(plan, 5).length, 3)
  })

  test('is held to its bounds and limits', () => {
    const plan = ownPlan(measured, span, () => 'a')
    const readings = new Map(
      plan.trials.flatMap(({ instants }) => instants).map((atMs) => [atMs, value(0.5)] as const),
    )
    const at = (minutes: number, reading: Reading) =>
      readings.set(fromMs + minutes * minute, reading)
    at(30, value(2))
    at(80, value(2))
    at(90, value(3))
    at(200, { kind: 'inconclusive', because: 'the query gave NaN, which is no number' })
    readings.delete(fromMs + 240 * minute)
    assert.deepEqual(ownBacktest(measured, plan, readings), {
      ...{ trials: 4, days: 1, measurements: 20, failed: 3, unanswered: 2 },
      because: 'the query gave NaN, which is no number',
      ...{ aborts: 1, abortPercent: 25, passes: 2 },
      values: { least: 0.5, median: 0.5, percent99: 3, most: 3 },
      aborted: ['2026-01-10T01:00:00.000Z'],
    })
  })

  test('says nothing of nothing', () => {
    const plan = ownPlan(whole, span, () => undefined)
    const { trials, abortPercent, values, because } = ownBacktest(whole, plan, new Map())
    assert.deepEqual([trials, abortPercent, values, because], [0, 0, null, null])
  })
})

test('who served is read from counters of the pods', () => {
  const rows = (labels: Readonly<Record<string, string>>, ...values: readonly number[]) => ({
    labels,
    samples: values.map((one, i) => ({ atMs: fromMs + (i + 1) * 5 * minute, value: one })),
  })
  const istio = (revision: string) => ({
    destination_service_namespace: 'shop',
    destination_service_name: 'checkout',
    destination_canonical_revision: revision,
  })
  const owner = { namespace: 'shop', service: 'checkout', rollout: 'checkout' }
  const found = [rows(istio('a'), 5, 5, 0), rows(istio('b'), 0, 5, 5)]
  const revisionIn = servingOf(found, metricTables.istio)
  const spans: readonly [number, number, string | undefined][] = [
    [0, 5, 'a'],
    [0, 10, undefined],
    [10, 15, 'b'],
    [15, 20, undefined],
  ]
  for (const [begin, end, revision] of spans) {
    assert.equal(revisionIn(fromMs + begin * minute, fromMs + end * minute), revision)
  }
  assert.match(
    servingQuery(metricTables.istio, owner),
    /^sum by \(destination_service_namespace, .*\) \(increase\(istio_requests_total\{.*\}\[300s\]\)\)$/,
  )
})
