// ConfigMaps, Secrets and Deployments that Rollouts name in, what they ask for out. A kind is followed from the
// first Rollout that names one, and only objects with our label: what nobody named is never sent to us, and of
// configuration a digest is all that is kept.
import { label } from '../crds/names.ts'
import { type ConfigRef, configRefsOf, revisionOf } from '../crds/revision.ts'
import type { RolloutSpec } from '../crds/rollout.ts'
import type { KubeObject, Resource } from '../kube/api.ts'
import { ApiError } from '../kube/api.ts'
import { rolloutLabel } from '../kube/bounded-name.ts'
import { readConfig, slimConfig } from '../kube/config-copy.ts'
import { type DeploymentView, readDeployment } from '../kube/deployment.ts'
import type { Reflector, ReflectorEvent, ReflectorOptions } from '../kube/reflector.ts'
import { configMaps, deployments, secrets } from '../kube/resources.ts'
import { type Key, keyOf, parseKey, type Store, slim } from '../kube/store.ts'
import { readRollout } from './parsed.ts'
import { configSettleMs, type FollowedConfig, type Kept } from './rollout/asked.ts'
import type { Obstacle } from './rollout/snapshot.ts'

/** An object that a Rollout names, in its namespace. */
export interface NamedRef {
  readonly kind: ConfigRef['kind'] | 'Deployment'
  readonly name: string
}

/** What a Rollout runs, as it stands now. */
export interface Release {
  readonly template: Readonly<Record<string, unknown>>
  readonly config: readonly FollowedConfig[]
  readonly kept: readonly Kept[]
}

export interface NamedWorld {
  /** A Rollout came, changed or went. */
  changed(key: Key, object: KubeObject | null): void
  /** What a Rollout names and nobody saw: it may be there without our label. Each is given out once in a while. */
  unseen(key: Key): readonly NamedRef[]
  storeOf(ref: NamedRef): Store
  /** Null while it is not known yet, an obstacle when it can not be read. */
  release(key: Key, spec: RolloutSpec, fleets: readonly Template[]): Release | Obstacle | null
  deployment(key: Key, spec: RolloutSpec): DeploymentView | null
}

/** A revision and the template that runs as it. */
export interface Template {
  readonly revision: string
  readonly template: unknown
}

export interface NamedOptions {
  readonly now: () => number
  /** Builds a reflector and, once the world runs, starts it. */
  readonly follow: (name: string, resource: Resource, more: Partial<ReflectorOptions>) => Reflector
  readonly rollouts: Store
  readonly namespace: string | undefined
  readonly onRollout: (key: Key) => void
  readonly onEvent: (kind: string, event: ReflectorEvent) => void
}

/** How often an object that is not there is looked for, ms. */
export const lookAgainMs = 10_000

interface KindRow {
  readonly resource: Resource
  readonly selector: string
  readonly transform: (object: KubeObject) => KubeObject
  /** Value of the chart that grants the right to read it. */
  readonly grant: string
}

const kinds: Readonly<Record<NamedRef['kind'], KindRow>> = {
  ConfigMap: {
    resource: configMaps,
    selector: label.config,
    transform: slimConfig,
    grant: 'workloads.configMaps',
  },
  Secret: {
    resource: secrets,
    selector: label.config,
    transform: slimConfig,
    grant: 'workloads.secrets',
  },
  Deployment: {
    resource: deployments,
    selector: label.rollout,
    transform: slim,
    grant: 'workloads.deployments',
  },
}

export function resourceOf({ kind }: Pick<NamedRef, 'kind'>): Resource {
  return kinds[kind].resource
}

interface Followed {
  readonly store: Store
  isListed: boolean
  problem: string | null
}

