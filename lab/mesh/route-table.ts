// Objects of the cluster in, a table of what a sidecar does with a request out. Pure: compiled once for
// every change, looked up once for every request.
//
//   Host ──▶ virtual host ──▶ first rule that matches ──▶ destination by weight ──▶ cluster
import type { KubeObject } from '../../kube/api.ts'
import {
  buildCluster,
  type Cluster,
  readServices,
  type Service,
  type ServiceIdentity,
  type Subset,
  type WorkloadObjects,
} from './endpoints.ts'
import {
  type Destination,
  type HttpRule,
  isVisible,
  parseDestinationRule,
  parseVirtualService,
  type VirtualService,
} from './istio-objects.ts'
import { compileMatches, type MeshRequest, type Predicate } from './match.ts'

export interface MeshObjects extends WorkloadObjects {
  readonly virtualServices: readonly KubeObject[]
  readonly destinationRules: readonly KubeObject[]
}

export interface RouteTable {
  readonly hosts: ReadonlyMap<string, VirtualHost>
  /** Hosts of the form `*.example.com`, longest first. */
  readonly wildcards: readonly { readonly suffix: string; readonly host: VirtualHost }[]
  /** The VirtualServices it obeys; older ones when the newest were refused. */
  readonly inForce: readonly KubeObject[]
  /** Why the newest VirtualServices are not in force; null when they are. */
  readonly refused: string | null
  readonly problems: readonly string[]
}

interface VirtualHost {
  readonly service: ServiceIdentity | null
  readonly rules: readonly Rule[]
}

interface Rule {
  readonly holds: Predicate
  /** Those with traffic. */
  readonly targets: readonly Target[]
  readonly totalWeight: number
}

interface Target {
  readonly weight: number
  readonly service: ServiceIdentity | null
  /** Null when Istio would not have made it: no such Service, port or subset. */
  readonly cluster: Cluster | null
}

export type Choice =
  | { readonly kind: 'cluster'; readonly cluster: Cluster }
  | {
      readonly kind: 'refused'
      readonly code: 404 | 503
      readonly flags: 'NR' | 'NC' | 'UH'
      readonly service: ServiceIdentity | null
    }

export function pick(table: RouteTable, request: MeshRequest, random: () => number): Choice {
  const host = findHost(table, request.host)
  const rule = host?.rules.find(({ holds }) => holds(request))
  if (!rule) return { kind: 'refused', code: 404, flags: 'NR', service: host?.service ?? null }
  const target = draw(rule, random)
  const service = target?.service ?? host?.service ?? null
  if (!target?.cluster) return { kind: 'refused', code: 503, flags: 'NC', service }
  const { cluster } = target
  if (cluster.endpoints.length === 0) return { kind: 'refused', code: 503, flags: 'UH', service }
  return { kind: 'cluster', cluster }
}

function draw({ targets, totalWeight }: Rule, random: () => number): Target | undefined {
  if (targets.length <= 1) return targets[0]
  let left = random() * totalWeight
  for (const target of targets) {
    left -= target.weight
    if (left < 0) return target
  }
  return targets.at(-1)
}

function findHost(table: RouteTable, authority: string): VirtualHost | undefined {
  const name = authority.replace(/:\d+$/, '').toLowerCase()
  return table.hosts.get(name) ?? table.wildcards.find(({ suffix }) => name.endsWith(suffix))?.host
}

/**
 * The table as a sidecar in `namespace` has it. Envoy refuses a route whose several weights sum to zero
 * and keeps all routes it had, while endpoints go on changing: so `previous` is obeyed then.
 */
export function compileTable(
  objects: MeshObjects,
  { namespace, previous }: { readonly namespace: string; readonly previous: RouteTable | null },
): RouteTable {
  const problems: string[] = []
  const parsed = readVirtualServices(objects.virtualServices, problems)
  const refused = findZeroWeights(parsed)
  const inForce = refused ? (previous?.inForce ?? []) : objects.virtualServices
  const virtualServices = refused ? readVirtualServices(inForce, []) : parsed
  const services = readServices(objects)
  const clusters = createClusters(services, readSubsets(objects, { namespace, problems }))
  const hosts = new Map<string, VirtualHost>()
  const wildcards: { suffix: string; host: VirtualHost }[] = []
  const context: Context = { clusters, virtualServices, problems }
  for (const virtualService of virtualServices) {
    if (!virtualService.isForSidecars || !isVisible(virtualService, namespace)) continue
    for (const name of virtualService.hosts) {
      const service = clusters.serviceOf(name)
      const host = { service, rules: compileRules(context, virtualService) }
      if (name.startsWith('*')) wildcards.push({ suffix: name.slice(1), host })
      else addHost(hosts, namesOf(name, service, namespace), host)
    }
  }
  for (const service of services) {
    const destination = { host: service.fullName, subset: null, port: null, weight: 0 }
    const host = { service, rules: [ruleTo(clusters, () => true, [destination])] }
    addHost(hosts, namesOf(service.fullName, service, namespace), host)
  }
  wildcards.sort((a, b) => b.suffix.length - a.suffix.length)
  return { hosts, wildcards, inForce, refused, problems }
}

