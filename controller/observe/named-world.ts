// ConfigMaps, Secrets and Deployments that Rollouts name in, what they ask for out: templates, configuration with
// what it held a moment ago, and who names what.
import { type ConfigRef, configRefsOf, revisionOf } from '../../crds/revision.ts'
import type { RolloutSpec } from '../../crds/rollout.ts'
import type { KubeObject } from '../../kube/api.ts'
import { rolloutLabel } from '../../kube/bounded-name.ts'
import { readConfig } from '../../kube/config-copy.ts'
import { type DeploymentView, readDeployment } from '../../kube/deployment.ts'
import { type Key, keyOf, parseKey, type Store } from '../../kube/store.ts'
import { configSettleMs, type FollowedConfig, type Kept } from '../rollout/asked.ts'
import type { Obstacle } from '../rollout/snapshot.ts'
import { createNamedKinds, type Followed, type KindsOptions, type NamedRef } from './named-kinds.ts'
import { readRollout } from './parsed.ts'

/** What a Rollout runs, as it stands now. */
export interface Release {
  readonly template: Readonly<Record<string, unknown>>
  readonly config: readonly FollowedConfig[]
  readonly kept: readonly Kept[]
}

export interface NamedWorld {
  /** A Rollout came, changed or went. */
  changed(key: Key, object: KubeObject | null): void
  /**
   * What a Rollout names and nobody saw: it may be there without our label. Each is given out once in a while, or
   * whenever it is asked for urgently.
   */
  unseen(key: Key, isUrgent?: boolean): readonly NamedRef[]
  /** The server did not answer, or asked for time: it is given out again only after that, ms. */
  putOff(key: Key, ref: NamedRef, retryAfterMs: number): void
  storeOf(ref: NamedRef): Store
  /** Whether the cluster is known to have none of this name with our label. */
  isMissing(namespace: string, ref: NamedRef): boolean
  /** Null while it is not known yet, an obstacle when it can not be read. */
  release(key: Key, spec: RolloutSpec, fleets: readonly Template[]): Release | Obstacle | null
  deployment(key: Key, spec: RolloutSpec): DeploymentView | null
}

/** A revision and the template that runs as it. */
export interface Template {
  readonly revision: string
  readonly template: unknown
}

export interface NamedOptions extends KindsOptions {
  readonly now: () => number
  readonly rollouts: Store
  readonly onRollout: (key: Key) => void
}

/** How often an object that is not there is looked for, ms. */
export const lookAgainMs = 10_000

export function createNamedWorld(options: NamedOptions): NamedWorld {
  const { now, rollouts, onRollout } = options
  const names = createNames()
  const news = createNews(now)
  const notBefore = new Map<string, number>()
  const need = createNamedKinds(options, {
    changed(object, previous) {
      const one = object ?? previous
      if (!one) return
      const id = idOf(one.metadata.namespace ?? '', refOf(one))
      notBefore.delete(id)
      news.changed(id, object, previous)
      for (const key of names.holders(id)) onRollout(key)
    },
    known(kind) {
      for (const object of rollouts.list()) {
        const spec = specOf(object)
        if (spec && namedBy(spec).some((ref) => ref.kind === kind))
          onRollout(keyOf(object.metadata))
      }
    },
  })
  return {
    changed(key, object) {
      const spec = object && specOf(object)
      // One that can not be read keeps what it named.
      if (object && !spec) return
      const { namespace = '' } = parseKey(key)
      const ids = spec ? namedBy(spec).map((ref) => idOf(namespace, ref)) : []
      for (const id of names.set(key, ids)) notBefore.delete(id)
      for (const { kind } of spec ? namedBy(spec) : []) need(kind)
    },
    unseen(key, isUrgent = false) {
      const { namespace = '', name } = parseKey(key)
      const object = rollouts.get(namespace, name)
      const spec = object && specOf(object)
      return (spec ? namedBy(spec) : []).filter((ref) => {
        const { store, isListed } = need(ref.kind)
        const id = idOf(namespace, ref)
        if (!isListed || store.get(namespace, ref.name)) return false
        if (now() < (notBefore.get(id) ?? 0) && !isUrgent) return false
        notBefore.set(id, now() + lookAgainMs)
        return true
      })
    },
    putOff(key, ref, retryAfterMs) {
      const { namespace = '' } = parseKey(key)
      notBefore.set(idOf(namespace, ref), now() + Math.max(lookAgainMs, retryAfterMs))
    },
    storeOf: ({ kind }) => need(kind).store,
    isMissing(namespace, { kind, name }) {
      const { store, isListed } = need(kind)
      return isListed && !store.get(namespace, name)
    },
    release: (key, spec, fleets) => releaseOf({ key, spec, fleets }, { need, news }),
    deployment(key, { workloadRef }) {
      const { namespace, name: rollout } = parseKey(key)
      const object = workloadRef && need('Deployment').store.get(namespace, workloadRef.name)
      const view = object ? readDeployment(object) : null
      return view?.follower === rolloutLabel(rollout) ? view : null
    },
  }
}

