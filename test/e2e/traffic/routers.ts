// What users of each mesh write in, for the traffic suite: the part of the Rollout, what stood before, and
// how their callers call.
import type { KubeObject, Resource } from '../../../kube/api.ts'
import { services, virtualServices } from '../../../kube/resources.ts'
import type { ServiceMesh } from '../../../lab/mesh/gateway-rules.ts'
import { routeKinds } from '../../../traffic/gateway-route.ts'

export interface RouterStory {
  readonly name: string
  /** `spec.traffic` without its times. */
  readonly traffic: Readonly<Record<string, unknown>>
  /** Where the weights stand. */
  readonly route: Resource
  readonly serviceMesh?: ServiceMesh
  readonly isBlueGreen?: boolean
  /** What of requests beside its weights it can lead to a revision. */
  readonly beside?: 'match' | 'match and mirror'
  /** Nobody outside is answered before Sluice wrote the route: there is nothing to take over. */
  readonly isFirstAtEdge?: boolean
  /** Callers outside are answered by a Deployment, on every data plane, and pods are taken over under them. */
  readonly isTakenOverAtEdge?: boolean
  /** What the user writes once the route of the Rollout is there; what was there before comes back before it goes. */
  readonly handedOver?: readonly KubeObject[]
  /** Objects of the user, besides the Service `checkout`. */
  readonly users?: readonly KubeObject[]
  readonly calls: Calls
}

export type Calls =
  | {
      readonly kind: 'requests'
      readonly via: 'sidecar' | 'gateway'
      readonly host: string
      readonly path?: string
    }
  /** New ones all the time: what is open stays where it is. */
  | { readonly kind: 'connections'; readonly serverName?: string }

const host = 'checkout'
const publicHost = 'shop.example.com'
const inside: Calls = { kind: 'requests', via: 'sidecar', host }
const outside: Calls = { kind: 'requests', via: 'gateway', host: publicHost }
const call = '/shop.Checkout/Buy'
const linkerd = { host, port: 80 }
const gateway = { name: 'public', namespace: 'gateways' }
const { HTTPRoute, GRPCRoute } = routeKinds

