// A way to split traffic in, its part of the world out: what the Rollout says, which objects hold weights and
// tell revisions apart, what a user has before, and who says that a route is accepted.
import type { KubeObject, Resource } from '../../kube/api.ts'
import { destinationRules, services, virtualServices } from '../../kube/resources.ts'
import { type Stream, streamOf } from './random.ts'

export type RouterKind =
  | 'istio'
  | 'istioInPlace'
  | 'linkerd'
  | 'gatewayApi'
  | 'gatewayInPlace'
  | 'service'

export interface RouterPart {
  /** `spec.traffic` without its times. */
  readonly traffic: Readonly<Record<string, unknown>>
  readonly route: Resource
  readonly routeName: string
  /** Whether the route is a user's, who has it back in the end. */
  readonly isInPlace: boolean
  /** Null where labels of pods tell revisions apart. */
  readonly subsets: Resource | null
  readonly users: readonly KubeObject[]
  readonly acceptance: { readonly controller: string; readonly hasGeneration: boolean } | null
}

const host = 'checkout'
/** The Service that leads to a revision on trial, where a Rollout asks for one. */
export const previewName = 'checkout-preview'
const namespace = 'shop'
const httpRoutes: Resource = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  plural: 'httproutes',
  namespaced: true,
}
const apex = object('v1', 'Service', host, {
  selector: { app: host },
  ports: [{ name: 'http', port: 80, targetPort: 8080 }],
})
const other = { name: 'static', match: [{ uri: { prefix: '/img' } }] }
const theirVirtualService = object(virtualServices.apiVersion, 'VirtualService', 'shop', {
  hosts: [host],
  http: [
    { ...other, route: [{ destination: { host: 'cdn' } }] },
    { name: 'primary', timeout: '3s', route: [{ destination: { host } }] },
  ],
})
const path = (value: string) => [{ path: { type: 'PathPrefix', value } }]
const backend = (name: string) => ({ group: '', kind: 'Service', name, port: 80, weight: 1 })
const theirRoute = object(httpRoutes.apiVersion, 'HTTPRoute', 'shop', {
  parentRefs: [{ name: 'public' }],
  rules: [
    { name: 'static', matches: path('/img'), backendRefs: [backend('cdn')] },
    { name: 'primary', matches: path('/'), backendRefs: [backend(host)] },
  ],
})

const gatewayAcceptance = { controller: 'example.com/gateway', hasGeneration: true }
const byService = { route: httpRoutes, subsets: services, users: [apex] }

export const routerParts: Readonly<Record<RouterKind, RouterPart>> = {
  istio: {
    traffic: { istio: { host } },
    route: virtualServices,
    routeName: host,
    isInPlace: false,
    subsets: destinationRules,
    users: [],
    acceptance: null,
  },
  istioInPlace: {
    traffic: { istio: { host, virtualServices: [{ name: 'shop', routes: ['primary'] }] } },
    route: virtualServices,
    routeName: 'shop',
    isInPlace: true,
    subsets: destinationRules,
    users: [apex, theirVirtualService],
    acceptance: null,
  },
  linkerd: {
    ...byService,
    traffic: { linkerd: { host, port: 80 } },
    routeName: host,
    isInPlace: false,
    acceptance: { controller: 'linkerd.io/policy-controller', hasGeneration: false },
  },
  gatewayApi: {
    ...byService,
    traffic: { gatewayApi: { host, port: 80, parentRefs: [{ name: 'public' }] } },
    routeName: host,
    isInPlace: false,
    acceptance: gatewayAcceptance,
  },
  gatewayInPlace: {
    ...byService,
    traffic: { gatewayApi: { host, port: 80, routes: [{ name: 'shop', rules: ['primary'] }] } },
    routeName: 'shop',
    isInPlace: true,
    users: [apex, theirRoute],
    acceptance: gatewayAcceptance,
  },
  service: {
    traffic: { service: { host } },
    route: services,
    routeName: host,
    isInPlace: true,
    subsets: null,
    users: [apex],
    acceptance: null,
  },
}

const drawn: readonly RouterKind[] = ['istioInPlace', 'linkerd', 'gatewayApi', 'gatewayInPlace']

/** Of its own stream, so that all else of a seed stays as it was. */
export function drawRouter(seed: number, isBlueGreen: boolean): RouterKind {
  // Without a mesh a share of traffic is a share of pods.
  if (!isBlueGreen && streamOf(seed, 14).chance(0.08)) return 'service'
  const stream: Stream = streamOf(seed, 10)
  if (stream.chance(0.4)) return 'istio'
  return isBlueGreen && stream.chance(0.5) ? 'service' : stream.pick(drawn)
}

function object(apiVersion: string, kind: string, name: string, spec: unknown): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace }, spec }
}
