// Kinds of objects that Rollouts name in, a store of each out: followed from the first Rollout that names one, and
// only objects with our label. Of configuration a digest is all that is kept.
import { label } from '../../crds/names.ts'
import type { ConfigRef } from '../../crds/revision.ts'
import { ApiError, type KubeObject, type Resource } from '../../kube/api.ts'
import { slimConfig } from '../../kube/config-copy.ts'
import type { Reflector, ReflectorEvent, ReflectorOptions } from '../../kube/reflector.ts'
import { configMaps, deployments, secrets } from '../../kube/resources.ts'
import { type Store, slim } from '../../kube/store.ts'

/** An object that a Rollout names, in its namespace. */
export interface NamedRef {
  readonly kind: ConfigRef['kind'] | 'Deployment'
  readonly name: string
}

export interface Followed {
  readonly store: Store
  isListed: boolean
  /** Why it can not be read, while it never was. */
  problem: string | null
}

export interface KindsOptions {
  /** Builds a reflector and, once the world runs, starts it. */
  readonly follow: (name: string, resource: Resource, more: Partial<ReflectorOptions>) => Reflector
  readonly namespace: string | undefined
  readonly onEvent: (kind: string, event: ReflectorEvent) => void
}

export interface KindsListener {
  changed(object: KubeObject | null, previous: KubeObject | undefined): void
  /** A kind can be read now, or it is known why not. */
  known(kind: NamedRef['kind']): void
}

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

/** Followed from now on, if it was not. */
export function createNamedKinds(
  options: KindsOptions,
  listener: KindsListener,
): (kind: NamedRef['kind']) => Followed {
  const followed = new Map<NamedRef['kind'], Followed>()
  return (kind) => {
    const known = followed.get(kind)
    if (known) return known
    const entry = follow(options, kind, listener)
    followed.set(kind, entry)
    return entry
  }
}

function follow(options: KindsOptions, kind: NamedRef['kind'], listener: KindsListener): Followed {
  const { namespace, onEvent } = options
  const { resource, selector, transform } = kinds[kind]
  const { store } = options.follow(`${kind} of users`, resource, {
    query: { namespace, labelSelector: selector },
    transform,
    onChange: (_, object, previous) => listener.changed(object, previous),
    observer(event) {
      if (!entry.isListed && event.kind === 'failed') {
        const isNews = entry.problem === null
        entry.problem = problemOf(kind, event.error)
        if (isNews) listener.known(kind)
      }
      if (!entry.isListed && event.kind === 'listed') {
        entry.isListed = true
        entry.problem = null
        listener.known(kind)
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
