// HTTPRoutes and GRPCRoutes in, what each parent does with requests out: rules in the order of the Gateway
// API's precedence, and why a route is not obeyed. Pure.
import type { Service } from './endpoints.ts'
import type { Backend, GatewayRoute, GatewayRule, Match } from './gateway-objects.ts'
import { compileString, headerTerm, type MeshRequest, type Predicate } from './match.ts'
import { type Clusters, type Manner, type Rule, ruleOf, type VirtualHost } from './rules.ts'

/** Who obeys routes with a Service as parent. */
export type ServiceMesh = 'linkerd' | 'ambient'

export const controllers = {
  linkerd: 'linkerd.io/policy-controller',
  ambient: 'lab.sluice.dev/mesh-controller',
  gateway: 'lab.sluice.dev/gateway-controller',
} as const

export interface Edge {
  readonly clusters: Clusters
  readonly routes: readonly GatewayRoute[]
  readonly mesh: ServiceMesh
  /** Of the callers. */
  readonly namespace: string
  readonly problems: string[]
}

/** Null when no route has this Service as its parent: then it is balanced as it is. */
export function serviceHost(edge: Edge, service: Service): VirtualHost | null {
  const attached = edge.routes.flatMap((route) => {
    const isProducer = route.namespace === service.namespace
    if (!isProducer && route.namespace !== edge.namespace) return []
    const parents = route.parents.filter((parent) => isService(parent, service))
    return parents.map((parent) => ({ route, port: parent.port }))
  })
  const obeyed = attached.filter(({ route }) => isObeyed(edge, route, attached))
  if (obeyed.length === 0) return null
  const manner = edge.mesh === 'linkerd' ? 'linkerd' : 'gateway'
  const ranked = obeyed.flatMap(({ route, port }) => {
    const isForPort = (request: MeshRequest) =>
      port === null || (portOf(request) ?? service.ports[0]?.port) === port
    return compileRoute(edge, route, { manner, holds: isForPort })
  })
  return { service, rules: inOrder(ranked) }
}

/** Hosts of all Gateways together: the lab has one for all of them. `*` is any host. */
export function gatewayHosts(edge: Edge): Map<string, VirtualHost> {
  const byHost = new Map<string, Ranked[]>()
  for (const route of edge.routes) {
    if (!route.parents.some(({ kind }) => kind === 'Gateway')) continue
    const ranked = compileRoute(edge, route, { manner: 'gateway', holds: () => true })
    for (const host of route.hostnames.length > 0 ? route.hostnames : ['*']) {
      byHost.set(host, [...(byHost.get(host) ?? []), ...ranked])
    }
  }
  return new Map(
    [...byHost].map(([host, ranked]) => [host, { service: null, rules: inOrder(ranked) }]),
  )
}

const linkerdFields = new Set(['matches', 'filters', 'backendRefs', 'timeouts'])
const linkerdFilters = new Set([
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
])

/** Why Linkerd would leave out a whole route; null when it would not. */
export function linkerdProblem({ rules }: Pick<GatewayRoute, 'rules'>): string | null {
  const fields = rules.flatMap((rule) => rule.fields)
  const field = fields.find((name) => !linkerdFields.has(name))
  if (field !== undefined) return `field ${field} of a rule is not known`
  const filter = rules.flatMap((rule) => rule.filters).find((type) => !linkerdFilters.has(type))
  return filter === undefined ? null : `filter ${filter} is not supported`
}

function isObeyed(
  edge: Edge,
  route: GatewayRoute,
  attached: readonly { readonly route: GatewayRoute }[],
): boolean {
  if (edge.mesh !== 'linkerd') return true
  const told = `${route.kind} ${route.namespace}/${route.name} is not obeyed:`
  const problem = linkerdProblem(route)
  if (problem !== null) edge.problems.push(`${told} ${problem}`)
  const isOutranked =
    route.kind === 'HTTPRoute' && attached.some((other) => other.route.kind === 'GRPCRoute')
  if (isOutranked) edge.problems.push(`${told} a GRPCRoute has the same parent`)
  // Its own status is what Linkerd goes by.
  return problem === null && !isOutranked && isAccepted(route)
}

function isAccepted({ object }: GatewayRoute): boolean {
  const parents: { controllerName?: string; conditions?: { type: string; status: string }[] }[] =
    object['status']?.parents ?? []
  return parents.some(
    ({ controllerName, conditions = [] }) =>
      controllerName === controllers.linkerd &&
      conditions.some(({ type, status }) => type === 'Accepted' && status === 'True'),
  )
}

/** Precedence: more specific first, then older, then as written. */
interface Ranked {
  readonly rank: readonly number[]
  readonly age: string
  readonly rule: Rule
}

