// What all route objects are compiled to: hosts with rules, rules with targets by weight; and a request in,
// the cluster that it goes to out. Pure.
//
//   Host ──▶ virtual host ──▶ first rule that matches ──▶ destination by weight ──▶ cluster
import {
  buildCluster,
  type Cluster,
  type Service,
  type ServiceIdentity,
  type Subset,
} from './endpoints.ts'
import type { MeshRequest, Predicate } from './match.ts'

/** Hosts of the sidecars of callers, or of the gateways at the edge. */
export interface HostTable {
  readonly hosts: ReadonlyMap<string, VirtualHost>
  /** Hosts of the form `*.example.com`, longest first. */
  readonly wildcards: readonly { readonly suffix: string; readonly host: VirtualHost }[]
}

export interface VirtualHost {
  readonly service: ServiceIdentity | null
  readonly rules: readonly Rule[]
}

/** Whose reading of weights, missing backends and backends without pods a rule has. */
export type Manner = 'istio' | 'linkerd' | 'gateway'

export interface Rule {
  readonly manner: Manner
  readonly holds: Predicate
  /** Those with traffic. */
  readonly targets: readonly Target[]
  readonly totalWeight: number
  readonly mirrors: readonly Mirror[]
}

export interface Target {
  readonly weight: number
  readonly service: ServiceIdentity | null
  /** Null when the mesh would not have made it: no such Service, port or subset. */
  readonly cluster: Cluster | null
}

export interface Mirror {
  readonly percent: number
  readonly cluster: Cluster | null
}

export type Choice =
  | {
      readonly kind: 'cluster'
      readonly cluster: Cluster
      /** Each is to have a copy, whose answer nobody sees. */
      readonly copies: readonly Cluster[]
    }
  | {
      readonly kind: 'refused'
      readonly code: 404 | 500 | 503
      readonly flags: 'NR' | 'NC' | 'UH'
      readonly service: ServiceIdentity | null
    }

export function pickFrom(table: HostTable, request: MeshRequest, random: () => number): Choice {
  const host = findHost(table, request.host)
  const rule = host?.rules.find(({ holds }) => holds(request))
  if (!rule) return { kind: 'refused', code: 404, flags: 'NR', service: host?.service ?? null }
  return pickTarget(rule, host?.service ?? null, random)
}

export function pickTarget(
  rule: Rule,
  hostService: ServiceIdentity | null,
  random: () => number,
): Choice {
  const target = draw(rule, random)
  const service = target?.service ?? hostService
  if (!target?.cluster) {
    const code = rule.manner === 'istio' ? 503 : 500
    return { kind: 'refused', code, flags: 'NC', service }
  }
  const { cluster } = target
  if (cluster.endpoints.length === 0) return { kind: 'refused', code: 503, flags: 'UH', service }
  return { kind: 'cluster', cluster, copies: copiesOf(rule, random) }
}

function copiesOf({ mirrors }: Rule, random: () => number): readonly Cluster[] {
  if (mirrors.length === 0) return []
  return mirrors.flatMap(({ percent, cluster }) =>
    random() * 100 < percent && cluster && cluster.endpoints.length > 0 ? [cluster] : [],
  )
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

function findHost(table: HostTable, authority: string): VirtualHost | undefined {
  const name = authority.replace(/:\d+$/, '').toLowerCase()
  return table.hosts.get(name) ?? table.wildcards.find(({ suffix }) => name.endsWith(suffix))?.host
}

export interface RuleParts {
  readonly manner: Manner
  readonly holds: Predicate
  readonly targets: readonly Target[]
  readonly mirrors?: readonly Mirror[]
}

/** Meshes differ in what 0 means, and in what becomes of the share of a backend without pods. */
export function ruleOf({ manner, holds, targets, mirrors = [] }: RuleParts): Rule {
  const weighted = weightedOf(manner, targets)
  const totalWeight = weighted.reduce((sum, { weight }) => sum + weight, 0)
  return { manner, holds, targets: weighted, totalWeight, mirrors }
}

function weightedOf(manner: Manner, targets: readonly Target[]): readonly Target[] {
  const positive = targets.filter(({ weight }) => weight > 0)
  if (manner === 'gateway') return positive
  // A lone destination has all traffic, whatever its weight; of several, those with 0 are left out.
  if (targets.length === 1) return targets
  if (manner === 'istio') return positive
  // Linkerd asks each backend whether it is ready, and draws another one where it is not.
  const available = positive.filter(({ cluster }) => cluster?.endpoints.length !== 0)
  return available.length > 0 ? available : positive
}

export interface Place {
  readonly host: string
  readonly subset: string | null
  readonly port: number | null
}

export interface Clusters {
  serviceOf(host: string): Service | null
  find(place: Place): Cluster | null
}

export function createClusters(
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

export interface HostTableDraft {
  add(names: readonly string[], host: VirtualHost): void
  finish(): HostTable
}

/** Of two that are for one host the first one counts. */
export function draftHostTable(): HostTableDraft {
  const hosts = new Map<string, VirtualHost>()
  const wildcards: { suffix: string; host: VirtualHost }[] = []
  return {
    add(names, host) {
      for (const name of names) {
        if (name.startsWith('*')) wildcards.push({ suffix: name.slice(1), host })
        else if (!hosts.has(name)) hosts.set(name, host)
      }
    },
    finish() {
      wildcards.sort((a, b) => b.suffix.length - a.suffix.length)
      return { hosts, wildcards }
    },
  }
}

/** All names by which callers of `namespace` know a host. */
export function namesOf(
  host: string,
  service: ServiceIdentity | null,
  namespace: string,
): string[] {
  if (!service) return [host]
  const long = `${service.name}.${service.namespace}`
  const short = service.namespace === namespace ? [service.name] : []
  return [...short, long, `${long}.svc`, service.fullName]
}
