import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '../kube/api.ts'
import { rolloutSpec } from '../test/fixtures/rollout.ts'
import { podShare, service } from './service.ts'

const reference = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Rollout',
  name: 'checkout',
  uid: 'u-1',
}
const owner = { namespace: 'shop', name: 'checkout', reference }
const spec = rolloutSpec({ traffic: { service: { host: 'checkout' } } })
const change = { owner, spec, decision: 1, now: 0 }
const stored = (selector: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'checkout', namespace: 'shop' },
  spec: { selector },
})

describe('a plain Service', () => {
  it('switches all traffic in one write of its selector', () => {
    const green = service.renderRoute(stored({ app: 'checkout' }), {
      ...change,
      weights: { b: 100 },
    })
    assert.deepEqual(green['spec'].selector, { app: 'checkout', 'sluice.dev/revision': 'b' })
    const split = service.renderRoute(green, { ...change, weights: { a: 50, b: 50 } })
    assert.deepEqual(split['spec'].selector, { app: 'checkout' })
  })

  it('says that its selector was changed by somebody else', () => {
    const green = service.renderRoute(stored({ app: 'checkout' }), {
      ...change,
      weights: { b: 100 },
    })
    const moved = { ...green, spec: { selector: { app: 'checkout', 'sluice.dev/revision': 'z' } } }
    assert.deepEqual(service.readRoute(moved, change).weights, { z: 100 })
    const freed = { ...green, spec: { selector: { app: 'checkout' } } }
    assert.deepEqual(service.readRoute(freed, change).weights, {})
  })

  for (const selector of [{}, { app: 'other' }, { app: 'checkout', tier: 'web' }]) {
    it(`is refused when it selects by ${JSON.stringify(selector)}`, () => {
      const write = () =>
        service.renderRoute(stored(selector as Record<string, string>), {
          ...change,
          weights: { a: 100 },
        })
      assert.throws(write, /must select pods by labels/)
    })
  }
})

describe('a share of pods', () => {
  const rows: [number, number, string][] = [
    [5, 4, 'a gets 75 % for 95 %, 3 of 4 pods; b gets 25 % for 5 %, 1 of 4 pods'],
    [50, 4, 'a gets 50 % for 50 %, 2 of 4 pods; b gets 50 % for 50 %, 2 of 4 pods'],
    [33, 3, 'a gets 66.7 % for 67 %, 2 of 3 pods; b gets 33.3 % for 33 %, 1 of 3 pods'],
    [1, 1, 'a gets 50 % for 99 %, 1 of 2 pods; b gets 50 % for 1 %, 1 of 2 pods'],
  ]
  for (const [weight, replicas, because] of rows) {
    it(`of ${weight} % with ${replicas} pods is said as it is`, () => {
      const share = podShare({ a: 100 - weight, b: weight }, replicas)
      assert.equal(share.because, because)
      assert.equal(share.isExact, share.percents['b'] === weight)
    })
  }

  it('uses all pods, and gives every positive weight at least one', () => {
    const weights = fc.integer({ min: 0, max: 100 })
    fc.assert(
      fc.property(weights, fc.integer({ min: 2, max: 60 }), (weight, replicas) => {
        const { pods } = podShare({ a: 100 - weight, b: weight }, replicas)
        assert.equal((pods['a'] ?? 0) + (pods['b'] ?? 0), replicas)
        assert.equal((pods['b'] ?? 0) > 0, weight > 0)
      }),
      { seed: 1 },
    )
  })
})
