// The cluster in, stores that follow it out. The only place that says which kinds are watched.
import { label } from '../crds/names.ts'
import type { KubeApi, KubeObject, Resource } from '../kube/api.ts'
import { ApiError } from '../kube/api.ts'
import type { Clock } from '../kube/clock.ts'
import { createReflector, type Reflector, type ReflectorEvent } from '../kube/reflector.ts'
import { analysisTemplates, gitSources, replicaSets, rollouts } from '../kube/resources.ts'
import { keyOf, type Store } from '../kube/store.ts'
import type { Router } from '../traffic/router.ts'

export interface World {
  readonly rollouts: Store
  readonly templates: Store
  readonly sources: Store
  /** ReplicaSets of Rollouts, by index `rollout` as `namespace/name`. */
  readonly fleets: Store
  readonly routes: Store
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

type OnChange = Parameters<typeof createReflector>[0]['onChange']

export const byRollout = 'rollout'

export function createWorld(options: WorldOptions): World {
  const { api, clock, random, namespace, router, onEvent } = options
  /** Kinds of the mesh that were not listed yet, with the reason when there is one. */
  const meshProblems = new Map<string, string | null>()
  const reflectors = new Map<string, Reflector>()
  const follow = (resource: Resource, more: Partial<Parameters<typeof createReflector>[0]>) => {
    const reflector = createReflector({
      api,
      clock,
      random,
      resource,
      query: { namespace },
      onChange: () => undefined,
      observer: (event) => onEvent?.(resource.kind, event),
      ...more,
    })
    reflectors.set(resource.kind, reflector)
    return reflector
  }
  const notify: OnChange = (_, object, previous) => {
    for (const key of new Set([...rolloutKeysOf(object), ...rolloutKeysOf(previous)])) {
      options.onRollout(key)
    }
  }
  const owned = {
    query: { namespace, labelSelector: label.rollout },
    indexes: { [byRollout]: rolloutKeysOf },
    onChange: notify,
  }
  const notifyAll = () => {
    for (const rollout of core.store.list()) options.onRollout(keyOf(rollout.metadata))
  }
  const mesh = (resource: Resource) => {
    meshProblems.set(resource.kind, null)
    return follow(resource, {
      ...owned,
      observer: (event) => {
        if (event.kind === 'failed') {
          const isNews = !meshProblems.get(resource.kind)
          meshProblems.set(resource.kind, meshProblem(resource, event.error))
          if (isNews) notifyAll()
        }
        if (event.kind === 'listed' && meshProblems.delete(resource.kind)) notifyAll()
        onEvent?.(resource.kind, event)
      },
    })
  }
  const core = follow(rollouts, { onChange: (key) => options.onRollout(key) })
  const templates = follow(analysisTemplates, {
    onChange: (_, object, previous) => {
      const { namespace: where } = (object ?? previous)?.metadata ?? {}
      for (const rollout of core.store.list(where)) options.onRollout(keyOf(rollout.metadata))
    },
  })
  const sources = follow(gitSources, { onChange: (key) => options.onSource(key) })
  const fleets = follow(replicaSets, owned)
  const routes = mesh(router.route)
  const subsets = mesh(router.subsets)
  return {
    rollouts: core.store,
    templates: templates.store,
    sources: sources.store,
    fleets: fleets.store,
    routes: routes.store,
    subsets: subsets.store,
    mesh: () =>
      [...meshProblems.values()].reduce<MeshState>(worse, { isReady: true, problem: null }),
    synced: Promise.all([core, templates, sources, fleets].map((one) => one.synced)).then(
      () => undefined,
    ),
    start(signal) {
      for (const reflector of reflectors.values()) void reflector.start(signal)
    },
    reflectors: () => reflectors,
  }
}

function worse(state: MeshState, problem: string | null): MeshState {
  return { isReady: false, problem: state.problem ?? problem }
}

function rolloutKeysOf(object: KubeObject | null | undefined): string[] {
  const name = object?.metadata.labels?.[label.rollout]
  return object && name ? [`${object.metadata.namespace ?? ''}/${name}`] : []
}

function meshProblem(resource: Resource, error: unknown): string {
  if (error instanceof ApiError && error.code === 404) {
    return `the cluster has no ${resource.kind} (${resource.apiVersion}): install the CRDs of the mesh`
  }
  const reason = error instanceof Error ? error.message : String(error)
  return `${resource.kind} can not be read: ${reason}`
}
