import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../kube/api.ts'
import { rolloutSpec } from '../test/fixtures/rollout.ts'
import { service } from './service.ts'

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
