// Closed forms against the figures of the research, which were measured by simulation.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { leastFound, powerOf, requestsToPass } from './power.ts'
import { errorsSpec } from './spec.ts'

const traffic = (rps: number, rate: number) => ({
  ...{ canary: 0.1 * rps, stable: 0.9 * rps, rate, phi: 1 },
})
const minutes = (count: number) => count * 60_000

describe('the power of a comparison', () => {
  // Rise in points that a 10 % canary finds with 80 %, in 5 and in 15 minutes.
  const published: readonly [number, number, number, number][] = [
    [0.001, 1, 30, 8.4],
    [0.001, 10, 3.8, 1.3],
    [0.001, 100, 0.66, 0.28],
    [0.001, 1_000, 0.17, 0.09],
    [0.01, 10, 6.6, 2.8],
    [0.01, 100, 1.7, 0.94],
    [0.01, 1_000, 0.78, 0.66],
  ]
  for (const [rate, rps, soon, late] of published) {
    test(`is that of the research at ${100 * rate} % of ${rps} requests a second`, () => {
      for (const [ms, rise] of [
        [minutes(5), soon],
        [minutes(15), late],
      ] as const) {
        const found = leastFound(errorsSpec, traffic(rps, rate), ms)
        const points = 100 * ((found ?? 1) - rate)
        assert.ok(Math.abs(points / rise - 1) < 0.12, `${points} points, not ${rise}`)
      }
    })
  }

  test('needs the requests of the research for a pass', () => {
    assert.deepEqual(
      [0.00001, 0.001, 0.005, 0.01].map((rate) => requestsToPass(errorsSpec, { rate, phi: 1 })),
      [302, 395, 665, 977],
    )
    assert.equal(requestsToPass(errorsSpec, { rate: 0.001, phi: 2 }), 789)
  })

  test('grows with time and with the fault, and is nothing without traffic', () => {
    const of = (rate: number, ms: number) => powerOf(errorsSpec, traffic(100, 0.001), { rate, ms })
    assert.ok(of(0.006, minutes(5)) < of(0.006, minutes(10)))
    assert.ok(of(0.006, minutes(5)) < of(0.012, minutes(5)))
    assert.ok(of(0.001, minutes(30)) < 0.01)
    assert.equal(powerOf(errorsSpec, traffic(0, 0.001), { rate: 1, ms: minutes(5) }), 0)
    assert.equal(leastFound(errorsSpec, traffic(0, 0.001), minutes(5)), null)
  })
})
