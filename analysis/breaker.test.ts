import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createBreaker } from './breaker.ts'
import type { Outcome, Verdict } from './verdict.ts'

const minute = 60_000
const verdictsOf = (outcomes: readonly Outcome[]): Map<string, Verdict> =>
  new Map(
    outcomes.map((outcome, i) => [
      `shop/app-${i}`,
      { ...{ revision: `r${i}`, step: 0, from: 0, at: 0, outcome }, because: 'x', evidence: [] },
    ]),
  )
const many = (outcome: Outcome, count: number) => new Array<Outcome>(count).fill(outcome)
const failedAfter = (breaker: ReturnType<typeof createBreaker>, all: Outcome[], atMs: number) =>
  [...breaker.guard(verdictsOf(all), atMs).values()].filter(({ outcome }) => outcome === 'Failed')
    .length

describe('the breaker', () => {
  const rows: readonly [string, Outcome[], number][] = [
    ['lets single failures through', [...many('Failed', 4), ...many('Running', 1)], 4],
    [
      'lets many failures through where most are well',
      [...many('Failed', 9), ...many('Passed', 9)],
      9,
    ],
    ['holds when most fail at once', [...many('Failed', 6), ...many('Running', 5)], 0],
  ]
  for (const [what, outcomes, failures] of rows) {
    test(what, () => {
      assert.equal(failedAfter(createBreaker(), outcomes, 0), failures)
    })
  }

  test('counts those that failed a moment ago, and forgets them after five minutes', () => {
    const breaker = createBreaker()
    const four = [...many('Failed', 4), ...many('Running', 4)]
    assert.equal(failedAfter(breaker, four, 0), 4)
    const others = [...many('Running', 4), ...many('Failed', 2), ...many('Running', 2)]
    assert.equal(failedAfter(breaker, others, minute), 0)
    assert.equal(failedAfter(breaker, others, 7 * minute), 2)
  })

  test('says how many fail, and keeps what the check said', () => {
    const [verdict] = createBreaker()
      .guard(verdictsOf(many('Failed', 5)), 0)
      .values()
    assert.deepEqual(
      [verdict?.outcome, verdict?.because],
      [
        'Inconclusive',
        '5 of 5 rollouts on trial fail at once, so the metrics or the environment are broken: x',
      ],
    )
  })
})
