// Rollouts in, stores of the routes they split out: a kind is followed from the first Rollout that needs it.
// Routes of users carry no label of ours, so that they are followed whole; what Sluice owns, by its label.
import { label } from '../../crds/names.ts'
import type { KubeObject, Resource } from '../../kube/api.ts'
import { ApiError } from '../../kube/api.ts'
import type { Reflector, ReflectorEvent, ReflectorOptions } from '../../kube/reflector.ts'
import { services, virtualServices } from '../../kube/resources.ts'
import { type Key, keyOf, parseKey, type Store } from '../../kube/store.ts'
import { type IstioVersion, at as inVersion } from '../../traffic/istio.ts'
import type { At, Router } from '../../traffic/router.ts'
import { routerOf } from '../../traffic/routers.ts'
import { type Claims, createClaims } from './claims.ts'
import { ownerOf, readRollout } from './parsed.ts'
import { createRouteWatch, type Reader, type RouteWatch, slimRoute } from './route-watch.ts'

/** What one Rollout's traffic is read and written with. */
export interface Routing {
  readonly router: Router
  readonly routes: Store
  /** Objects that tell revisions apart; null where labels of pods do. */
  readonly subsets: Store | null
  /** Services of ours, when a preview is asked for. */
  readonly previews: Store | null
  readonly state: MeshState
}

export interface MeshState {
  /** Whether its kinds were listed; Rollouts of other meshes go on meanwhile. */
  readonly isReady: boolean
  /** Why they can not be read, when the server said so. */
  readonly problem: string | null
}

export interface MeshWorld {
  readonly routeWatch: RouteWatch
  routing(at: At): Routing
  /** Why another Rollout, older than this one, is the one that may split what both claim; null when none. */
  rivalOf(at: At): string | null
  /** A Rollout came, changed or went. */
  changed(key: Key, object: KubeObject | null, previous: KubeObject | undefined): void
}

export interface MeshOptions {
  readonly now: () => number
  readonly rollouts: Store
  /** Builds a reflector and, once the world runs, starts it. `name` tells two of a kind apart. */
  readonly follow: (name: string, resource: Resource, more: Partial<ReflectorOptions>) => Reflector
  readonly namespace: string | undefined
  readonly onRollout: (key: Key) => void
  readonly onEvent: (kind: string, event: ReflectorEvent) => void
}

export const byRollout = 'rollout'

type Scope = 'owned' | 'any'

interface Followed {
  readonly store: Store
  isListed: boolean
  problem: string | null
}

export function createMeshWorld(options: MeshOptions): MeshWorld {
  const { rollouts, onRollout } = options
  const claims = createClaims()
  const routeWatch = createRouteWatch(options.now)
  const keysOf = (object: KubeObject | null | undefined) => [
    ...rolloutKeysOf(object),
    ...(object ? claims.on(object) : []),
  ]
  const kinds = createKinds(options, {
    onSynced: () => routeWatch.listed(),
    onChange(object, previous) {
      for (const rollout of new Set([...keysOf(object), ...keysOf(previous)])) {
        const reader = readerOf(rollouts, rollout)
        const kind = (object ?? previous)?.kind
        if (reader && reader.router.route.kind === kind)
          routeWatch.changed(reader, object, previous)
        onRollout(rollout)
      }
    },
  })
  return {
    routeWatch,
    routing: (at) => routingOf(kinds, at),
    rivalOf: (at) => rivalOf(at, claims, rollouts),
    changed(key, object, previous) {
      const isSame = object?.metadata.uid === previous?.metadata.uid
      if (isSame && object?.metadata.generation === previous?.metadata.generation) return
      const at = object && atOf(object)
      // One that can not be read keeps what it had: its routes are as it left them.
      if (object && !at) return
      for (const rival of claims.set(key, at)) onRollout(rival)
      if (at) routingOf(kinds, at)
    },
  }
}

interface Kinds {
  /** Followed from now on, if it was not. */
  need(resource: Resource, scope: Scope): Followed
  isListed(resource: Resource, scope: Scope): boolean
}

interface Handlers {
  readonly onSynced: () => void
  readonly onChange: (object: KubeObject | null, previous: KubeObject | undefined) => void
}

