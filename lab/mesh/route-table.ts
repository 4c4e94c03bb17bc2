// Objects of the cluster in, a table of what sidecars and gateways do with requests and connections out.
// Pure: compiled once for every change, looked up once for every request.
import type { KubeObject } from '../../kube/api.ts'
import { readServices, type Service, type WorkloadObjects } from './endpoints.ts'
import { parseGatewayRoute } from './gateway-objects.ts'
import { type Edge, gatewayHosts, type ServiceMesh, serviceHost } from './gateway-rules.ts'
import { isVisible, type VirtualService } from './istio-objects.ts'
import {
  type Context,
  compileHttp,
  compileStreams,
  findZeroWeights,
  oldestFirst,
  readSubsets,
  readVirtualServices,
  type StreamHost,
} from './istio-rules.ts'
import type { MeshRequest } from './match.ts'
import {
  type Choice,
  type Clusters,
  createClusters,
  draftHostTable,
  type HostTable,
  type HostTableDraft,
  namesOf,
  pickFrom,
  pickTarget,
  type Rule,
  ruleOf,
} from './rules.ts'

export interface MeshObjects extends WorkloadObjects {
  readonly virtualServices: readonly KubeObject[]
  readonly destinationRules: readonly KubeObject[]
  readonly httpRoutes: readonly KubeObject[]
  readonly grpcRoutes: readonly KubeObject[]
}

export interface RouteTable {
  readonly sidecar: HostTable
  readonly gateway: HostTable
  /** By full name of the Service. */
  readonly streams: ReadonlyMap<string, StreamTable>
  /** The VirtualServices it obeys; older ones when the newest were refused. */
  readonly inForce: readonly KubeObject[]
  /** The HTTPRoutes and GRPCRoutes that it knows. */
  readonly routes: readonly KubeObject[]
  /** Why the newest VirtualServices are not in force; null when they are. */
  readonly refused: string | null
  readonly problems: readonly string[]
}

interface StreamTable {
  readonly rules: readonly StreamHost[]
  /** Without a rule of Istio. */
  readonly plain: Rule
  readonly firstPort: number | null
}

export interface Connection {
  /** Full name of the Service that is called. */
  readonly host: string
  /** Null for the first one. */
  readonly port: number | null
  /** The name in the handshake; null where there is none. */
  readonly serverName: string | null
}

export function pick(table: RouteTable, request: MeshRequest, random: () => number): Choice {
  return pickFrom(request.via === 'gateway' ? table.gateway : table.sidecar, request, random)
}

/** Whether a handshake has to be read before it is known where a connection goes. */
export function needsServerName(table: RouteTable, host: string): boolean {
  const rules = table.streams.get(host)?.rules ?? []
  return rules.some(({ matches }) => matches.some(({ sniHosts }) => sniHosts !== null))
}

export function pickConnection(
  table: RouteTable,
  connection: Connection,
  random: () => number,
): Choice {
  const known = table.streams.get(connection.host)
  if (!known) return { kind: 'refused', code: 404, flags: 'NR', service: null }
  const port = connection.port ?? known.firstPort
  const found = known.rules.find(({ matches }) => holds(matches, { ...connection, port }))
  return pickTarget(found?.rule ?? known.plain, null, random)
}

function holds(matches: StreamHost['matches'], { port, serverName }: Connection): boolean {
  return (
    matches.length === 0 ||
    matches.some(
      (match) =>
        (match.port === null || match.port === port) &&
        (match.sniHosts === null || match.sniHosts.some((name) => isNamed(name, serverName))),
    )
  )
}

function isNamed(pattern: string, serverName: string | null): boolean {
  if (serverName === null) return false
  return pattern.startsWith('*') ? serverName.endsWith(pattern.slice(1)) : serverName === pattern
}

export interface TableOptions {
  /** Of the callers. */
  readonly namespace: string
  readonly previous: RouteTable | null
  /** Who obeys routes with a Service as parent. Default `linkerd`. */
  readonly serviceMesh?: ServiceMesh
}

/**
 * The table as a sidecar in `namespace` has it. Envoy refuses a route whose several weights sum to zero
 * and keeps all routes it had, while endpoints go on changing: so `previous` is obeyed then.
 */
