// What stands beside weights, as each mesh writes it.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../kube/api.ts'
import { rolloutSpec } from '../test/fixtures/rollout.ts'
import { Refused } from './router.ts'
import { routers } from './routers.ts'

const reference = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Rollout',
  name: 'checkout',
  uid: 'u-1',
}
const owner = { namespace: 'shop', name: 'checkout', reference }
const [stable, canary] = ['aaaaaaaaaa', 'bbbbbbbbbb']
const weights = { [stable]: 95, [canary]: 5 }
const match = { headers: { 'x-tester': { exact: 'yes' } }, cookie: { name: 'beta', value: '1' } }
const aside = { revision: canary, match, mirrorPercent: 10 }
const host = 'checkout'
const change = (traffic: object) => {
  const spec = rolloutSpec({ traffic })
  return { owner, spec, weights, decision: 1, now: 0, aside }
}
const cookie = '^(.*;\\s*)?beta=1(;.*)?$'

describe('in Istio', () => {
  const inPlace = change({
    istio: { host, virtualServices: [{ name: 'mine', routes: ['primary'] }] },
  })
  const mine = (rule: object): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'mine', namespace: 'shop' },
    spec: { http: [{ name: 'primary', route: [{ destination: { host } }], ...rule }] },
  })
  const to = (subset: string) => ({ host: 'checkout.shop.svc.cluster.local', subset })

  it('matched requests have a rule like the one that is split, narrowed; copies are a mirror of that one', () => {
    const ways = [{ uri: { prefix: '/a' } }, { headers: { tenant: { exact: 'x' } } }]
    const { http } = routers.istioInPlace.renderRoute(
      mine({ match: ways, timeout: '3s' }),
      inPlace,
    )['spec']
    const ours = { 'x-tester': { exact: 'yes' }, cookie: { regex: cookie } }
    assert.deepEqual(http, [
      {
        name: 'sluice-match-checkout-0',
        match: [
          { uri: { prefix: '/a' }, headers: ours },
          { headers: { tenant: { exact: 'x' }, ...ours } },
        ],
        timeout: '3s',
        route: [{ destination: to(canary), weight: 100 }],
      },
      {
        name: 'primary',
        match: ways,
        timeout: '3s',
        route: [
          { destination: to(stable), weight: 95 },
          { destination: to(canary), weight: 5 },
        ],
        mirrors: [{ destination: to(canary), percentage: { value: 10 } }],
      },
    ])
  })

  const refused: [string, object, RegExp][] = [
    [
      'matches the same header',
      { match: [{ headers: { 'x-tester': { exact: 'no' } } }] },
      /x-tester itself/,
    ],
    ['mirrors in the old way', { mirror: { host: 'audit' } }, /an entry of mirrors/],
  ]
  for (const [name, rule, message] of refused) {
    it(`are refused for a rule that ${name}`, () => {
      const write = () => routers.istioInPlace.renderRoute(mine(rule), inPlace)
      assert.throws(write, (error) => error instanceof Refused && message.test(error.message))
    })
  }

  it('are refused for tcp rules', () => {
    const tcp = change({ istio: { host, tcpRoutes: [{ port: 9000 }] } })
    assert.throws(() => routers.istio.renderRoute(null, tcp), Refused)
  })

  it('are missed when somebody removed them', () => {
    const route = routers.istioInPlace.renderRoute(mine({}), inPlace)
    const [first, second] = route['spec'].http
    const unmatched = { ...route, spec: { http: [second] } }
    assert.equal(routers.istioInPlace.readRoute(unmatched, inPlace).aside, null)
    const unmirrored = { ...route, spec: { http: [first, { ...second, mirrors: [] }] } }
    assert.equal(routers.istioInPlace.readRoute(unmirrored, inPlace).aside, null)
  })
})

describe('in routes of the Gateway API', () => {
  const api = change({ gatewayApi: { host, port: 80, parentRefs: [{ name: 'public' }] } })
  const backend = (revision: string) => ({
    group: '',
    kind: 'Service',
    name: `checkout-${revision}`,
    port: 80,
  })

  it('matched requests have a more specific rule; copies are a filter', () => {
    const path = { type: 'PathPrefix', value: '/' }
    const headers = [
      { type: 'Exact', name: 'x-tester', value: 'yes' },
      { type: 'RegularExpression', name: 'cookie', value: cookie },
    ]
    const requestMirror = { backendRef: backend(canary), percent: 10 }
    const { rules, parentRefs } = routers.gatewayHttp.renderRoute(null, api)['spec']
    assert.deepEqual(parentRefs, [
      { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public' },
    ])
    assert.deepEqual(rules, [
      { matches: [{ path, headers }], backendRefs: [{ ...backend(canary), weight: 1 }] },
      {
        matches: [{ path }],
        backendRefs: [
          { ...backend(stable), weight: 95 },
          { ...backend(canary), weight: 5 },
        ],
        filters: [{ type: 'RequestMirror', requestMirror }],
      },
    ])
  })

  it('are refused for a rule that matches the same header, whatever its case', () => {
    const inPlace = change({
      gatewayApi: { host, port: 80, routes: [{ name: 'mine', rules: ['a'] }] },
    })
    const matches = [{ headers: [{ name: 'X-Tester', value: 'no' }] }]
    const rules = [{ name: 'a', matches, backendRefs: [{ name: host, port: 80 }] }]
    const mine = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'mine' },
      spec: { rules },
    }
    assert.throws(() => routers.gatewayHttpInPlace.renderRoute(mine, inPlace), /x-tester itself/)
  })
})

describe('a Service per revision', () => {
  const { spec } = change({ linkerd: { host, port: 80 } })
  const subset = { owner, spec, revisions: [canary], decision: 2 }
  const apex = (more: object): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: host, namespace: 'shop' },
    spec: {
      type: 'NodePort',
      ports: [{ name: 'http', port: 80, targetPort: 8080, appProtocol: 'http', nodePort: 30080 }],
      ...more,
    },
  })

  it('copies the ports of the one that is split, and selects one revision', () => {
    assert.deepEqual(routers.linkerdHttp.renderSubsets(null, { ...subset, apex: apex({}) }), {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: `checkout-${canary}`,
        namespace: 'shop',
        labels: { 'sluice.dev/rollout': 'checkout', 'sluice.dev/revision': canary },
        ownerReferences: [reference],
        annotations: { 'sluice.dev/decision': '2' },
      },
      spec: {
        selector: { app: 'checkout', 'sluice.dev/revision': canary },
        ports: [{ name: 'http', port: 80, targetPort: 8080, appProtocol: 'http' }],
      },
    })
  })

  const rows: [string, object, RegExp][] = [
    ['is missing', {}, /does not exist/],
    ['is headless', { apex: apex({ clusterIP: 'None' }) }, /headless/],
  ]
  for (const [name, more, message] of rows) {
    it(`is refused when the one that is split ${name}`, () => {
      assert.throws(() => routers.linkerdHttp.renderSubsets(null, { ...subset, ...more }), message)
    })
  }
})
