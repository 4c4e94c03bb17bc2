import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../kube/api.ts'
import { rolloutSpec } from '../test/fixtures/rollout.ts'
import { cookiePattern, headerPattern } from './patterns.ts'
import { together, unwritten } from './router.ts'
import { routerOf, routers } from './routers.ts'
import { shadowsOf } from './shadows.ts'

const reference = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Rollout',
  name: 'checkout',
  uid: 'u-1',
}
const owner = { namespace: 'shop', name: 'checkout', reference }
const host = 'checkout'
const specOf = (traffic: object) => rolloutSpec({ traffic })
const linkerd = specOf({ linkerd: { host, port: 80 } })

describe('the router of a Rollout', () => {
  const rows: [keyof typeof routers, object][] = [
    ['istio', { istio: { host } }],
    ['istioInPlace', { istio: { host, virtualServices: [{ name: 'mine' }] } }],
    ['linkerdHttp', { linkerd: { host, port: 80 } }],
    ['linkerdGrpc', { linkerd: { host, port: 80, kind: 'GRPCRoute' } }],
    ['gatewayHttp', { gatewayApi: { host, port: 80, parentRefs: [{ name: 'public' }] } }],
    [
      'gatewayGrpcInPlace',
      {
        gatewayApi: { host, port: 80, kind: 'GRPCRoute', routes: [{ name: 'mine', rules: ['a'] }] },
      },
    ],
    ['service', { service: { host } }],
  ]
  for (const [name, traffic] of rows) {
    it(`is ${name}`, () => assert.equal(routerOf(specOf(traffic)), routers[name]))
  }

  it('falls back to v1beta1 of Istio, the same schema', () => {
    const router = routerOf(specOf({ istio: { host } }), 'v1beta1')
    const apiVersions = [router.route.apiVersion, router.subsets.apiVersion]
    assert.deepEqual(apiVersions, ['networking.istio.io/v1beta1', 'networking.istio.io/v1beta1'])
  })
})

describe('several routes', () => {
  const route = (weights: Record<string, number>, since: number, decision = 5) => ({
    ...unwritten,
    ...{ weights, since, decision },
  })

  it('say the same together, since the last of them, with the lowest decision', () => {
    const all = [route({ a: 100 }, 3), route({ a: 100 }, 9, 4)]
    assert.deepEqual(together(all), route({ a: 100 }, 9, 4))
  })

  it('that differ say what the one says that has to follow', () => {
    const all = [route({ a: 50, b: 50 }, 9), route({ a: 100 }, 3)]
    assert.deepEqual(together(all).weights, { a: 100 })
    assert.deepEqual(together([route({ a: 100 }, 9), unwritten]).weights, {})
    assert.deepEqual(together([]), unwritten)
  })
})

describe('a pattern', () => {
  it('finds a cookie at any place, and only the whole of it', () => {
    const pattern = new RegExp(cookiePattern({ name: 'beta', value: 'a.b' }))
    for (const text of ['beta=a.b', 'x=1; beta=a.b', 'beta=a.b; y=2', 'x=1;beta=a.b;y=2']) {
      assert.match(text, pattern)
    }
    for (const text of ['beta=a.bc', 'xbeta=a.b', 'beta=acb', 'x=beta=a.b']) {
      assert.doesNotMatch(text, pattern)
    }
  })

  it('takes texts by the letter', () => {
    assert.equal(headerPattern({ prefix: 'a.b' }), '^a\\.b.*$')
    assert.equal(headerPattern({ exact: '(x)' }), '^\\(x\\)$')
    assert.equal(headerPattern({ regex: 'a|b' }), '^(?:a|b)$')
  })
})

describe('an object of other people', () => {
  const object = (
    kind: string,
    over: { namespace?: string; name?: string; spec: object },
  ): KubeObject => {
    const { spec, namespace = 'shop', name = 'theirs' } = over
    return { apiVersion: 'x/v1', kind, metadata: { name, namespace }, spec }
  }
  const parentRefs = [{ kind: 'Service', name: host, namespace: 'shop' }]
  const istio = specOf({ istio: { host } })
  const rows: [string, typeof istio, KubeObject, RegExp | null][] = [
    [
      'for the same host in the mesh',
      istio,
      object('VirtualService', { spec: { hosts: ['checkout'] } }),
      /undefined/,
    ],
    [
      'for the same host at a gateway',
      istio,
      object('VirtualService', { spec: { hosts: ['checkout'], gateways: ['g'] } }),
      null,
    ],
    [
      'for a host of another namespace',
      istio,
      object('VirtualService', { namespace: 'b', spec: { hosts: ['checkout'] } }),
      null,
    ],
    [
      'of our own',
      istio,
      object('VirtualService', { name: 'checkout', spec: { hosts: ['checkout'] } }),
      null,
    ],
    [
      'that overrides every route of Linkerd',
      linkerd,
      object('ServiceProfile', {
        name: 'checkout.shop.svc.cluster.local',
        spec: { dstOverrides: [{}] },
      }),
      /ignores every route/,
    ],
    [
      'of another kind on the same Service',
      linkerd,
      object('GRPCRoute', { spec: { parentRefs } }),
      /conflict/,
    ],
    [
      'of a consumer',
      linkerd,
      object('HTTPRoute', { namespace: 'web', spec: { parentRefs } }),
      /callers of namespace web/,
    ],
    [
      'beside ours on the same Service',
      linkerd,
      object('HTTPRoute', { spec: { parentRefs } }),
      /older/,
    ],
  ]
  for (const [name, spec, theirs, message] of rows) {
    it(`${message ? 'shadows' : 'does not shadow'} a route when it is one ${name}`, () => {
      const [found] = shadowsOf({ owner, spec }, [theirs])
      if (message) assert.match(found ?? '', message)
      else assert.equal(found, undefined)
    })
  }
})
