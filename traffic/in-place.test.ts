import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../kube/api.ts'
import { rolloutSpec } from '../test/fixtures/rollout.ts'
import { editsAnnotation } from './records.ts'
import { type Owner, Refused } from './router.ts'
import { assertUnclaimed, routers } from './routers.ts'

const ownerOf = (name: string, uid: string): Owner => ({
  namespace: 'shop',
  name,
  reference: { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', name, uid },
})
const owner = ownerOf('checkout', 'u-1')
const specOf = (more: object) =>
  rolloutSpec({
    traffic: { istio: { host: 'checkout', virtualServices: [{ name: 'mine', ...more }] } },
  })
const spec = specOf({ routes: ['primary'] })
const change = { owner, spec, weights: { aaaaaaaaaa: 95, bbbbbbbbbb: 5 }, decision: 1, now: 0 }
const router = routers.istioInPlace
const mine = (http: object[], more: object = {}): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'mine', namespace: 'shop', ...more },
  spec: { http },
})
const to = (host: string, weight: number) => ({ destination: { host }, weight })
const primary = { name: 'primary', route: [to('checkout', 90), to('legacy', 10)] }

describe('a rule of a user', () => {
  it('is split within what it gave to the host; what it gave to others stays', () => {
    const { route } = router.renderRoute(mine([primary]), change)['spec'].http[0]
    assert.deepEqual(
      route.map(({ weight }: { weight: number }) => weight),
      [86, 4, 10],
    )
  })

  it('that a Rollout of the same name left behind is taken over, and goes back to what it said first', () => {
    const left = router.renderRoute(mine([primary]), change)
    const next = { ...change, owner: ownerOf('checkout', 'u-2'), weights: { cccccccccc: 100 } }
    assert.deepEqual(router.readRoute(left, next).weights, {}, 'its weights are not ours')
    const taken = router.renderRoute(left, next)
    assert.deepEqual(router.readRoute(taken, next).weights, next.weights)
    assert.deepEqual(router.restoreRoute(taken, next), mine([primary]))
    const other = { ...change, owner: ownerOf('cart', 'u-3') }
    assert.throws(() => router.renderRoute(left, other), /is split by Rollout checkout already/)
  })

  it('begins a new time when weights of somebody else are written over, and keeps it otherwise', () => {
    const split = router.renderRoute(mine([primary]), change)
    const again = router.renderRoute(split, { ...change, decision: 2, now: 60_000 })
    assert.equal(router.readRoute(again, change).since, 0)
    const { http } = structuredClone(split['spec'])
    const [stable, canary] = http[0].route
    http[0].route = [{ ...stable, weight: 43 }, { ...canary, weight: 47 }, http[0].route[2]]
    const mended = router.renderRoute({ ...split, spec: { http } }, { ...change, now: 60_000 })
    assert.equal(router.readRoute(mended, change).since, 60_000)
  })

  const rows: [string, KubeObject | null, RegExp][] = [
    ['that does not exist', null, /does not exist/],
    ['whose name is not there', mine([{ ...primary, name: 'other' }]), /has 0 rules/],
    ['whose name is there twice', mine([primary, primary]), /has 2 rules/],
    [
      'without the host',
      mine([{ ...primary, route: [to('legacy', 100)] }]),
      /no destination of the host/,
    ],
    [
      'that redirects',
      mine([{ name: 'primary', redirect: { uri: '/' } }]),
      /no destination of the host/,
    ],
    [
      'that gives nothing to the host',
      mine([{ ...primary, route: [to('checkout', 0), to('legacy', 100)] }]),
      /gives no traffic/,
    ],
    [
      'that gives too little to split',
      mine([{ ...primary, route: [to('checkout', 1), to('legacy', 99)] }]),
      /too small/,
    ],
    [
      'whose record is damaged',
      mine([primary], { annotations: { [editsAnnotation]: '{"a":1}' } }),
      /by hand/,
    ],
  ]
  for (const [name, object, message] of rows) {
    it(`is refused when it is one ${name}`, () => {
      const refused = (error: unknown) => error instanceof Refused && message.test(error.message)
      assert.throws(() => router.renderRoute(object, change), refused)
    })
  }

  it('may be the only one, and is found by that', () => {
    const only = { ...change, spec: specOf({}) }
    const first = router.renderRoute(mine([primary]), only)
    assert.deepEqual(router.readRoute(first, only).weights, change.weights)
    assert.throws(() => router.renderRoute(mine([primary, { route: [] }]), only), /it needs one/)
    const rival = { ...change, owner: ownerOf('rival', 'u-2') }
    assert.throws(() => router.renderRoute(first, rival), /Rollout checkout already/)
  })

  it('is one of several in several objects, each with the same weights', () => {
    const virtualServices = ['mine', 'yours'].map((name) => ({ name, routes: ['primary'] }))
    const several = rolloutSpec({ traffic: { istio: { host: 'checkout', virtualServices } } })
    assert.deepEqual(router.routeNames({ owner, spec: several }), ['mine', 'yours'])
  })

  it('that somebody wrote anew keeps what it says now when it is given back', () => {
    const split = router.renderRoute(mine([primary]), change)
    const theirs = mine([{ name: 'primary', route: [to('checkout', 20), to('legacy', 80)] }], {
      annotations: split.metadata.annotations,
    })
    assert.deepEqual(router.restoreRoute(theirs, change)?.['spec'], theirs['spec'])
    const again = router.renderRoute(theirs, change)
    assert.deepEqual(router.restoreRoute(again, change)?.['spec'], theirs['spec'])
  })

  it('is claimed by one Rollout; another rule of the same object by another', () => {
    const at = { owner, spec }
    const rival = { owner: ownerOf('rival', 'u-2'), spec }
    assert.throws(() => assertUnclaimed(at, [rival]), /VirtualService\/mine#http:primary/)
    assertUnclaimed(at, [{ ...rival, spec: specOf({ routes: ['other'] }) }])
  })

  it('says where its name and destinations stand, for the tests of a patch', () => {
    assert.deepEqual(router.guards(mine([{ name: 'admin' }, primary]), change), [
      '/spec/http/1/name',
      '/spec/http/1/route/0/destination',
      '/spec/http/1/route/1/destination',
    ])
  })
})
