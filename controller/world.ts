// The cluster in, stores that follow it out. The only place that says which kinds are watched.
import { annotation, label } from '../crds/names.ts'
import type { KubeApi, KubeObject, Resource } from '../kube/api.ts'
import { ApiError } from '../kube/api.ts'
import type { Clock } from '../kube/clock.ts'
import { slimPod } from '../kube/pod.ts'
import {
  createReflector,
  type Reflector,
  type ReflectorEvent,
  type ReflectorOptions,
} from '../kube/reflector.ts'
import { analysisTemplates, gitSources, pods, replicaSets, rollouts } from '../kube/resources.ts'
import { keyOf, type Store } from '../kube/store.ts'
import type { Router } from '../traffic/router.ts'
import { createRouteWatch, type RouteWatch, slimRoute } from './route-watch.ts'

export interface World {
  readonly rollouts: Store
  readonly templates: Store
  readonly sources: Store
  /** ReplicaSets of Rollouts, by index `rollout` as `namespace/name`. */
  readonly fleets: Store
  /** Pods of Rollouts, by index `revision` as `namespace/revision`; only what tells of their trouble. */
  readonly pods: Store
  readonly routes: Store
  readonly routeWatch: RouteWatch
  readonly subsets: Store
  /** Whether mesh objects are known; other kinds go on meanwhile. */
  mesh(): MeshState
  /** Resolves when all but the mesh's kinds were listed once. */
  readonly synced: Promise<void>
  start(signal: AbortSignal): void
  reflectors(): ReadonlyMap<string, Reflector>
}

export interface WorldOptions {
  readonly api: KubeApi
  readonly clock: Clock
  readonly random: () => number
  readonly router: Router
  /** Follow one namespace only; undefined for all. */
  readonly namespace?: string | undefined
  /** Keys of Rollouts and of GitSources, `namespace/name`, whose world changed. */
  readonly onRollout: (key: string) => void
  readonly onSource: (key: string) => void
  readonly onEvent?: (kind: string, event: ReflectorEvent) => void
}

export interface MeshState {
  readonly isReady: boolean
  /** Why they can not be read, when the server said so. */
  readonly problem: string | null
}

export const byRollout = 'rollout'
export const byRevision = 'revision'

export function createWorld(options: WorldOptions): World {
  const { router, namespace, onRollout, onSource } = options
  /** Kinds of the mesh that were not listed yet, with the reason when there is one. */
  const meshProblems = new Map<string, string | null>()
  const reflectors = new Map<string, Reflector>()
  const follow = (resource: Resource, more: Partial<ReflectorOptions>) => {
    const reflector = following(options, resource, more)
    reflectors.set(resource.kind, reflector)
    return reflector
  }
  const core = follow(rollouts, {
    onChange: (key, object, previous) => {
      onRollout(key)
      // What Git still asks for is applied again, at once.
      const source = object ? undefined : previous?.metadata.annotations?.[annotation.source]
      if (source) onSource(`${previous?.metadata.namespace ?? ''}/${source}`)
    },
  })
  const all = (where?: string) => {
    for (const rollout of core.store.list(where)) onRollout(keyOf(rollout.metadata))
  }
  const templates = follow(analysisTemplates, {
    onChange: (_, object, previous) => all((object ?? previous)?.metadata.namespace),
  })
  const sources = follow(gitSources, { onChange: onSource })
  const owned: Partial<ReflectorOptions> = {
    query: { namespace, labelSelector: label.rollout },
    indexes: { [byRollout]: rolloutKeysOf },
    onChange: (_, object, previous) => {
      const keys = [...rolloutKeysOf(object), ...rolloutKeysOf(previous)]
      for (const key of new Set(keys)) onRollout(key)
    },
  }
  const fleets = follow(replicaSets, owned)
  const crew = follow(pods, {
    query: { namespace, labelSelector: label.revision },
    indexes: { [byRevision]: revisionKeyOf },
    transform: slimPod,
  })
  const mesh = (resource: Resource, more: Partial<ReflectorOptions> = {}) => {
    const observer = meshObserver(options, { resource, meshProblems, all })
    return follow(resource, { ...owned, observer, ...more })
  }
  const routeWatch = createRouteWatch(() => options.clock.now())
  const onRoute: ReflectorOptions['onChange'] = (key, object, previous) => {
    routeWatch.changed(object, previous)
    owned.onChange?.(key, object, previous)
  }
  const onSynced = () => routeWatch.listed()
  const routes = mesh(router.route, { transform: slimRoute, onChange: onRoute, onSynced })
  const subsets = mesh(router.subsets)
  return {
    rollouts: core.store,
    templates: templates.store,
    sources: sources.store,
    fleets: fleets.store,
    pods: crew.store,
    routes: routes.store,
    routeWatch,
    subsets: subsets.store,
    mesh: () =>
      [...meshProblems.values()].reduce<MeshState>(worse, { isReady: true, problem: null }),
    synced: allSynced([core, templates, sources, fleets]),
    start(signal) {
      for (const reflector of reflectors.values()) void reflector.start(signal)
    },
    reflectors: () => reflectors,
  }
}

async function allSynced(needed: readonly Reflector[]): Promise<void> {
  await Promise.all(needed.map((reflector) => reflector.synced))
}

function following(
  { api, clock, random, namespace, onEvent }: WorldOptions,
  resource: Resource,
  more: Partial<ReflectorOptions>,
): Reflector {
  return createReflector({
    api,
    clock,
    random,
    resource,
    query: { namespace },
    onChange: () => undefined,
    observer: (event) => onEvent?.(resource.kind, event),
    ...more,
  })
}

/** Notes why a kind of the mesh can not be read, and has everything looked at when that changes. */
function meshObserver(
  { onEvent }: WorldOptions,
  mesh: {
    readonly resource: Resource
    readonly meshProblems: Map<string, string | null>
    readonly all: () => void
  },
): (event: ReflectorEvent) => void {
  const { resource, meshProblems, all } = mesh
  const { kind } = resource
  meshProblems.set(kind, null)
  return (event) => {
    if (event.kind === 'failed' && meshProblems.has(kind)) {
      const isNews = meshProblems.get(kind) === null
      meshProblems.set(kind, meshProblem(resource, event.error))
      if (isNews) all()
    }
    if (event.kind === 'listed' && meshProblems.delete(kind)) all()
    onEvent?.(kind, event)
  }
}

function worse(state: MeshState, problem: string | null): MeshState {
  return { isReady: false, problem: state.problem ?? problem }
}

function rolloutKeysOf(object: KubeObject | null | undefined): string[] {
  const name = object?.metadata.labels?.[label.rollout]
  return object && name ? [`${object.metadata.namespace ?? ''}/${name}`] : []
}

function revisionKeyOf(pod: KubeObject): string[] {
  const revision = pod.metadata.labels?.[label.revision]
  return revision ? [`${pod.metadata.namespace ?? ''}/${revision}`] : []
}

function meshProblem(resource: Resource, error: unknown): string {
  if (error instanceof ApiError && error.code === 404) {
    return `the cluster has no ${resource.kind} (${resource.apiVersion}): install the CRDs of the mesh`
  }
  const reason = error instanceof Error ? error.message : String(error)
  return `${resource.kind} can not be read: ${reason}`
}