function inOrder(ranked: readonly Ranked[]): Rule[] {
  const sorted = ranked.toSorted((a, b) => {
    const index = a.rank.findIndex((value, i) => value !== b.rank[i])
    if (index >= 0) return (b.rank[index] ?? 0) - (a.rank[index] ?? 0)
    return a.age.localeCompare(b.age)
  })
  return sorted.map(({ rule }) => rule)
}

function compileRoute(
  edge: Edge,
  route: GatewayRoute,
  { manner, holds }: { readonly manner: Manner; readonly holds: Predicate },
): Ranked[] {
  const { creationTimestamp = '' } = route.object.metadata
  const age = `${creationTimestamp} ${route.namespace}/${route.name}`
  return route.rules.flatMap((rule) => {
    const parts = partsOf(edge, route, rule)
    return rule.matches.map((match): Ranked => {
      const isMatched = compileMatch(match)
      const both: Predicate = (request) => holds(request) && isMatched(request)
      return { rank: rankOf(match), age, rule: ruleOf({ manner, holds: both, ...parts }) }
    })
  })
}

function partsOf({ clusters, problems }: Edge, route: GatewayRoute, rule: GatewayRule) {
  const find = (backend: Backend) => {
    // No grants here: another namespace is never permitted.
    const isPermitted = backend.isService && backend.namespace === route.namespace
    const host = `${backend.name}.${backend.namespace}.svc.cluster.local`
    const { port } = backend
    const cluster =
      isPermitted && port !== null ? clusters.find({ host, subset: null, port }) : null
    if (!cluster) problems.push(`${route.kind} ${route.name}: backend ${backend.name} is not there`)
    return { cluster, service: isPermitted ? clusters.serviceOf(host) : null }
  }
  return {
    targets: rule.backends.map((backend) => ({ weight: backend.weight, ...find(backend) })),
    mirrors: rule.mirrors.map(({ to, percent }) => ({ percent, cluster: find(to).cluster })),
  }
}

const exactPath = 2_000_000
const regexPath = 1_000_000

function rankOf({ path, method, headers, queryParams }: Match): number[] {
  const { type = 'PathPrefix', value } = path ?? {}
  const length = value?.length ?? 1
  const base = type === 'Exact' ? exactPath : type === 'RegularExpression' ? regexPath : 0
  const call = typeof method === 'object' && method ? method : {}
  return [
    path ? base + length : (call.service?.length ?? 0),
    typeof method === 'string' ? 1 : (call.method?.length ?? 0),
    headers?.length ?? 0,
    queryParams?.length ?? 0,
  ]
}

function compileMatch({ path, method, headers, queryParams }: Match): Predicate {
  const terms: Predicate[] = []
  if (path) terms.push(pathTerm(path.type ?? 'PathPrefix', path.value ?? '/'))
  if (typeof method === 'string') terms.push((request) => request.method === method)
  else if (method) terms.push(callTerm(method))
  for (const { type, name, value } of headers ?? []) {
    const match = type === 'RegularExpression' ? { regex: value } : { exact: value }
    terms.push(headerTerm(name, compileString(match)))
  }
  // The lab's callers send no parameters.
  if (queryParams?.length) terms.push(() => false)
  return (request) => terms.every((holds) => holds(request))
}

function pathTerm(type: string, value: string): Predicate {
  if (type !== 'PathPrefix') {
    const holds = compileString(type === 'Exact' ? { exact: value } : { regex: value })
    return ({ path }) => holds(withoutQuery(path))
  }
  // By whole elements: /a matches /a/b and not /ab.
  const stem = value.endsWith('/') ? value.slice(0, -1) : value
  return ({ path }) => {
    const plain = withoutQuery(path)
    return plain === stem || plain.startsWith(`${stem}/`)
  }
}

/** A call of gRPC is a request for `/service/method`. */
function callTerm(call: Extract<Match['method'], object>): Predicate {
  const isRegex = call.type === 'RegularExpression'
  const holds = (wanted: string | null | undefined) =>
    wanted ? compileString(isRegex ? { regex: wanted } : { exact: wanted }) : () => true
  const isService = holds(call.service)
  const isMethod = holds(call.method)
  return ({ path }) => {
    const [, service = '', name = ''] = withoutQuery(path).split('/')
    return isService(service) && isMethod(name)
  }
}

function isService(parent: GatewayRoute['parents'][number], service: Service): boolean {
  return (
    parent.group === '' &&
    parent.kind === 'Service' &&
    parent.name === service.name &&
    parent.namespace === service.namespace
  )
}

function withoutQuery(path: string): string {
  return path.split('?', 1)[0] ?? path
}

function portOf({ host }: MeshRequest): number | null {
  const port = /:(\d+)$/.exec(host)?.[1]
  return port === undefined ? null : Number(port)
}
