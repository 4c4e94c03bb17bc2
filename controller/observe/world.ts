// The cluster in, stores that follow it out. The only place that says which kinds are watched.
import { annotation, label } from '../../crds/names.ts'
import type { KubeApi, KubeObject, Resource } from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import { slimPod } from '../../kube/pod.ts'
import {
  createReflector,
  type Reflector,
  type ReflectorEvent,
  type ReflectorOptions,
} from '../../kube/reflector.ts'
import {
  analysisTemplates,
  clusterAnalysisTemplates,
  gitSources,
  pods,
  replicaSets,
  rollouts,
} from '../../kube/resources.ts'
import { keyOf, type Store } from '../../kube/store.ts'
import { createFleetWatch, type FleetWatch } from './fleet-watch.ts'
import { byRollout, createMeshWorld, type MeshWorld, rolloutKeysOf } from './mesh-world.ts'
import { createNamedWorld, type NamedWorld } from './named-world.ts'

export interface World {
  readonly rollouts: Store
  readonly templates: Store
  /** Templates of all namespaces; null for a controller of one, which has no right to read them. */
  readonly clusterTemplates: Store | null
  readonly sources: Store
  /** ReplicaSets of Rollouts, by index `rollout` as `namespace/name`. */
  readonly fleets: Store
  readonly fleetWatch: FleetWatch
  /** Pods of Rollouts, by index `revision` as `namespace/revision`; only what tells of their trouble. */
  readonly pods: Store
  /** Routes of all meshes that some Rollout splits. */
  readonly mesh: MeshWorld
  /** ConfigMaps, Secrets and Deployments that some Rollout names. */
  readonly named: NamedWorld
  /** Resolves when all but the mesh's kinds were listed once. */
  readonly synced: Promise<void>
  start(signal: AbortSignal): void
  reflectors(): ReadonlyMap<string, Reflector>
}

export interface WorldOptions {
  readonly api: KubeApi
  readonly clock: Clock
  readonly random: () => number
  /** Follow one namespace only; undefined for all. */
  readonly namespace?: string | undefined
  /** Keys of Rollouts and of GitSources, `namespace/name`, whose world changed. */
  readonly onRollout: (key: string) => void
  readonly onSource: (key: string) => void
  readonly onEvent?: (kind: string, event: ReflectorEvent) => void
}

export const byRevision = 'revision'

export function createWorld(options: WorldOptions): World {
  const { namespace, onRollout, onSource } = options
  const reflectors = new Map<string, Reflector>()
  let running: AbortSignal | null = null
  const followAs = (name: string, resource: Resource, more: Partial<ReflectorOptions>) => {
    const reflector = following(options, resource, more)
    reflectors.set(name, reflector)
    if (running) void reflector.start(running)
    return reflector
  }
  const follow = (resource: Resource, more: Partial<ReflectorOptions>) =>
    followAs(resource.kind, resource, more)
  const core = follow(rollouts, {
    onChange: (key, object, previous) => {
      mesh.changed(key, object, previous)
      named.changed(key, object)
      onRollout(key)
      const source = object ? null : sourceKeyOf(previous)
      if (source) onSource(source)
    },
  })
  const all = (where?: string) => {
    for (const rollout of core.store.list(where)) onRollout(keyOf(rollout.metadata))
  }
  const templates = follow(analysisTemplates, {
    onChange: (_, object, previous) => all((object ?? previous)?.metadata.namespace),
  })
  const clusterTemplates = namespace
    ? null
    : follow(clusterAnalysisTemplates, { onChange: () => all(undefined) })
  const sources = follow(gitSources, { onChange: onSource })
  const fleetWatch = createFleetWatch(() => options.clock.now())
  const owned = ownedBy(options)
  const fleets = follow(replicaSets, {
    ...owned,
    onSynced: () => fleetWatch.listed(),
    onChange: (key, object, previous) => {
      fleetWatch.changed(object, previous)
      owned.onChange?.(key, object, previous)
    },
  })
  const crew = follow(pods, crewOf(namespace))
  const shared = {
    now: () => options.clock.now(),
    rollouts: core.store,
    follow: followAs,
    namespace,
    onRollout,
    onEvent: (kind: string, event: ReflectorEvent) => options.onEvent?.(kind, event),
  }
  const mesh = createMeshWorld(shared)
  const named = createNamedWorld(shared)
  return {
    rollouts: core.store,
    templates: templates.store,
    clusterTemplates: clusterTemplates?.store ?? null,
    sources: sources.store,
    fleets: fleets.store,
    fleetWatch,
    pods: crew.store,
    mesh,
    named,
    synced: allSynced([core, templates, sources, fleets]),
    start(signal) {
      running = signal
      for (const reflector of [...reflectors.values()]) void reflector.start(signal)
    },
    reflectors: () => reflectors,
  }
}

/** The GitSource of a Rollout that is gone: what Git still asks for is applied again, at once. */
function sourceKeyOf(rollout: KubeObject | undefined): string | null {
  const source = rollout?.metadata.annotations?.[annotation.source]
  return source ? `${rollout?.metadata.namespace ?? ''}/${source}` : null
}

/** Pods of Rollouts, without what nobody asks about. */
function crewOf(namespace: string | undefined): Partial<ReflectorOptions> {
  return {
    query: { namespace, labelSelector: label.revision },
    indexes: { [byRevision]: revisionKeyOf },
    transform: slimPod,
  }
}

/** What belongs to Rollouts, by its label. */
function ownedBy({ namespace, onRollout }: WorldOptions): Partial<ReflectorOptions> {
  return {
    query: { namespace, labelSelector: label.rollout },
    indexes: { [byRollout]: rolloutKeysOf },
    onChange: (_, object, previous) => {
      const keys = [...rolloutKeysOf(object), ...rolloutKeysOf(previous)]
      for (const key of new Set(keys)) onRollout(key)
    },
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

function revisionKeyOf(pod: KubeObject): string[] {
  const revision = pod.metadata.labels?.[label.revision]
  return revision ? [`${pod.metadata.namespace ?? ''}/${revision}`] : []
}
