// Objects that Sluice owns: a blank one, and the stamps on it.
import { annotation, label } from '../crds/names.ts'
import { isEqual } from '../crds/weights.ts'
import type { KubeObject, Resource } from '../kube/api.ts'
import { asideAnnotation } from './records.ts'
import { isSameAside, type Owner, type RouteChange, type StoredRoute } from './router.ts'

export function blank(resource: Resource, name: string, owner: Owner): KubeObject {
  return {
    apiVersion: resource.apiVersion,
    kind: resource.kind,
    metadata: {
      name,
      namespace: owner.namespace,
      labels: { [label.rollout]: owner.name },
      ownerReferences: [owner.reference],
    },
    spec: {},
  }
}

export function stamped(
  object: KubeObject,
  decision: number,
  more: Readonly<Record<string, string>> = {},
): KubeObject['metadata'] {
  const { metadata } = object
  return {
    ...metadata,
    annotations: { ...metadata.annotations, [annotation.decision]: String(decision), ...more },
  }
}

/** Stamps of a route: the fence, when its weights last changed, and what stands beside them. */
export function routeStamped(
  base: KubeObject,
  change: RouteChange,
  before: Pick<StoredRoute, 'weights' | 'since' | 'aside'>,
): KubeObject['metadata'] {
  const since = sinceOf(change, before)
  const { annotations, ...metadata } = stamped(base, change.decision, {
    [annotation.weightsSince]: new Date(since).toISOString(),
  })
  const { [asideAnnotation]: _, ...others } = annotations ?? {}
  const aside = change.aside ? { [asideAnnotation]: JSON.stringify(change.aside) } : {}
  return { ...metadata, annotations: { ...others, ...aside } } as KubeObject['metadata']
}

/** A write that leaves the weights and what stands beside them as they are leaves their time, too. */
export function sinceOf(
  change: RouteChange,
  before: Pick<StoredRoute, 'weights' | 'since' | 'aside'>,
): number {
  const isSame =
    isEqual(before.weights, change.weights) && isSameAside(before.aside, change.aside ?? null)
  return isSame ? (before.since ?? change.now) : change.now
}

export function decisionOf(object: KubeObject): number {
  const decision = Number(object.metadata.annotations?.[annotation.decision] ?? 0)
  return Number.isSafeInteger(decision) ? decision : 0
}

export function weightsSinceOf(object: KubeObject): number | null {
  const since = Date.parse(object.metadata.annotations?.[annotation.weightsSince] ?? '')
  return Number.isNaN(since) ? null : since
}
