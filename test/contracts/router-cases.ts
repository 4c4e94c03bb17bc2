// Every router with a Rollout that uses it and the objects that users have: rows for the suites.
import fc from 'fast-check'
import type { KubeObject } from '../../kube/api.ts'
import { routers } from '../../traffic/routers.ts'
import { rolloutSpec } from '../fixtures/rollout.ts'
import type { RouterCase } from './router.ts'
import { apex, userHttp, userPlain, userRoute } from './router-objects.ts'

type Traffic = Record<string, unknown>
const spec = (traffic: Traffic) => rolloutSpec({ traffic: { settle: '2s', ...traffic } })

const istio = (more: Traffic = {}) => spec({ istio: { host: 'checkout', ...more } })
const edited = (more: Traffic) => istio({ virtualServices: [{ name: 'mine', ...more }] })
const linkerd = (kind: string) => spec({ linkerd: { host: 'checkout', port: 80, kind } })
const gateway = (kind: string, more: Traffic) =>
  spec({ gatewayApi: { host: 'checkout', port: 80, kind, ...more } })

const parentRefs = [
  { name: 'public', namespace: 'gateways', sectionName: 'https' },
  { kind: 'Service', name: 'checkout', port: 80 },
]
const routes = [{ name: 'mine', rules: ['primary'] }]
const plain = {
  tcpRoutes: [{ port: 9000 }],
  tlsRoutes: [{ port: 443, sniHosts: ['a.example', 'b.example'] }],
}

/** A user labels the object, and adds fields to the rule and rules beside it. */
const touch =
  (list: string, beside: KubeObject['spec']) =>
  (object: KubeObject): KubeObject => {
    const rules = object['spec'][list]
    const mended = rules.map((rule: KubeObject['spec']) => ({ ...rule, fieldOfTomorrow: [1] }))
    return {
      ...object,
      metadata: { ...object.metadata, labels: { ...object.metadata.labels, team: 'pay' } },
      spec: { ...object['spec'], exportTo: ['.'], [list]: [beside, ...mended] },
    }
  }
const legacy = { destination: { host: 'legacy' } }
const touchHttp = touch('http', { match: [{ uri: { prefix: '/admin' } }], route: [legacy] })
const touchTcp = touch('tcp', { match: [{ port: 1 }], route: [legacy] })
const touchRules = touch('rules', { backendRefs: [{ name: 'legacy', port: 80 }] })

const cases: readonly Omit<RouterCase, 'apex'>[] = [
  { name: 'Istio, owned', router: routers.istio, spec: istio(), users: null, touch: touchHttp },
  {
    name: 'Istio, a delegate',
    router: routers.istio,
    spec: istio({ delegate: true, port: 80 }),
    users: null,
    touch: touchHttp,
  },
  {
    name: 'Istio v1beta1, owned',
    router: routers.istioBeta,
    spec: istio({ gateways: ['mesh', 'istio-ingress/public'] }),
    users: null,
    touch: touchHttp,
  },
  {
    name: 'Istio, a named http rule',
    router: routers.istioInPlace,
    spec: edited({ routes: ['primary'] }),
    users: userHttp,
  },
  {
    name: 'Linkerd, HTTPRoute',
    router: routers.linkerdHttp,
    spec: linkerd('HTTPRoute'),
    users: null,
    touch: touchRules,
  },
  {
    name: 'Linkerd, GRPCRoute',
    router: routers.linkerdGrpc,
    spec: linkerd('GRPCRoute'),
    users: null,
    touch: touchRules,
  },
  {
    name: 'Gateway API, owned HTTPRoute',
    router: routers.gatewayHttp,
    spec: gateway('HTTPRoute', { parentRefs, hostnames: ['shop.example.com'] }),
    users: null,
    touch: touchRules,
  },
  {
    name: 'Gateway API, owned GRPCRoute',
    router: routers.gatewayGrpc,
    spec: gateway('GRPCRoute', { parentRefs }),
    users: null,
    touch: touchRules,
  },
  {
    name: 'Gateway API, a named rule of an HTTPRoute',
    router: routers.gatewayHttpInPlace,
    spec: gateway('HTTPRoute', { routes }),
    users: userRoute('HTTPRoute'),
  },
  {
    name: 'Gateway API, a named rule of a GRPCRoute',
    router: routers.gatewayGrpcInPlace,
    spec: gateway('GRPCRoute', { routes }),
    users: userRoute('GRPCRoute'),
  },
  {
    name: 'no mesh',
    router: routers.service,
    spec: spec({ service: { host: 'checkout' } }),
    users: fc.constant(apex),
  },
]

/** tcp and tls rules know no headers: features of Istio, without those two. */
const withoutHttp = (router: RouterCase['router']): RouterCase['router'] => ({
  ...router,
  features: { ...router.features, match: false, mirror: false },
})

const plainCases: readonly Omit<RouterCase, 'apex'>[] = [
  {
    name: 'Istio, owned tcp and tls rules',
    router: withoutHttp(routers.istio),
    spec: istio(plain),
    users: null,
    touch: touchTcp,
  },
  {
    name: 'Istio, tcp and tls rules of a user',
    router: withoutHttp(routers.istioInPlace),
    spec: edited(plain),
    users: userPlain,
  },
]

export const routerCases: readonly RouterCase[] = [...cases, ...plainCases].map((subject) => ({
  ...subject,
  apex,
}))