interface Reading {
  readonly need: (kind: NamedRef['kind']) => Followed
  readonly news: ReturnType<typeof createNews>
}

interface Asked {
  readonly key: Key
  readonly spec: RolloutSpec
  readonly fleets: readonly Template[]
}

function releaseOf({ key, spec, fleets }: Asked, reading: Reading): Release | Obstacle | null {
  const { namespace = '' } = parseKey(key)
  const { workloadRef } = spec
  const source = workloadRef ? templateOf(reading.need('Deployment'), key, workloadRef) : null
  const template = spec.template ?? (source && 'template' in source ? source.template : null)
  if (!template) return source && 'reason' in source ? source : null
  const config = whole(configRefsOf(spec.config).map((ref) => configOf(namespace, ref, reading)))
  if (!config || 'reason' in config) return config
  const kept = workloadRef && config.length === 0 ? fleets.map(digested) : []
  return { template, config, kept }
}

function configOf(
  namespace: string,
  ref: ConfigRef,
  { need, news }: Reading,
): FollowedConfig | Obstacle | null {
  const { store, isListed, problem } = need(ref.kind)
  const object = store.get(namespace, ref.name)
  if (!object) return isListed || problem !== null ? missing(ref, problem) : null
  const { config, problem: unfit } = readConfig(object)
  if (unfit !== null) return { reason: 'ConfigMissing', message: unfit }
  return { now: config, ...news.of(idOf(namespace, ref)) }
}

/** All of it, or why not: an obstacle beats what is not known yet. */
function whole(
  found: readonly (FollowedConfig | Obstacle | null)[],
): readonly FollowedConfig[] | Obstacle | null {
  const obstacle = found.find((one) => one !== null && 'reason' in one)
  if (obstacle && 'reason' in obstacle) return obstacle
  const config = found.flatMap((one) => (one && 'now' in one ? [one] : []))
  return config.length < found.length ? null : config
}

/** What configuration held before it changed, while that is news. */
function createNews(now: () => number) {
  const news = new Map<string, Pick<FollowedConfig, 'before' | 'changedAt'>>()
  return {
    of: (id: string) => news.get(id) ?? { before: null, changedAt: 0 },
    changed(id: string, object: KubeObject | null, previous: KubeObject | undefined) {
      if (!object) news.delete(id)
      if (!object || !previous || object['digest'] === previous['digest']) return
      const known = news.get(id)
      // Changes in a row count as one, which began with the first.
      if (known && now() < known.changedAt + configSettleMs) return
      if (object.kind !== 'Deployment')
        news.set(id, { before: readConfig(previous).config, changedAt: now() })
    },
  }
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
    /** Gives what this Rollout does not name any more. */
    set(key: Key, ids: readonly string[]): readonly string[] {
      const before = held.get(key) ?? []
      for (const id of before) {
        const keys = holders.get(id)
        keys?.delete(key)
        if (keys?.size === 0) holders.delete(id)
      }
      held.delete(key)
      if (ids.length > 0) held.set(key, ids)
      for (const id of ids) holders.set(id, (holders.get(id) ?? new Set()).add(key))
      return before.filter((id) => !ids.includes(id))
    },
  }
}
