import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Check } from '../../crds/check.ts'
import { Evidence } from '../../crds/rollout-status.ts'
import { judge } from './judge.ts'
import type { Durations, Reading, Requests } from './reading.ts'

const errors = Check.parse({ name: 'errors', successRate: { min: 99 } })
const latency = Check.parse({ name: 'latency', latency: { quantile: 0.99, max: '500ms' } })
const gate = (final: boolean) => ({ final, minRequests: 100, windowMs: 60_000, atMs: 0 })

const requests = (total: number, failed: number): Requests => ({ total, failed })
const counts = (canary: Requests, stable: Requests | null = null): Reading => {
  return { kind: 'requests', canary, stable }
}

const durations = (counted: Record<number, number>, total: number): Durations => ({
  total,
  buckets: [
    ...Object.entries(counted).map(([ms, count]) => ({ edgeSeconds: Number(ms) / 1_000, count })),
    { edgeSeconds: Number.POSITIVE_INFINITY, count: total },
  ],
})
const times = (canary: Durations, stable: Durations | null = null): Reading => {
  return { kind: 'durations', canary, stable }
}

describe('a success rate', () => {
  for (const [name, final, reading, outcome, because] of [
    [
      'fails below its bound at the end',
      true,
      counts(requests(212, 61.056)),
      'Failed',
      'success rate 71.20 % of about 212 requests is below 99 %',
    ],
    [
      'passes at its bound',
      true,
      counts(requests(200, 2)),
      'Passed',
      'success rate 99.00 % of 200 requests is at least 99 %',
    ],
    [
      'passes above it, and shows stable',
      true,
      counts(requests(1000, 1), requests(9000, 9)),
      'Passed',
      'success rate 99.90 % of 1000 requests is at least 99 %; stable has 99.90 %',
    ],
    [
      'fails just below it at the end',
      true,
      counts(requests(100_000, 1000.4)),
      'Failed',
      'success rate 98.9996 % of about 100000 requests is below 99 %',
    ],
    [
      'waits in the middle where it may be chance',
      false,
      counts(requests(200, 5)),
      'Inconclusive',
      'success rate 97.50 % of 200 requests is below 99 %, which may still be chance',
    ],
    [
      'fails in the middle beyond doubt',
      false,
      counts(requests(200, 20)),
      'Failed',
      'success rate 90.00 % of 200 requests is below 99 %',
    ],
    [
      'fails beyond doubt with few requests',
      false,
      counts(requests(10, 10)),
      'Failed',
      'success rate 0.00 % of 10 requests is below 99 %',
    ],
    [
      'fails beyond doubt at the end as in the middle',
      true,
      counts(requests(10, 10)),
      'Failed',
      'success rate 0.00 % of 10 requests is below 99 %',
    ],
    [
      'does not fail for one bad request of one',
      false,
      counts(requests(1, 1)),
      'Inconclusive',
      'only 1 of 100 requests needed so far: 0.00 %',
    ],
    [
      'is inconclusive with too few requests',
      true,
      counts(requests(99, 0)),
      'Inconclusive',
      'only 99 of 100 requests needed so far: 100.00 %',
    ],
    [
      'is inconclusive without requests',
      true,
      counts(requests(0, 0), requests(500, 0)),
      'Inconclusive',
      'no requests to the canary in the last 60s',
    ],
    [
      'blames the environment where stable fails too',
      true,
      counts(requests(200, 50), requests(900, 90)),
      'Inconclusive',
      'the environment is unhealthy: stable fails too (success rate 75.00 % of 200 requests is below 99 %; stable has 90.00 %)',
    ],
    [
      'blames a canary that is much worse than a stable that fails too',
      true,
      counts(requests(200, 120), requests(900, 90)),
      'Failed',
      'success rate 40.00 % of 200 requests is below 99 %; stable has 90.00 %',
    ],
    [
      'does not blame a cold pod for its first failures',
      false,
      counts(requests(4, 4)),
      'Inconclusive',
      'only 4 of 100 requests needed so far: 0.00 %',
    ],
    [
      'blames it in the middle beyond doubt alone',
      false,
      counts(requests(200, 50), requests(900, 10)),
      'Failed',
      'success rate 75.00 % of 200 requests is below 99 %; stable has 98.89 %',
    ],
    [
      'does not let a stable with too few requests excuse the canary',
      true,
      counts(requests(200, 50), requests(20, 1)),
      'Failed',
      'success rate 75.00 % of 200 requests is below 99 %; stable has 95.00 %',
    ],
    [
      'passes on what was missing',
      true,
      { kind: 'inconclusive', because: 'the metrics contain NaN' },
      'Inconclusive',
      'the metrics contain NaN',
    ],
    [
      'is an error where the provider erred',
      true,
      { kind: 'error', because: 'down' },
      'Error',
      'down',
    ],
    [
      'is an error where the answer is another',
      true,
      { kind: 'value', value: 1 },
      'Error',
      'the answer does not fit check errors',
    ],
  ] satisfies readonly (readonly [string, boolean, Reading, string, string])[]) {
    test(name, () => {
      const evidence = judge(errors, reading, gate(final))
      assert.deepEqual([evidence.outcome, evidence.because], [outcome, because])
      Evidence.parse(evidence)
    })
  }

  test('tells its numbers as the status wants them', () => {
    assert.deepEqual(
      judge(errors, counts(requests(200, 4), requests(1000, 1)), { ...gate(true), query: 'q' }),
      {
        check: 'errors',
        outcome: 'Failed',
        because: 'success rate 98.00 % of 200 requests is below 99 %; stable has 99.90 %',
        query: 'q',
        value: 98,
        stable: 99.9,
        samples: 200,
        min: 99,
        windowSeconds: 60,
        at: '1970-01-01T00:00:00.000Z',
      },
    )
  })

  test('of 100 % fails with the first failed request', () => {
    const strict = Check.parse({ name: 'errors', successRate: { min: 100 } })
    assert.equal(judge(strict, counts(requests(5, 1)), gate(false)).outcome, 'Failed')
    const lax = Check.parse({ name: 'errors', successRate: { min: 0 } })
    assert.equal(judge(lax, counts(requests(500, 500)), gate(true)).outcome, 'Passed')
  })
})

