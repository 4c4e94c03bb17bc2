// A route of the Gateway API in; whether its controllers have taken it as it is stored now out.
import type { KubeObject } from '../kube/api.ts'
import type { Acceptance } from './router.ts'

type Json = KubeObject['spec']

/** Linkerd says that a route is accepted, but never of which generation. */
export const linkerdController = 'linkerd.io/policy-controller'
const saysNoGeneration = new Set([linkerdController])

/**
 * Every parent must be accepted by each controller that speaks of it, or by `controller` alone where that is
 * given. Accepted means that the control plane took it; proxies follow within the settle time.
 */
export function routeAcceptance(object: KubeObject, controller?: string): Acceptance {
  const statuses: Json[] = object['status']?.parents ?? []
  const heard = statuses.filter(
    ({ controllerName }) => controller === undefined || controllerName === controller,
  )
  for (const parent of object['spec']?.parentRefs ?? []) {
    const wanted = identityOf(parent, object)
    const said = heard.filter(({ parentRef }) => identityOf(parentRef, object) === wanted)
    if (said.length === 0) {
      return { kind: 'pending', because: `no controller has spoken of ${nameOf(parent)} yet` }
    }
    for (const status of said) {
      const acceptance = parentAcceptance(status, object)
      if (acceptance.kind !== 'accepted') return acceptance
    }
  }
  return { kind: 'accepted' }
}

function parentAcceptance(status: Json, object: KubeObject): Acceptance {
  const conditions: Json[] = status.conditions ?? []
  const parent = nameOf(status.parentRef)
  const partial = conditions.find(
    ({ type, status: holds }) => type === 'PartiallyInvalid' && holds === 'True',
  )
  for (const type of ['Accepted', 'ResolvedRefs']) {
    const condition = conditions.find((candidate) => candidate.type === type)
    if (!condition) return { kind: 'pending', because: `${parent} has no condition ${type} yet` }
    if (isOld(condition, status, object)) {
      return { kind: 'pending', because: `${parent} says ${type} of an older generation` }
    }
    if (condition.status === 'True') continue
    const because = `${parent}: ${type} is ${condition.status}, ${condition.reason}: ${condition.message ?? ''}`
    const isPending = condition.status !== 'False' || condition.reason === 'Pending'
    return { kind: isPending ? 'pending' : 'rejected', because: because.slice(0, 512) }
  }
  return partial
    ? {
        kind: 'rejected',
        because: `${parent} dropped rules: ${partial.message ?? ''}`.slice(0, 512),
      }
    : { kind: 'accepted' }
}

/** A generation that is there must be new; that it is there at all may be asked of those that set it. */
function isOld(condition: Json, { controllerName }: Json, { metadata }: KubeObject): boolean {
  const { observedGeneration } = condition
  if (observedGeneration === undefined) return !saysNoGeneration.has(controllerName)
  return observedGeneration < (metadata.generation ?? 0)
}

/** Parents as the API server defaults them, so that what we wrote and what it says are equal. */
function identityOf(parent: Json, { metadata }: KubeObject): string {
  const { group = 'gateway.networking.k8s.io', kind = 'Gateway', name } = parent ?? {}
  const { namespace = metadata.namespace, sectionName = '', port = '' } = parent ?? {}
  return [group, kind, namespace, name, sectionName, port].join('/')
}

function nameOf(parent: Json): string {
  return `${parent?.kind ?? 'Gateway'} ${parent?.name ?? ''}`
}