export function compileTable(objects: MeshObjects, options: TableOptions): RouteTable {
  const { namespace, previous, serviceMesh = 'linkerd' } = options
  const problems: string[] = []
  const parsed = readVirtualServices(objects.virtualServices, problems)
  const refused = findZeroWeights(parsed)
  const inForce = refused ? (previous?.inForce ?? []) : objects.virtualServices
  const virtualServices = refused ? readVirtualServices(inForce, []) : parsed
  const services = readServices(objects)
  const subsets = readSubsets(objects.destinationRules, { namespace, problems })
  const clusters = createClusters(services, subsets)
  const context: Context = { clusters, virtualServices, problems }
  const routes = oldestFirst([...objects.httpRoutes, ...objects.grpcRoutes])
  const edge: Edge = {
    clusters,
    routes: routes.flatMap((object) => parseGatewayRoute(object, problems) ?? []),
    mesh: serviceMesh,
    namespace,
    problems,
  }
  const given = { context, edge, services, namespace }
  return {
    sidecar: sidecarHosts(given),
    gateway: edgeHosts(given),
    streams: streamTables(given),
    ...{ inForce, routes, refused, problems },
  }
}

interface Given {
  readonly context: Context
  readonly edge: Edge
  readonly services: readonly Service[]
  readonly namespace: string
}

/** VirtualServices first, then routes with the Service as parent, then the Service as it is. */
function sidecarHosts(given: Given): HostTable {
  const { context, edge, services, namespace } = given
  const draft = draftHostTable()
  const visible = context.virtualServices.filter(
    (virtualService) => virtualService.isForSidecars && isVisible(virtualService, namespace),
  )
  addHosts(draft, visible, given)
  for (const service of services) {
    const plain = { service, rules: [plainRule(context.clusters, service)] }
    const host = serviceHost(edge, service) ?? plain
    draft.add(namesOf(service.fullName, service, namespace), host)
  }
  return draft.finish()
}

function edgeHosts(given: Given): HostTable {
  const { context, edge } = given
  const draft = draftHostTable()
  addHosts(
    draft,
    context.virtualServices.filter(({ isForGateways }) => isForGateways),
    given,
  )
  for (const [name, host] of gatewayHosts(edge)) draft.add([name], host)
  return draft.finish()
}

function addHosts(
  draft: HostTableDraft,
  virtualServices: readonly VirtualService[],
  { context, namespace }: Given,
): void {
  for (const virtualService of virtualServices) {
    const { rules, streams } = virtualService
    // One for connections alone says nothing of requests.
    if (rules.length === 0 && streams.length > 0) continue
    for (const name of virtualService.hosts) {
      const service = context.clusters.serviceOf(name)
      const host = { service, rules: compileHttp(context, virtualService) }
      draft.add(namesOf(name, service, namespace), host)
    }
  }
}

function streamTables({ context, services, namespace }: Given): Map<string, StreamTable> {
  return new Map(
    services.map((service) => {
      const ours = context.virtualServices.filter(
        (virtualService) =>
          virtualService.isForSidecars &&
          isVisible(virtualService, namespace) &&
          virtualService.hosts.includes(service.fullName),
      )
      const table: StreamTable = {
        rules: ours.flatMap((virtualService) => compileStreams(context, virtualService)),
        plain: plainRule(context.clusters, service),
        firstPort: service.ports[0]?.port ?? null,
      }
      return [service.fullName, table]
    }),
  )
}

function plainRule(clusters: Clusters, service: Service): Rule {
  const cluster = clusters.find({ host: service.fullName, subset: null, port: null })
  return ruleOf({
    manner: 'istio',
    holds: () => true,
    targets: [{ weight: 1, service, cluster }],
  })
}

/** Where requests may go, as `ip:port`. */
export function allAddresses({ sidecar, gateway, streams }: RouteTable): Set<string> {
  const hosts = [sidecar, gateway].flatMap((table) => [
    ...table.hosts.values(),
    ...table.wildcards.map(({ host }) => host),
  ])
  const rules = [
    ...[...new Set(hosts)].flatMap((host) => host.rules),
    ...[...streams.values()].flatMap(({ plain, rules: own }) => [
      plain,
      ...own.map(({ rule }) => rule),
    ]),
  ]
  const clusters = rules.flatMap(({ targets, mirrors }) => [...targets, ...mirrors])
  return new Set(
    clusters.flatMap(({ cluster }) => cluster?.endpoints.map(({ address }) => address) ?? []),
  )
}
