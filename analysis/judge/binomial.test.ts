import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { upperTail } from './binomial.ts'

describe('the binomial tail', () => {
  // Reference values summed in exact rational arithmetic.
  for (const [failed, total, rate, expected] of [
    [1, 1, 0.01, 0.01],
    [2, 10, 0.01, 0.00426620024283142],
    [10, 10, 0.01, 1e-20],
    [5, 200, 0.01, 0.05174626363078589],
    [20, 200, 0.01, 2.8924286915729495e-14],
    [40, 212, 0.05, 4.665137447038398e-13],
    [600, 10000, 0.05, 4.509387117818215e-6],
    [1200, 2000, 0.5, 1.7525031034678226e-19],
    [3, 5000, 0.0001, 0.01438199156042359],
  ] as const) {
    test(`of ${failed} of ${total} at ${rate}`, () => {
      const actual = upperTail({ failed, total }, rate)
      assert.ok(Math.abs(actual / expected - 1) < 1e-9, `${actual} instead of ${expected}`)
    })
  }

  test('is one at or below the mean, and never leaves 0 to 1 or rises with more failures', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 1e-6, max: 0.999, noNaN: true }),
        (total, share, rate) => {
          const failed = Math.min(total - 1, Math.floor(total * share))
          const here = upperTail({ failed, total }, rate)
          const next = upperTail({ failed: failed + 1, total }, rate)
          return here >= 0 && here <= 1 && next <= here * (1 + 1e-6)
        },
      ),
      { numRuns: 300, seed: 1 },
    )
  })
})
