import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { rolloutSpec } from '../test/fixtures/rollout.ts'
import { istio } from './istio.ts'
import type { Owner } from './router.ts'

const owner: Owner = {
  namespace: 'shop',
  name: 'checkout',
  reference: { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', name: 'checkout', uid: 'u-1' },
}
const spec = rolloutSpec()
const change = { owner, spec, decision: 3, now: Date.parse('2026-01-01T00:00:00Z') }

describe('an Istio route', () => {
  it('is a VirtualService with one rule of ours, and full host names', () => {
    const route = istio.renderRoute(null, { ...change, weights: { aaa: 95, bbb: 5 } })
    assert.deepEqual(route, {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: {
        name: 'checkout',
        namespace: 'shop',
        labels: { 'sluice.dev/rollout': 'checkout' },
        ownerReferences: [owner.reference],
        annotations: {
          'sluice.dev/decision': '3',
          'sluice.dev/weights-since': '2026-01-01T00:00:00.000Z',
        },
      },
      spec: {
        hosts: ['checkout'],
        http: [
          {
            name: 'sluice',
            route: [
              {
                destination: { host: 'checkout.shop.svc.cluster.local', subset: 'aaa' },
                weight: 95,
              },
              {
                destination: { host: 'checkout.shop.svc.cluster.local', subset: 'bbb' },
                weight: 5,
              },
            ],
          },
        ],
      },
    })
  })

  it('as a delegate names neither hosts nor gateways', () => {
    const delegate = rolloutSpec({ traffic: { istio: { host: 'checkout', delegate: true } } })
    const route = istio.renderRoute(null, { ...change, spec: delegate, weights: { aaa: 100 } })
    assert.deepEqual(Object.keys(route['spec']), ['http'])
  })

  it('keeps the time of the weights when only the decision changes', () => {
    const first = istio.renderRoute(null, { ...change, weights: { aaa: 100 } })
    const later = { ...change, now: change.now + 60_000, decision: 4 }
    const restamped = istio.renderRoute(first, { ...later, weights: { aaa: 100 } })
    assert.deepEqual(istio.readRoute(restamped), {
      weights: { aaa: 100 },
      decision: 4,
      since: change.now,
      aside: null,
    })
    const moved = istio.renderRoute(first, { ...later, weights: { aaa: 50, bbb: 50 } })
    assert.equal(istio.readRoute(moved).since, later.now)
  })

  it('keeps every field that is not ours, byte for byte', () => {
    const first = istio.renderRoute(null, { ...change, weights: { aaa: 100 } })
    const theirs = {
      ...first,
      metadata: { ...first.metadata, labels: { ...first.metadata.labels, team: 'pay' } },
      spec: {
        ...first['spec'],
        exportTo: ['.'],
        http: [
          { name: 'admin', match: [{ uri: { prefix: '/admin' } }], route: [] },
          { ...first['spec'].http[0], timeout: '3s', retries: { attempts: 1 } },
        ],
      },
    }
    const next = istio.renderRoute(theirs, { ...change, weights: { aaa: 50, bbb: 50 } })
    const strip = (object: typeof next) => {
      const copy = structuredClone(object)
      delete copy['spec'].http[1].route
      delete copy.metadata.annotations
      return JSON.stringify(copy)
    }
    assert.equal(strip(next), strip(theirs))
  })

  for (const weights of [
    {},
    { aaa: 0, bbb: 0 },
    { aaa: 99 },
    { aaa: 50.5, bbb: 49.5 },
    { aaa: -5, bbb: 105 },
  ]) {
    it(`refuses weights ${JSON.stringify(weights)}`, () => {
      assert.throws(() => istio.renderRoute(null, { ...change, weights }), /sum to 100/)
    })
  }

  it('reads a lone destination as all traffic, whatever its weight says', () => {
    const route = istio.renderRoute(null, { ...change, weights: { aaa: 100 } })
    route['spec'].http[0].route[0].weight = 0
    assert.deepEqual(istio.readRoute(route).weights, { aaa: 100 })
  })

  it('gives back any weights it was given', () => {
    const weights = fc
      .integer({ min: 0, max: 100 })
      .map((canary) => ({ aaaaaaaaaa: 100 - canary, bbbbbbbbbb: canary }))
    fc.assert(
      fc.property(weights, (given) => {
        const route = istio.renderRoute(null, { ...change, weights: given })
        assert.deepEqual(istio.readRoute(JSON.parse(JSON.stringify(route))).weights, given)
      }),
      { seed: 1, numRuns: 200 },
    )
  })
})

describe('subsets', () => {
  it('are one per revision, beside those of other people', () => {
    const rule = istio.renderSubsets(null, { owner, spec, revisions: ['aaa', 'bbb'], decision: 1 })
    rule['spec'].subsets.unshift({ name: 'debug', labels: { debug: 'true' } })
    rule['spec'].trafficPolicy = { loadBalancer: { simple: 'LEAST_REQUEST' } }
    const next = istio.renderSubsets(rule, { owner, spec, revisions: ['bbb'], decision: 2 })
    assert.deepEqual(next['spec'], {
      host: 'checkout.shop.svc.cluster.local',
      subsets: [
        { name: 'debug', labels: { debug: 'true' } },
        { name: 'bbb', labels: { 'sluice.dev/revision': 'bbb' } },
      ],
      trafficPolicy: { loadBalancer: { simple: 'LEAST_REQUEST' } },
    })
    assert.deepEqual(istio.readSubsets(next), ['bbb'])
  })

  it('keep what somebody added to one of ours', () => {
    const rule = istio.renderSubsets(null, { owner, spec, revisions: ['aaa'], decision: 1 })
    rule['spec'].subsets[0].trafficPolicy = { connectionPool: {} }
    const next = istio.renderSubsets(rule, { owner, spec, revisions: ['aaa', 'bbb'], decision: 2 })
    assert.deepEqual(next['spec'].subsets[0].trafficPolicy, { connectionPool: {} })
  })
})
