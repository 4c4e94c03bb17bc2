// A Rollout with its expected traffic in, what `plan` says of its evidence out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { record } from '../json.ts'
import { forecast } from './forecast.ts'
import { type Expected, powerOf } from './power.ts'

const spec = {
  replicas: 6,
  template: { spec: {} },
  traffic: { istio: { host: 'web' }, settle: '10s' },
  progressDeadline: '30m',
  canary: {
    steps: [{ weight: 0 }, { weight: 1, hold: '2m' }, { weight: 10, hold: '5m' }, { weight: 100 }],
  },
  analysis: {
    minRequests: 50,
    checks: [
      { name: 'compare', compare: { metric: 'errors' } },
      { name: 'rate', successRate: { min: 99 } },
      { name: 'own', prometheus: { query: 'x', max: 1 } },
    ],
  },
}
const power = (expected: Partial<Expected> = {}) =>
  powerOf(record(spec), forecast('web', { spec }), {
    ...{ requestsPerSecond: null, errorPercent: 0.1 },
    ...expected,
  })

test('each step with traffic says what its checks need', () => {
  assert.deepEqual(
    power().map(({ step, check, requests, seconds }) => [step, check, requests, seconds]),
    [
      [2, 'compare', 395, null],
      [2, 'rate', 50, null],
      [3, 'compare', 395, null],
      [3, 'rate', 50, null],
      [4, 'compare', 395, null],
      [4, 'rate', 50, null],
    ],
  )
})

test('with its traffic it says how soon, what is found, and which steps can not say anything', () => {
  const [slow, , found, , full] = power({ requestsPerSecond: 10 })
  assert.match(slow?.warning ?? '', /395 requests come in 3950s at 1 %, after its deadline/)
  assert.deepEqual([found?.seconds, found?.risePoints, found?.warning], [395, 3.8, null])
  assert.match(full?.warning ?? '', /not found by comparison/)
  const [busy] = power({ requestsPerSecond: 100_000 })
  assert.deepEqual([busy?.seconds, busy?.warning], [60, null])
})
