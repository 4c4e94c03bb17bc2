// VirtualServices, HTTPRoutes and GRPCRoutes in, Envoy's route tables and filter chains out, as a control
// plane of their meshes would render them: weights and missing clusters are left to Envoy.
import type { Service } from '../../../lab/mesh/endpoints.ts'
import type { GatewayRoute, GatewayRule, Match } from '../../../lab/mesh/gateway-objects.ts'
import type { Destination, HttpRule, VirtualService } from '../../../lab/mesh/istio-objects.ts'
import { namesOf } from '../../../lab/mesh/rules.ts'
import { clusterName } from './clusters.ts'

export interface Objects {
  readonly services: readonly Service[]
  readonly virtualServices: readonly VirtualService[]
  readonly routes: readonly GatewayRoute[]
  /** Of the callers. */
  readonly namespace: string
}

type Via = 'sidecar' | 'gateway'

/** Answers with the number of the table: what is in use shows. */
export const probeHost = 'probe.invalid'

export function renderTable(objects: Objects, via: Via, version: number) {
  const taken = new Set<string>([probeHost])
  const probe = {
    match: { prefix: '/' },
    direct_response: { status: 200, body: { inline_string: String(version) } },
  }
  const hosts = [{ name: probeHost, domains: [probeHost], routes: [probe] }]
  for (const { name, domains, routes } of [...hostsOf(objects, via)]) {
    const free = domains.filter((domain) => !taken.has(domain))
    for (const domain of free) taken.add(domain)
    if (free.length > 0)
      hosts.push({ name, domains: free, routes: routes as (typeof hosts)[0]['routes'] })
  }
  return {
    '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
    name: via,
    virtual_hosts: hosts,
    // As Istio: a route may come before its cluster, and fails with NC until then.
    validate_clusters: false,
  }
}

interface Host {
  readonly name: string
  readonly domains: readonly string[]
  readonly routes: readonly unknown[]
}

function hostsOf(objects: Objects, via: Via): Host[] {
  const { virtualServices, routes, services, namespace } = objects
  const bound = virtualServices.filter((one) =>
    via === 'sidecar' ? one.isForSidecars : one.isForGateways,
  )
  const istio = bound.flatMap((virtualService) =>
    virtualService.hosts.map((host): Host => {
      const service = services.find(({ fullName }) => fullName === host) ?? null
      return {
        name: `${virtualService.name}/${host}`,
        domains: withPorts(namesOf(host, service, namespace), service),
        routes: virtualService.rules.flatMap((rule) => istioRoutes(objects, virtualService, rule)),
      }
    }),
  )
  const parents =
    via === 'sidecar'
      ? services.flatMap((one) => ofService(one, objects))
      : ofGateway(routes, services)
  return [...istio.filter((host) => host.routes.length > 0), ...parents]
}

/** A Service by the routes that have it as parent; without them as it is. */
function ofService(service: Service, { routes, services, namespace }: Objects): Host[] {
  const attached = routes.filter(({ parents }) =>
    parents.some(({ kind, name }) => kind === 'Service' && name === service.name),
  )
  const port = service.ports[0]?.port ?? 80
  const plain = {
    match: { prefix: '/' },
    route: action({ cluster: clusterName(service.fullName, port, null) }),
  }
  const own = attached.flatMap((route) => gatewayRoutes(route, services))
  return [
    {
      name: service.fullName,
      domains: withPorts(namesOf(service.fullName, service, namespace), service),
      routes: own.length > 0 ? own : [plain],
    },
  ]
}

function ofGateway(routes: readonly GatewayRoute[], services: readonly Service[]): Host[] {
  return routes.flatMap((route) =>
    route.parents.some(({ kind }) => kind === 'Gateway')
      ? route.hostnames.map((host) => ({
          name: `${route.name}/${host}`,
          domains: [host, `${host}:*`],
          routes: gatewayRoutes(route, services),
        }))
      : [],
  )
}

function withPorts(names: readonly string[], service: Service | null): string[] {
  const ports = service?.ports ?? []
  return names.flatMap((name) => [name, ...ports.map(({ port }) => `${name}:${port}`)])
}