describe('a latency', () => {
  for (const [name, final, reading, outcome, because] of [
    [
      'passes with few slow requests',
      true,
      times(durations({ 250: 950, 500: 995, 1000: 1000 }, 1000)),
      'Passed',
      'p99 472ms of 1000 requests is at most 500ms',
    ],
    [
      'fails with many',
      true,
      times(
        durations({ 250: 900, 500: 950, 1000: 1000 }, 1000),
        durations({ 250: 500, 500: 500, 1000: 500 }, 500),
      ),
      'Failed',
      'p99 900ms of 1000 requests is above 500ms, 5.00 % took longer; stable has p99 248ms',
    ],
    [
      'fails in the middle beyond doubt',
      false,
      times(durations({ 500: 10, 1000: 20 }, 20)),
      'Failed',
      'p99 990ms of 20 requests is above 500ms, 50.00 % took longer',
    ],
    [
      'is judged at the next edge inside a wide bucket',
      true,
      times(durations({ 250: 900, 1000: 1000 }, 1000)),
      'Passed',
      'p99 925ms of 1000 requests: 0.00 % took longer than 1s, 1 % may; 500ms lies inside the bucket 250ms to 1s, so 1s was judged',
    ],
    [
      'is open where slow requests are beyond all edges',
      true,
      times(durations({ 100: 900, 250: 950 }, 1000)),
      'Inconclusive',
      'the largest bucket ends at 250ms, below 500ms: what is slower can not be told apart',
    ],
    [
      'passes where all edges lie below and none is slow',
      true,
      times(durations({ 100: 900, 250: 1000 }, 1000)),
      'Passed',
      'p99 235ms of 1000 requests is at most 500ms',
    ],
    [
      'is inconclusive without requests',
      true,
      times(durations({}, 0)),
      'Inconclusive',
      'no requests to the canary in the last 60s',
    ],
    [
      'blames the environment where stable is slow too',
      true,
      times(durations({ 500: 100, 1000: 200 }, 200), durations({ 500: 100, 1000: 200 }, 200)),
      'Inconclusive',
      'the environment is unhealthy: stable fails too (p99 990ms of 200 requests is above 500ms, 50.00 % took longer; stable has p99 990ms)',
    ],
  ] satisfies readonly (readonly [string, boolean, Reading, string, string])[]) {
    test(name, () => {
      const evidence = judge(latency, reading, gate(final))
      assert.deepEqual([evidence.outcome, evidence.because], [outcome, because])
      Evidence.parse(evidence)
    })
  }

  test('gives its value and its bound in seconds', () => {
    const reading = times(durations({ 250: 950, 500: 995, 1000: 1000 }, 1000))
    const { value, max, samples } = judge(latency, reading, gate(true))
    assert.deepEqual({ value, max, samples }, { value: 0.472222, max: 0.5, samples: 1000 })
  })
})

describe('an own query', () => {
  const between = Check.parse({ name: 'own', prometheus: { query: 'q', min: 1, max: 3 } })
  for (const [value, final, outcome, because] of [
    [2, true, 'Passed', '2 is at least 1 and at most 3'],
    [3, true, 'Passed', '3 is at least 1 and at most 3'],
    [3.5, true, 'Failed', '3.5 is above 3'],
    [0.5, true, 'Failed', '0.5 is below 1'],
    [3.5, false, 'Inconclusive', '3.5 is above 3, judged when the hold is over'],
  ] as const) {
    test(`of ${value} is ${outcome} ${final ? 'at the end' : 'in the middle'}`, () => {
      const evidence = judge(between, { kind: 'value', value }, gate(final))
      assert.deepEqual([evidence.outcome, evidence.because], [outcome, because])
    })
  }
})
