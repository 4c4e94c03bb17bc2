import assert from 'node:assert/strict'
import { it } from 'node:test'
import { rolloutSpec } from '../../test/fixtures/rollout.ts'
import { createClaims } from './claims.ts'

const at = (name: string, routes: string[]) => ({
  owner: {
    namespace: 'shop',
    name,
    reference: { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', name, uid: name },
  },
  spec: rolloutSpec({
    traffic: { istio: { host: name, virtualServices: [{ name: 'edge', routes }] } },
  }),
})
const edge = {
  apiVersion: 'x/v1',
  kind: 'VirtualService',
  metadata: { name: 'edge', namespace: 'shop' },
}

it('a route of a user finds the Rollouts that split rules of it, and forgets those that are gone', () => {
  const claims = createClaims()
  claims.set('shop/a', at('a', ['one']))
  claims.set('shop/b', at('b', ['two']))
  assert.deepEqual(claims.on(edge), ['shop/a', 'shop/b'])
  claims.set('shop/a', null)
  assert.deepEqual(claims.on(edge), ['shop/b'])
  assert.deepEqual(claims.on({ ...edge, metadata: { ...edge.metadata, namespace: 'other' } }), [])
})

it('who gives up a rule tells whose turn may have come', () => {
  const claims = createClaims()
  assert.deepEqual(claims.set('shop/a', at('a', ['one'])), [])
  assert.deepEqual(claims.set('shop/b', at('b', ['one'])), [])
  assert.deepEqual(claims.set('shop/a', null), ['shop/b'])
  assert.deepEqual(claims.set('shop/b', null), [])
})

it('two rules of one route are no rivals, the same rule is', () => {
  const claims = createClaims()
  claims.set('shop/a', at('a', ['one']))
  claims.set('shop/b', at('b', ['two']))
  assert.deepEqual(claims.rivals('shop/b', at('b', ['two'])), [])
  claims.set('shop/b', at('b', ['one', 'two']))
  assert.deepEqual(claims.rivals('shop/b', at('b', ['one', 'two'])), [
    { key: 'shop/a', claim: 'VirtualService/edge#http:one' },
  ])
})