export function createNamedWorld(options: NamedOptions): NamedWorld {
  const { now, rollouts, onRollout } = options
  const names = createNames()
  /** What configuration held before it changed, while that is news. */
  const before = new Map<string, Pick<FollowedConfig, 'before' | 'changedAt'>>()
  const lookedAt = new Map<string, number>()
  const followed = new Map<NamedRef['kind'], Followed>()

  const changedObject = (object: KubeObject | null, previous: KubeObject | undefined) => {
    const one = object ?? previous
    if (!one) return
    const id = idOf(one.metadata.namespace ?? '', refOf(one))
    lookedAt.delete(id)
    if (!object) before.delete(id)
    else if (previous && object['digest'] !== previous['digest']) {
      const known = before.get(id)
      // Changes in a row count as one, which began with the first.
      if (!known || now() >= known.changedAt + configSettleMs)
        before.set(id, { before: readConfig(previous).config, changedAt: now() })
    }
    for (const key of names.holders(id)) onRollout(key)
  }
  const need = (kind: NamedRef['kind']): Followed => {
    const known = followed.get(kind)
    if (known) return known
    const { resource, selector, transform } = kinds[kind]
    const entry = follow(options, { kind, resource, selector, transform, changedObject })
    followed.set(kind, entry)
    return entry
  }
  const configOf = (namespace: string, ref: ConfigRef): FollowedConfig | Obstacle | null => {
    const { store, isListed, problem } = need(ref.kind)
    const object = store.get(namespace, ref.name)
    if (!object) return isListed || problem !== null ? missing(ref, problem) : null
    const { config, problem: unfit } = readConfig(object)
    if (unfit !== null) return { reason: 'ConfigMissing', message: unfit }
    const news = before.get(idOf(namespace, ref))
    return { now: config, ...(news ?? { before: null, changedAt: 0 }) }
  }
  return {
    changed(key, object) {
      const spec = object && specOf(object)
      // One that can not be read keeps what it named.
      if (object && !spec) return
      const { namespace = '' } = parseKey(key)
      names.set(key, spec ? namedBy(spec).map((ref) => idOf(namespace, ref)) : [])
      for (const { kind } of spec ? namedBy(spec) : []) need(kind)
    },
    unseen(key) {
      const { namespace = '', name } = parseKey(key)
      const object = rollouts.get(namespace, name)
      const spec = object && specOf(object)
      return (spec ? namedBy(spec) : []).filter((ref) => {
        const { store, isListed } = need(ref.kind)
        const id = idOf(namespace, ref)
        if (!isListed || store.get(namespace, ref.name)) return false
        if (now() < (lookedAt.get(id) ?? -lookAgainMs) + lookAgainMs) return false
        lookedAt.set(id, now())
        return true
      })
    },
    storeOf: ({ kind }) => need(kind).store,
    release(key, spec, fleets) {
      const { namespace = '' } = parseKey(key)
      const { workloadRef } = spec
      const source = workloadRef ? templateOf(need('Deployment'), key, workloadRef) : null
      const template = spec.template ?? (source && 'template' in source ? source.template : null)
      if (!template) return source && 'reason' in source ? source : null
      const found = configRefsOf(spec.config).map((ref) => configOf(namespace, ref))
      const obstacle = found.find((one) => one !== null && 'reason' in one)
      if (obstacle && 'reason' in obstacle) return obstacle
      const config = found.flatMap((one) => (one && 'now' in one ? [one] : []))
      if (config.length < found.length) return null
      const kept = workloadRef && config.length === 0 ? fleets.map(digested) : []
      return { template, config, kept }
    },
    deployment(key, { workloadRef }) {
      const { namespace } = parseKey(key)
      const object = workloadRef && need('Deployment').store.get(namespace, workloadRef.name)
      return object ? readDeployment(object) : null
    },
  }
}

interface Following extends Omit<KindRow, 'grant'> {
  readonly kind: NamedRef['kind']
  readonly changedObject: (object: KubeObject | null, previous: KubeObject | undefined) => void
}

