import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { podShare, podsFor } from './steps.ts'

describe('a share of pods', () => {
  const rows: [number, number, number, number, number][] = [
    [5, 4, 4, 1, 20],
    [20, 8, 8, 2, 20],
    [50, 4, 4, 4, 50],
    [75, 6, 2, 6, 75],
    [33, 3, 3, 1, 25],
    [1, 1, 1, 1, 50],
    [0, 4, 4, 1, 0],
    [100, 4, 4, 4, 100],
  ]
  for (const [weight, replicas, stable, canary, percent] of rows) {
    it(`for ${weight} % beside ${replicas} pods is ${percent} %`, () => {
      assert.deepEqual(podShare(weight, replicas), { stable, canary, percent })
    })
  }

  it('never has fewer pods than the weight needs, and keeps stable whole up to one half', () => {
    const weights = fc.integer({ min: 1, max: 99 })
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 60 }), (weight, replicas) => {
        const share = podShare(weight, replicas)
        assert.ok(share.canary >= podsFor(weight, replicas))
        assert.ok(share.stable >= podsFor(100 - weight, replicas))
        assert.ok(share.canary <= replicas && share.stable <= replicas)
        assert.ok(weight > 50 || share.stable === replicas)
      }),
      { seed: 1 },
    )
  })
})
