// Routes as the stores hold them in, what the core wants to know of traffic out: weights, whether the mesh
// took them, who else writes them, and why they can not be split at all.
import { label } from '../../crds/names.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeObject } from '../../kube/api.ts'
import { services } from '../../kube/resources.ts'
import { keyOf } from '../../kube/store.ts'
import { type At, Refused, together } from '../../traffic/router.ts'
import type { Contest, Fleet, Obstacle, Route, Untaken, Weights } from '../rollout/snapshot.ts'
import { byRollout, type MeshWorld, type Routing } from './mesh-world.ts'
import { isOwned } from './parsed.ts'

export interface TrafficSeen {
  readonly route: Route
  readonly obstacle: Obstacle | null
  readonly contest: Contest | null
  /** The revision that the preview Service leads to; null without one. */
  readonly preview: string | null
}

export interface TrafficOf {
  readonly at: At
  readonly routing: Routing
  readonly status: RolloutStatus
  readonly fleets: readonly Fleet[]
}

export function observeTraffic(mesh: MeshWorld, of: TrafficOf): TrafficSeen {
  const { at, routing } = of
  const { problem } = routing.state
  if (problem !== null) return blocked({ reason: 'MissingKind', message: problem })
  const foreign = notOursIn(of) ?? missingIn(of)
  if (foreign) return blocked(foreign)
  const claimed = mesh.rivalOf(at)
  if (claimed !== null) return blocked({ reason: 'Claimed', message: claimed })
  try {
    const routes = routesOf(of)
    return {
      route: routeOf(mesh, of, routes),
      obstacle: null,
      contest: contestOf(mesh, of, routes),
      preview: previewOf(of),
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return blocked({ reason: 'Unsplittable', message: error.message })
  }
}

/** What a write compares with what was decided on, read from the same objects in the same way. */
export function weightsOf(routes: readonly (KubeObject | null)[], { router }: Routing, at: At) {
  return ours(together(routes.map((route) => router.readRoute(route, at))).weights)
}

export function notOurs(kind: string, name: string): string {
  return (
    `${kind} ${name} exists and belongs to somebody else: rename it, or have Sluice use another name ` +
    'or edit it in place, by spec.traffic'
  )
}

function blocked(obstacle: Obstacle): TrafficSeen {
  return { route: noRoute, obstacle, contest: null, preview: null }
}

const noRoute: Route = {
  ...{ weights: {}, aside: null, subsets: [] },
  ...{ decision: 0, since: null, untaken: null },
}

function routesOf({ at, routing }: TrafficOf): (KubeObject | null)[] {
  const names = routing.router.routeNames(at)
  return names.map((name) => routing.routes.get(at.owner.namespace, name) ?? null)
}

function routeOf(mesh: MeshWorld, of: TrafficOf, routes: readonly (KubeObject | null)[]): Route {
  const { at, routing } = of
  const stored = routes.map((object) => {
    const read = routing.router.readRoute(object, at)
    const seenAt = object && mesh.routeWatch.seenAt(keyOf(at.owner), object)
    // The stamp is made before the write lands; a slow API server or a paused process may lie between.
    return { ...read, since: read.since === null ? null : Math.max(read.since, seenAt ?? 0) }
  })
  const route = together(stored)
  return {
    ...route,
    weights: ours(route.weights),
    subsets: subsetsOf(of, route.weights),
    untaken: untakenOf(of, routes),
  }
}

/** A destination of no revision was written by somebody else: such a route says nothing of our weights. */
function ours(weights: Weights): Weights {
  return weights[''] === undefined ? weights : {}
}

function subsetsOf({ at, routing, status, fleets }: TrafficOf, weights: Weights): string[] {
  const { router, subsets } = routing
  const { namespace, name } = at.owner
  if (!subsets) {
    // Labels of pods tell every revision apart that has pods, or should have.
    const told = [status.stable?.revision, ...Object.keys(weights)]
    const all = [...told, ...fleets.map(({ revision }) => revision)]
    return [...new Set(all.filter((revision) => revision !== undefined))]
  }
  const objects =
    router.apart === 'objects'
      ? subsets.byIndex(byRollout, `${namespace}/${name}`)
      : router.subsetNames(at, []).map((subset) => subsets.get(namespace, subset))
  return objects.flatMap((object) =>
    object && isOwned(object, at.owner) && !object.metadata.deletionTimestamp
      ? router.readSubsets(object)
      : [],
  )
}

function untakenOf({ at, routing }: TrafficOf, routes: readonly (KubeObject | null)[]) {
  for (const object of routes) {
    if (!object || routing.router.readRoute(object, at).decision === 0) continue
    const said = routing.router.acceptance(object, at)
    if (said.kind === 'accepted') continue
    const untaken: Untaken = { isRejected: said.kind === 'rejected', because: said.because }
    return untaken
  }
  return null
}

function contestOf(
  mesh: MeshWorld,
  { at }: TrafficOf,
  routes: readonly (KubeObject | null)[],
): Contest | null {
  const contests = routes.flatMap((route) =>
    route ? [mesh.routeWatch.contest(keyOf(at.owner), route)] : [],
  )
  return contests.toSorted((a, b) => b.edits - a.edits)[0] ?? null
}

function previewOf({ at, routing }: TrafficOf): string | null {
  const name = at.spec.blueGreen?.preview?.service
  const service = name && routing.previews?.get(at.owner.namespace, name)
  return service ? (service['spec']?.selector?.[label.revision] ?? null) : null
}

function notOursIn({ at, routing }: TrafficOf): Obstacle | null {
  const { router, routes, subsets, previews } = routing
  const { namespace } = at.owner
  const owned = router.ownership === 'owned' ? router.routeNames(at) : []
  const candidates = [
    ...owned.map((name) => [router.route.kind, name, routes] as const),
    ...(at.spec.blueGreen?.preview
      ? [[services.kind, at.spec.blueGreen.preview.service, previews] as const]
      : []),
    ...(router.apart === 'entries' ? router.subsetNames(at, []) : []).map(
      (name) => [router.subsets.kind, name, subsets] as const,
    ),
  ]
  for (const [kind, name, store] of candidates) {
    const object = store?.get(namespace, name)
    if (object && !isOwned(object, at.owner)) {
      return { reason: 'NotOurs', message: notOurs(kind, name) }
    }
  }
  return null
}

/** A route of a user that is to be edited has to be there. */
function missingIn({ at, routing }: TrafficOf): Obstacle | null {
  const { router, routes } = routing
  if (router.ownership === 'owned') return null
  const name = router.routeNames(at).find((candidate) => !routes.get(at.owner.namespace, candidate))
  if (name === undefined) return null
  const message = `${router.route.kind} ${name}, which spec.traffic names, does not exist in namespace ${at.owner.namespace}: apply it`
  return { reason: 'Unsplittable', message }
}