function follow(options: NamedOptions, following: Following): Followed {
  const { kind, resource, selector, transform, changedObject } = following
  const { rollouts, namespace, onRollout, onEvent } = options
  const all = () => {
    for (const object of rollouts.list()) {
      const spec = specOf(object)
      if (spec && namedBy(spec).some((ref) => ref.kind === kind)) onRollout(keyOf(object.metadata))
    }
  }
  const { store } = options.follow(`${kind} of users`, resource, {
    query: { namespace, labelSelector: selector },
    transform,
    onChange: (_, object, previous) => changedObject(object, previous),
    observer(event) {
      if (!entry.isListed && event.kind === 'failed') {
        const isNews = entry.problem === null
        entry.problem = problemOf(kind, event.error)
        if (isNews) all()
      }
      if (!entry.isListed && event.kind === 'listed') {
        entry.isListed = true
        entry.problem = null
        all()
      }
      onEvent(kind, event)
    },
  })
  const entry: Followed = { store, isListed: false, problem: null }
  return entry
}

function problemOf(kind: NamedRef['kind'], error: unknown): string {
  if (error instanceof ApiError && error.code === 403) {
    return `${kind}s may not be read: install the chart with ${kinds[kind].grant}=true`
  }
  return `${kind}s can not be read: ${error instanceof Error ? error.message : String(error)}`
}

function missing({ kind, name }: NamedRef, problem: string | null): Obstacle {
  const reason = kind === 'Deployment' ? 'WorkloadMissing' : 'ConfigMissing'
  const message =
    problem ?? `${kind} ${name} is not there: create it, or take it out of the Rollout`
  return { reason, message: `${message}; what runs goes on as it is` }
}

function templateOf(
  { store, isListed, problem }: Followed,
  key: Key,
  { name }: { readonly name: string },
): Pick<DeploymentView, 'template'> | Obstacle | null {
  const { namespace, name: rollout } = parseKey(key)
  const object = store.get(namespace, name)
  const view = object ? readDeployment(object) : null
  if (view && view.follower !== rolloutLabel(rollout)) {
    const message = `Deployment ${name} is run by Rollout ${view.follower}: name another one, or delete that Rollout`
    return { reason: 'NotOurs', message }
  }
  if (view) return view
  return isListed || problem !== null ? missing({ kind: 'Deployment', name }, problem) : null
}

// Templates of frozen fleets are the same objects from tick to tick.
const digests = new WeakMap<object, string>()

function digested({ revision, template }: Template): Kept {
  const isObject = typeof template === 'object' && template !== null
  const plain = (isObject ? digests.get(template) : undefined) ?? revisionOf(template)
  if (isObject) digests.set(template, plain)
  return { revision, plain }
}

function specOf(object: KubeObject): RolloutSpec | null {
  const parsed = readRollout(object)
  return parsed.ok ? parsed.value.spec : null
}

function namedBy({ config, workloadRef }: RolloutSpec): NamedRef[] {
  const refs: NamedRef[] = configRefsOf(config)
  return workloadRef ? [...refs, { kind: 'Deployment', name: workloadRef.name }] : refs
}

function refOf({ kind, metadata: { name } }: KubeObject): NamedRef {
  return { kind: kind === 'Deployment' || kind === 'Secret' ? kind : 'ConfigMap', name }
}

function idOf(namespace: string, { kind, name }: NamedRef): string {
  return `${kind}/${namespace}/${name}`
}

/** Which Rollouts name an object. */
function createNames() {
  const held = new Map<Key, readonly string[]>()
  const holders = new Map<string, Set<Key>>()
  return {
    holders: (id: string): readonly Key[] => [...(holders.get(id) ?? [])],
    set(key: Key, ids: readonly string[]) {
      for (const id of held.get(key) ?? []) {
        const keys = holders.get(id)
        keys?.delete(key)
        if (keys?.size === 0) holders.delete(id)
      }
      held.delete(key)
      if (ids.length > 0) held.set(key, ids)
      for (const id of ids) holders.set(id, (holders.get(id) ?? new Set()).add(key))
    },
  }
}