function istioRoutes(objects: Objects, root: VirtualService, rule: HttpRule): unknown[] {
  const { delegate } = rule
  if (delegate) {
    const inner = objects.virtualServices.find(({ name }) => name === delegate.name)
    return (inner?.rules ?? []).flatMap((one) => istioRoutes(objects, root, one))
  }
  if (rule.route.length === 0) return []
  const matches = rule.matches.length > 0 ? rule.matches : [{}]
  const route = action({
    ...weighted(
      rule.route.map((to) => ({ name: clusterOf(to, objects.services), weight: to.weight })),
    ),
    request_mirror_policies: rule.mirrors.map(({ to, percent }) =>
      mirror(clusterOf(to, objects.services), percent),
    ),
  })
  return matches.map((match) => ({ match: istioMatch(match), route }))
}

function clusterOf(to: Omit<Destination, 'weight'>, services: readonly Service[]): string {
  const service = services.find(({ fullName }) => fullName === to.host)
  return clusterName(to.host, to.port ?? service?.ports[0]?.port ?? 80, to.subset)
}

interface StringMatch {
  readonly exact?: string
  readonly prefix?: string
  readonly regex?: string
}

/** What our objects use of a match: its headers and its path. */
function istioMatch(match: unknown) {
  const { uri, headers = {} }: { uri?: StringMatch; headers?: Record<string, StringMatch> } =
    Object(match)
  const path = uri?.exact === undefined ? { prefix: uri?.prefix ?? '/' } : { path: uri.exact }
  return {
    ...path,
    headers: Object.entries(headers).map(([name, value]) => ({
      name,
      string_match: stringMatch(value),
    })),
  }
}

function stringMatch({ exact, prefix, regex }: StringMatch) {
  if (exact !== undefined) return { exact }
  return prefix === undefined ? { safe_regex: { regex: regex ?? '' } } : { prefix }
}

function gatewayRoutes(route: GatewayRoute, services: readonly Service[]): unknown[] {
  const entries = route.rules.flatMap((rule) => rule.matches.map((match) => ({ match, rule })))
  const bySpecificity = entries.toSorted((a, b) => specificity(b.match) - specificity(a.match))
  return bySpecificity.map(({ match, rule }) => ({
    match: gatewayMatch(match),
    route: gatewayAction(route, rule, services),
  }))
}

const specificity = ({ path, headers, method }: Match): number =>
  1_000 * (path?.value?.length ?? 0) + (method ? 500 : 0) + (headers?.length ?? 0)

function gatewayAction(route: GatewayRoute, rule: GatewayRule, services: readonly Service[]) {
  const nameOf = ({ name, port }: { readonly name: string; readonly port: number | null }) => {
    const service = services.find((one) => one.name === name && one.namespace === route.namespace)
    return clusterName(service?.fullName ?? name, port ?? 0, null)
  }
  return action({
    ...weighted(
      rule.backends.map((backend) => ({ name: nameOf(backend), weight: backend.weight })),
    ),
    request_mirror_policies: rule.mirrors.map(({ to, percent }) => mirror(nameOf(to), percent)),
  })
}

function gatewayMatch({ path, headers, method }: Match) {
  const call = typeof method === 'object' && method ? `/${method.service}/${method.method}` : null
  const value = call ?? path?.value ?? '/'
  const isExact = call !== null || path?.type === 'Exact'
  const where = isExact
    ? { path: value }
    : value === '/'
      ? { prefix: '/' }
      : { path_separated_prefix: value }
  return {
    ...where,
    headers: (headers ?? []).map(({ type, name, value: wanted }) => ({
      name,
      string_match:
        type === 'RegularExpression' ? { safe_regex: { regex: wanted } } : { exact: wanted },
    })),
  }
}

/** Of several, those with 0 are left out; one alone has everything. */
export function weighted(all: readonly { readonly name: string; readonly weight: number }[]) {
  const clusters = all.length > 1 ? all.filter(({ weight }) => weight > 0) : all
  const [only] = clusters
  return clusters.length === 1 ? { cluster: only?.name } : { weighted_clusters: { clusters } }
}

function mirror(cluster: string, percent: number) {
  const default_value = { numerator: Math.round(percent * 100), denominator: 'TEN_THOUSAND' }
  return { cluster, runtime_fraction: { default_value } }
}

/** With the retries that Istio has by default: none that could hide a failed answer. */
function action(route: Readonly<Record<string, unknown>>) {
  const retry_on = 'connect-failure,refused-stream,unavailable,cancelled'
  return { ...route, timeout: '30s', retry_policy: { retry_on, num_retries: 2 } }
}