export const routerStories: readonly RouterStory[] = [
  {
    name: 'istio',
    traffic: { istio: { host } },
    route: virtualServices,
    beside: 'match and mirror',
    calls: inside,
  },
  {
    name: 'istio delegate',
    isFirstAtEdge: true,
    traffic: { istio: { host, delegate: true, virtualService: 'checkout-traffic' } },
    route: virtualServices,
    beside: 'match and mirror',
    users: [
      virtualService({
        hosts: [publicHost],
        gateways: ['gateways/public'],
        http: [{ name: 'shop', delegate: { name: 'checkout-traffic' } }],
      }),
    ],
    calls: outside,
  },
  {
    name: 'istio in place',
    traffic: { istio: { host, virtualServices: [{ name: 'shop', routes: ['primary'] }] } },
    route: virtualServices,
    beside: 'match and mirror',
    users: [
      virtualService({
        hosts: [host],
        http: [{ name: 'primary', timeout: '3s', route: [{ destination: { host } }] }],
      }),
    ],
    calls: inside,
  },
  {
    name: 'istio at the edge',
    traffic: { istio: { host, virtualServices: [{ name: 'shop', routes: ['shop'] }] } },
    route: virtualServices,
    users: [edge('shop', { destination: { host } })],
    isTakenOverAtEdge: true,
    beside: 'match and mirror',
    calls: outside,
  },
  {
    name: 'istio handed to a delegate',
    traffic: { istio: { host, delegate: true, virtualService: 'checkout-traffic' } },
    route: virtualServices,
    users: [edge('shop', { destination: { host } })],
    isTakenOverAtEdge: true,
    handedOver: [
      virtualService({
        hosts: [publicHost],
        gateways: ['gateways/public'],
        http: [{ name: 'shop', delegate: { name: 'checkout-traffic' } }],
      }),
    ],
    calls: outside,
  },
  {
    name: 'istio tcp',
    traffic: { istio: { host, port: 80, tcpRoutes: [{ port: 80 }] } },
    route: virtualServices,
    calls: { kind: 'connections' },
  },
  {
    name: 'istio tls',
    traffic: { istio: { host, port: 80, tlsRoutes: [{ port: 80, sniHosts: [publicHost] }] } },
    route: virtualServices,
    calls: { kind: 'connections', serverName: publicHost },
  },
  { name: 'linkerd', traffic: { linkerd }, route: HTTPRoute, beside: 'match', calls: inside },
  {
    name: 'linkerd grpc',
    traffic: { linkerd: { ...linkerd, kind: 'GRPCRoute' } },
    route: GRPCRoute,
    beside: 'match',
    calls: { ...inside, path: call },
  },
  {
    name: 'gateway api',
    isFirstAtEdge: true,
    traffic: { gatewayApi: { ...linkerd, hostnames: [publicHost], parentRefs: [gateway] } },
    route: HTTPRoute,
    beside: 'match and mirror',
    calls: outside,
  },
  {
    name: 'gateway api in place',
    traffic: { gatewayApi: { ...linkerd, routes: [{ name: 'shop', rules: ['checkout'] }] } },
    route: HTTPRoute,
    beside: 'match and mirror',
    users: [httpRoute()],
    calls: outside,
  },
  {
    name: 'gateway api grpc',
    isFirstAtEdge: true,
    traffic: {
      gatewayApi: { ...linkerd, kind: 'GRPCRoute', hostnames: [publicHost], parentRefs: [gateway] },
    },
    route: GRPCRoute,
    beside: 'match and mirror',
    calls: { ...outside, path: call },
  },
  {
    name: 'gateway api ambient',
    traffic: {
      gatewayApi: { ...linkerd, parentRefs: [{ kind: 'Service', name: host, port: 80 }] },
    },
    route: HTTPRoute,
    serviceMesh: 'ambient',
    beside: 'match and mirror',
    calls: inside,
  },
  {
    name: 'istio blue-green',
    traffic: { istio: { host } },
    route: virtualServices,
    isBlueGreen: true,
    calls: inside,
  },
  {
    name: 'linkerd blue-green',
    traffic: { linkerd },
    route: HTTPRoute,
    isBlueGreen: true,
    calls: inside,
  },
  {
    name: 'gateway api blue-green',
    traffic: { gatewayApi: { ...linkerd, routes: [{ name: 'shop', rules: ['checkout'] }] } },
    route: HTTPRoute,
    users: [httpRoute()],
    isBlueGreen: true,
    calls: outside,
  },
  {
    name: 'service blue-green',
    traffic: { service: { host } },
    route: services,
    isBlueGreen: true,
    calls: inside,
  },
  { name: 'service canary', traffic: { service: { host } }, route: services, calls: inside },
]

/** As a team has it that is asked for from outside, and leads to the Service. */
function edge(name: string, to: unknown): KubeObject {
  const http = [{ name, timeout: '5s', route: [to] }]
  return virtualService({ hosts: [publicHost], gateways: ['gateways/public'], http })
}

function virtualService(spec: unknown): KubeObject {
  const { apiVersion, kind } = virtualServices
  return { apiVersion, kind, metadata: { name: 'shop' }, spec }
}

function httpRoute(): KubeObject {
  const { apiVersion, kind } = HTTPRoute
  const group = 'gateway.networking.k8s.io'
  const backend = { group: '', kind: 'Service', name: host, port: 80, weight: 1 }
  const matches = [{ path: { type: 'PathPrefix', value: '/' } }]
  const rules = [{ name: 'checkout', matches, backendRefs: [backend] }]
  const parentRefs = [{ group, kind: 'Gateway', ...gateway }]
  const spec = { parentRefs, hostnames: [publicHost], rules }
  return { apiVersion, kind, metadata: { name: 'shop' }, spec }
}