/** Where requests may go, as `ip:port`. */
export function allAddresses(table: RouteTable): Set<string> {
  const hosts = [...table.hosts.values(), ...table.wildcards.map(({ host }) => host)]
  const targets = hosts.flatMap(({ rules }) => rules.flatMap((rule) => rule.targets))
  const endpoints = targets.flatMap(({ cluster }) => cluster?.endpoints ?? [])
  return new Set(endpoints.map(({ address }) => address))
}

interface Context {
  readonly clusters: Clusters
  readonly virtualServices: readonly VirtualService[]
  readonly problems: string[]
}

function compileRules(context: Context, root: VirtualService): Rule[] {
  const { clusters, problems, virtualServices } = context
  return root.rules.flatMap((rule) => {
    const holds = compileMatches(rule.matches, problems)
    if (!rule.delegate) return compileRule(context, rule, holds)
    const { namespace, name } = rule.delegate
    const delegate = virtualServices.find(
      (candidate) => candidate.namespace === namespace && candidate.name === name,
    )
    // Without its delegate only this rule is gone; requests fall through to the next one.
    if (!delegate || delegate.hosts.length > 0 || !isVisible(delegate, root.namespace)) {
      problems.push(`rule ${rule.name} of ${root.name} has no delegate ${namespace}/${name}`)
      return []
    }
    return delegate.rules
      .filter((inner) => inner.route.length > 0)
      .map((inner) => {
        const holdsInside = compileMatches(inner.matches, problems)
        return ruleTo(clusters, (request) => holds(request) && holdsInside(request), inner.route)
      })
  })
}

function compileRule({ clusters, problems }: Context, rule: HttpRule, holds: Predicate): Rule[] {
  if (rule.route.length > 0) return [ruleTo(clusters, holds, rule.route)]
  problems.push(`rule ${rule.name} has no route; redirects and direct responses are not obeyed`)
  return []
}

/** A lone destination has all traffic, whatever its weight; of several, those with 0 are left out. */
function ruleTo(clusters: Clusters, holds: Predicate, route: readonly Destination[]): Rule {
  const weighted = route.length === 1 ? route : route.filter(({ weight }) => weight > 0)
  const targets = weighted.map((destination) => ({
    weight: destination.weight,
    service: clusters.serviceOf(destination.host),
    cluster: clusters.find(destination),
  }))
  return { holds, targets, totalWeight: targets.reduce((sum, { weight }) => sum + weight, 0) }
}

interface Clusters {
  serviceOf(host: string): ServiceIdentity | null
  find(destination: Destination): Cluster | null
}

function createClusters(
  services: readonly Service[],
  subsets: ReadonlyMap<string, readonly Subset[]>,
): Clusters {
  const byName = new Map(services.map((service) => [service.fullName, service]))
  return {
    serviceOf: (host) => byName.get(host) ?? null,
    find({ host, subset, port }) {
      const service = byName.get(host)
      const named = subsets.get(host)?.find(({ name }) => name === subset) ?? null
      if (!service || (subset !== null && !named)) return null
      return buildCluster(service, { port, subset: named })
    },
  }
}

/** Subsets by host. Rules for one host are merged; of two subsets of a name the first counts. */
function readSubsets(
  { destinationRules }: MeshObjects,
  { namespace, problems }: { readonly namespace: string; readonly problems: string[] },
): Map<string, Subset[]> {
  const subsets = new Map<string, Subset[]>()
  for (const object of oldestFirst(destinationRules)) {
    const rule = parseDestinationRule(object, problems)
    if (!rule || !isVisible(rule, namespace)) continue
    subsets.set(rule.host, [...(subsets.get(rule.host) ?? []), ...rule.subsets])
  }
  return subsets
}

function readVirtualServices(objects: readonly KubeObject[], problems: string[]): VirtualService[] {
  return oldestFirst(objects).flatMap((object) => parseVirtualService(object, problems) ?? [])
}

function findZeroWeights(virtualServices: readonly VirtualService[]): string | null {
  for (const { namespace, name, rules } of virtualServices) {
    const rule = rules.find(
      ({ route }) => route.length > 1 && route.every(({ weight }) => weight === 0),
    )
    if (rule) return `weights of rule ${rule.name} of ${namespace}/${name} sum to zero`
  }
  return null
}

/** All names by which callers of `namespace` know a host. */
function namesOf(host: string, service: ServiceIdentity | null, namespace: string): string[] {
  if (!service) return [host]
  const long = `${service.name}.${service.namespace}`
  const short = service.namespace === namespace ? [service.name] : []
  return [...short, long, `${long}.svc`, service.fullName]
}

function addHost(
  hosts: Map<string, VirtualHost>,
  names: readonly string[],
  host: VirtualHost,
): void {
  // Of two VirtualServices for one host the older one counts, and both come before the plain Service.
  for (const name of names) if (!hosts.has(name)) hosts.set(name, host)
}

function oldestFirst(objects: readonly KubeObject[]): KubeObject[] {
  return objects.toSorted(
    ({ metadata: a }, { metadata: b }) =>
      (a.creationTimestamp ?? '').localeCompare(b.creationTimestamp ?? '') ||
      a.name.localeCompare(b.name),
  )
}
