// The rules of both peers as rows: what a row of measurements amounts to, and when they are taken.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Check } from '../../crds/check.ts'
import type { Evidence } from '../../crds/rollout-status.ts'
import { conclusionOf, counted, dueInstants, emptyTally, scheduleOf } from './measurements.ts'

const words = { s: 'Passed', f: 'Failed', i: 'Inconclusive', e: 'Error' } as const
const check = (limits: object) =>
  Check.parse({ name: 'errors', successRate: { min: 99 }, interval: '1m', ...limits })

/** `s`uccess, `f`ailure, `i`nconclusive, `e`rror. */
function outcomeOf(measured: string, limits: object): Evidence['outcome'] {
  const tally = [...measured].reduce((sum, letter) => {
    const outcome = words[letter as keyof typeof words]
    return counted(sum, { check: 'errors', outcome, because: letter, at: '' })
  }, emptyTally)
  return conclusionOf(check(limits), tally).outcome
}

describe('measurements', () => {
  const rows: readonly [string, string, object, Evidence['outcome']][] = [
    ['nothing measured is no pass', '', {}, 'Inconclusive'],
    ['one success passes', 's', {}, 'Passed'],
    ['one failure fails: failureLimit is 0, as in Argo Rollouts', 'sf', {}, 'Failed'],
    ['three failures are forgiven by failureLimit 3', 'fffs', { failureLimit: 3 }, 'Passed'],
    ['the fourth is not, successes between or not', 'fsfsfsfs', { failureLimit: 3 }, 'Failed'],
    ['threshold 5 of Flagger is failureLimit 4', 'fffff', { failureLimit: 4 }, 'Failed'],
    ['a forgiven failure at the end is no success', 'sf', { failureLimit: 1 }, 'Inconclusive'],
    ['count asks for successes', 'ss', { count: 3 }, 'Inconclusive'],
    ['count is met', 'sss', { count: 3 }, 'Passed'],
    ['no data is no success', 'iii', {}, 'Inconclusive'],
    ['no data is no failure', 'iiis', {}, 'Passed'],
    ['no data at the end is no success', 'si', {}, 'Inconclusive'],
    ['inconclusiveLimit is kept', 'is', { inconclusiveLimit: 1 }, 'Passed'],
    ['inconclusiveLimit is passed for the step', 'iisss', { inconclusiveLimit: 1 }, 'Inconclusive'],
    ['four errors in a row may be', 'eeee', {}, 'Inconclusive'],
    ['five errors in a row are an error', 'eeeee', {}, 'Error'],
    ['an answer begins the row again', 'eeeeseeee', {}, 'Inconclusive'],
    ['an error is over when answers come', 'eeeees', {}, 'Passed'],
    ['consecutiveErrorLimit is kept', 'ee', { consecutiveErrorLimit: 1 }, 'Error'],
    [
      'consecutiveSuccessLimit needs a row',
      'sfss',
      { consecutiveSuccessLimit: 3, failureLimit: 1 },
      'Inconclusive',
    ],
    [
      'consecutiveSuccessLimit is met',
      'sfsss',
      { consecutiveSuccessLimit: 3, failureLimit: 1 },
      'Passed',
    ],
    ['a failure is final', 'fssss', {}, 'Failed'],
  ]
  for (const [what, measured, limits, outcome] of rows) {
    test(what, () => {
      assert.equal(outcomeOf(measured, limits), outcome)
    })
  }
})

describe('the instants of measurements', () => {
  const at = { fromMs: 1_000_000, scrapeMs: 15_000 }

  test('are multiples of the interval, and the first window begins a scrape after the step', () => {
    const schedule = scheduleOf(check({}), at)
    assert.deepEqual(schedule, {
      ...{ intervalMs: 60_000, windowMs: 60_000, firstMs: 1_080_000, isOnce: false },
      isOfPast: true,
    })
    const waiting = scheduleOf(check({ initialDelay: '2m', window: '5m' }), at)
    assert.deepEqual([waiting?.windowMs, waiting?.firstMs], [300_000, 1_440_000])
  })

  test('are each due once, and all of them again after a restart', () => {
    const schedule = scheduleOf(check({}), at)
    assert.ok(schedule)
    const due = (lastMs: number | null, nowMs: number) => dueInstants(schedule, { lastMs, nowMs })
    assert.deepEqual(due(null, 1_079_999), [])
    assert.deepEqual(due(null, 1_200_000), [1_080_000, 1_140_000, 1_200_000])
    assert.deepEqual(due(1_140_000, 1_200_000), [1_200_000])
    assert.deepEqual(due(1_200_000, 1_200_000), [])
    assert.equal(due(null, 1_080_000 + 86_400_000).length, 120)
  })

  test('come at least a scrape apart, and a Job without an interval runs once', () => {
    assert.equal(scheduleOf(check({ interval: '0s' }), at)?.intervalMs, 15_000)
    const job = Check.parse({ name: 'smoke', job: { spec: { template: {} } } })
    const schedule = scheduleOf(job, at)
    assert.deepEqual(schedule, {
      ...{ intervalMs: 60_000, windowMs: 0, firstMs: 1_000_000, isOnce: true },
      isOfPast: false,
    })
    assert.deepEqual(dueInstants(schedule, { lastMs: 1_000_000, nowMs: 9_000_000 }), [])
  })

  test('that a webhook was not asked about are not asked about later, but for the newest', () => {
    const webhook = { url: 'https://gate.example.com/', max: 1 }
    const schedule = scheduleOf(Check.parse({ name: 'gate', webhook }), at)
    assert.ok(schedule)
    const due = dueInstants(schedule, { lastMs: null, nowMs: 1_200_000 })
    assert.deepEqual(due, [1_200_000])
  })

  test('do not exist for checks that judge their step as one', () => {
    const whole = Check.parse({ name: 'errors', successRate: { min: 99 } })
    const compare = Check.parse({ name: 'errors', compare: { metric: 'errors' } })
    assert.deepEqual(
      [whole, compare].map((one) => scheduleOf(one, at)),
      [null, null],
    )
  })
})