function createKinds(options: MeshOptions, { onSynced, onChange }: Handlers): Kinds {
  const followed = new Map<string, Followed>()
  const idOf = ({ apiVersion, kind }: Resource, scope: Scope) => `${apiVersion}/${kind} ${scope}`
  const all = () => {
    for (const { metadata } of options.rollouts.list()) options.onRollout(keyOf(metadata))
  }
  const observed = (resource: Resource, scope: Scope, event: ReflectorEvent) => {
    const entry = followed.get(idOf(resource, scope))
    if (entry && !entry.isListed && event.kind === 'failed') {
      const isNews = entry.problem === null
      entry.problem = meshProblem(resource, event.error)
      if (isMissing(event.error) && isIstio(resource)) need(inVersion(resource, 'v1beta1'), scope)
      if (isNews) all()
    }
    if (entry && !entry.isListed && event.kind === 'listed') {
      entry.isListed = true
      entry.problem = null
      all()
    }
    options.onEvent(resource.kind, event)
  }
  const need = (resource: Resource, scope: Scope): Followed => {
    const id = idOf(resource, scope)
    const known = followed.get(id)
    if (known) return known
    const selector = scope === 'owned' ? { labelSelector: label.rollout } : {}
    const name = `${resource.kind}${scope === 'any' ? ' of users' : ''}`
    const { store } = options.follow(name, resource, {
      query: { namespace: options.namespace, ...selector },
      indexes: { [byRollout]: rolloutKeysOf },
      transform: slimRoute,
      onChange: (_, object, previous) => onChange(object, previous),
      onSynced,
      observer: (event) => observed(resource, scope, event),
    })
    const entry: Followed = { store, isListed: false, problem: null }
    followed.set(id, entry)
    return entry
  }
  const isListed = (resource: Resource, scope: Scope) =>
    followed.get(idOf(resource, scope))?.isListed ?? false
  return { need, isListed }
}

function routingOf(kinds: Kinds, at: At): Routing {
  const router = routerOf(at.spec, versionOf(kinds, at))
  const routes = kinds.need(router.route, scopeOf(router))
  const subsets = router.apart === 'labels' ? null : kinds.need(router.subsets, 'owned')
  const previews = at.spec.blueGreen?.preview ? kinds.need(services, 'owned') : null
  const entries = [routes, subsets, previews].filter((entry) => entry !== null)
  const problem = entries.find((entry) => !entry.isListed && entry.problem !== null)?.problem
  const state = { isReady: entries.every(({ isListed }) => isListed), problem: problem ?? null }
  return {
    router,
    routes: routes.store,
    subsets: subsets?.store ?? null,
    previews: previews?.store ?? null,
    state,
  }
}

/** An older Istio serves `v1beta1` only: known when that was listed and `v1` was not. */
function versionOf(kinds: Kinds, at: At): IstioVersion {
  const { route } = routerOf(at.spec)
  if (!isIstio(route)) return 'v1'
  const scope = scopeOf(routerOf(at.spec))
  const isBeta = !kinds.isListed(route, scope) && kinds.isListed(inVersion(route, 'v1beta1'), scope)
  return isBeta ? 'v1beta1' : 'v1'
}

function scopeOf({ ownership }: Router): Scope {
  return ownership === 'in-place' ? 'any' : 'owned'
}

function isIstio({ apiVersion }: Resource): boolean {
  return apiVersion === virtualServices.apiVersion
}

function readerOf(rollouts: Store, rollout: Key): Reader | null {
  const { namespace, name } = parseKey(rollout)
  const object = rollouts.get(namespace, name)
  const at = object && atOf(object)
  return at ? { rollout, router: routerOf(at.spec), at } : null
}

function atOf(object: KubeObject): At | null {
  const parsed = readRollout(object)
  return parsed.ok ? { owner: ownerOf(object), spec: parsed.value.spec } : null
}

function rivalOf(at: At, claims: Claims, rollouts: Store): string | null {
  const { namespace, name, reference } = at.owner
  // Of two of the same second the one that serves is the older one.
  const ageOf = (object: KubeObject | undefined) =>
    [
      object?.metadata.creationTimestamp ?? '',
      object?.['status']?.stable ? 0 : 1,
      object?.metadata.uid ?? '',
    ].join(' ')
  const mine = ageOf(rollouts.get(namespace, name))
  for (const { key, claim } of claims.rivals(keyOf({ namespace, name }), at)) {
    const { namespace: where, name: other } = parseKey(key)
    const rival = rollouts.get(where, other)
    if (rival && rival.metadata.uid !== reference.uid && ageOf(rival) < mine) {
      return `${claim} is split by Rollout ${other} already, which is older: give ${name} another`
    }
  }
  return null
}

/** Keys of the Rollout whose label an object carries. */
export function rolloutKeysOf(object: KubeObject | null | undefined): string[] {
  const name = object?.metadata.labels?.[label.rollout]
  return object && name ? [`${object.metadata.namespace ?? ''}/${name}`] : []
}

function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404
}

function meshProblem(resource: Resource, error: unknown): string {
  if (isMissing(error)) {
    return `the cluster has no ${resource.kind} (${resource.apiVersion}): install the CRDs of the mesh`
  }
  const reason = error instanceof Error ? error.message : String(error)
  return `${resource.kind} can not be read: ${reason}`
}
