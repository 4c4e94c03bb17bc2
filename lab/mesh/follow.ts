// The cluster in, the route table of now out. Every change is obeyed a fixed time after it was seen, as in
// a mesh where news takes its way from the API server to the sidecars.
import type { KubeApi, KubeObject, Resource } from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import { createReflector } from '../../kube/reflector.ts'
import {
  destinationRules,
  pods,
  replicaSets,
  services,
  virtualServices,
} from '../../kube/resources.ts'
import type { Key } from '../../kube/store.ts'
import { routeKinds } from '../../traffic/gateway-route.ts'
import type { ServiceMesh } from './gateway-rules.ts'
import { compileTable, type MeshObjects, type RouteTable } from './route-table.ts'

export interface FollowOptions {
  readonly api: KubeApi
  readonly clock: Clock
  readonly random: () => number
  /** Namespace of the callers. */
  readonly namespace: string
  readonly propagationDelayMs: number
  /** The same for Services and pods: in a mesh they take a way of their own. */
  readonly endpointDelayMs: number
  /** Follow the namespace of the callers alone. */
  readonly isConfined: boolean
  readonly serviceMesh: ServiceMesh
  /** After each new table. */
  readonly onTable: (table: RouteTable) => void
}

export interface Follower {
  table(): RouteTable
  close(): Promise<void>
}

interface News {
  readonly dueMs: number
  readonly part: keyof MeshObjects
  readonly key: Key
  readonly object: KubeObject | null
}

const resources: Readonly<Record<keyof MeshObjects, Resource>> = {
  services,
  pods,
  replicaSets,
  virtualServices,
  destinationRules,
  httpRoutes: routeKinds.HTTPRoute,
  grpcRoutes: routeKinds.GRPCRoute,
}
const endpointParts = ['services', 'pods', 'replicaSets'] as const
const routeParts = ['virtualServices', 'destinationRules', 'httpRoutes', 'grpcRoutes'] as const
const parts = [...endpointParts, ...routeParts]
const leastPauseMs = 5

/** Resolves with a table of all that exists. */
export async function follow(options: FollowOptions): Promise<Follower> {
  const { api, clock, random, namespace, serviceMesh } = options
  const closing = new AbortController()
  const known = Object.fromEntries(parts.map((part) => [part, new Map<Key, KubeObject>()]))
  const pending: News[] = []
  let table = compile(null)
  let isAwake = false
  let isSynced = false

  function compile(previous: RouteTable | null): RouteTable {
    return compileTable(objectsIn(known), { namespace, previous, serviceMesh })
  }

  function obey(untilMs: number): void {
    const due = pending.filter(({ dueMs }) => dueMs <= untilMs)
    if (due.length === 0) return
    const later = pending.filter(({ dueMs }) => dueMs > untilMs)
    pending.splice(0, pending.length, ...later)
    for (const { part, key, object } of due) {
      if (object) known[part]?.set(key, object)
      else known[part]?.delete(key)
    }
    table = compile(table)
    options.onTable(table)
  }

  async function work(): Promise<void> {
    isAwake = true
    while (pending.length > 0 && !closing.signal.aborted) {
      const dueMs = Math.min(...pending.map((news) => news.dueMs))
      await clock.sleep(Math.max(leastPauseMs, dueMs - clock.monotonic()), closing.signal)
      obey(clock.monotonic())
    }
    isAwake = false
  }

  function hear(part: keyof MeshObjects, key: Key, object: KubeObject | null): void {
    const isRoute = routeParts.some((name) => name === part)
    const delayMs = isRoute ? options.propagationDelayMs : options.endpointDelayMs
    pending.push({ dueMs: clock.monotonic() + delayMs, part, key, object })
    if (isSynced && !isAwake) void work()
  }

  const reflectors = parts.map((part) =>
    createReflector({
      api,
      resource: resources[part],
      query: options.isConfined ? { namespace } : {},
      clock,
      random,
      onChange: (key, object) => hear(part, key, object),
    }),
  )
  const following = reflectors.map((reflector) => reflector.start(closing.signal))
  await Promise.all(reflectors.map(({ synced }) => synced))
  obey(Number.POSITIVE_INFINITY)
  isSynced = true
  return {
    table: () => table,
    async close() {
      closing.abort()
      await Promise.all(following)
    },
  }
}

function objectsIn(known: Readonly<Record<string, ReadonlyMap<Key, KubeObject>>>): MeshObjects {
  const listed = (part: keyof MeshObjects) => [...(known[part]?.values() ?? [])]
  return {
    services: listed('services'),
    pods: listed('pods'),
    replicaSets: listed('replicaSets'),
    virtualServices: listed('virtualServices'),
    destinationRules: listed('destinationRules'),
    httpRoutes: listed('httpRoutes'),
    grpcRoutes: listed('grpcRoutes'),
  }
}
