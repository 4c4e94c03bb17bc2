// A Rollout as the store holds it in, the same checked and with its defaults out; each spec is parsed once.
import { finalizer, label } from '../../crds/names.ts'
import { parseRollout } from '../../crds/parse.ts'
import type { Rollout } from '../../crds/rollout.ts'
import type { KubeObject } from '../../kube/api.ts'
import { rolloutLabel } from '../../kube/bounded-name.ts'
import type { Owner } from '../../traffic/router.ts'
import { isSame } from '../rollout/stored.ts'

// Objects of the stores are frozen, and most ticks meet the spec of the tick before.
const known = new WeakMap<object, Rollout>()

export function readRollout(object: KubeObject): ReturnType<typeof parseRollout> {
  const { spec, metadata } = object
  const before = isFrozenObject(spec) ? known.get(spec) : undefined
  if (before && before.metadata.name === metadata.name) {
    return { ok: true, value: { ...before, metadata } }
  }
  const { status: _, ...rest } = object
  const parsed = parseRollout(rest)
  if (!parsed.ok || !isFrozenObject(spec)) return parsed
  // A spec with all its defaults reads as it stands: of thousands of rollouts one copy is enough.
  const value = isSame(parsed.value.spec, spec)
    ? { ...parsed.value, spec: spec as Rollout['spec'] }
    : parsed.value
  known.set(spec, value)
  return { ok: true, value }
}

export function isFrozenObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.isFrozen(value)
}

export function ownerOf(object: KubeObject): Owner {
  const { namespace = '', name, uid = '' } = object.metadata
  const { apiVersion, kind } = object
  return {
    namespace,
    name,
    reference: { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true },
    isGoing: object.metadata.deletionTimestamp !== undefined,
  }
}

/** Whether a Rollout is being deleted and there is something to put back before it may go. */
export function isGoing({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(finalizer)
}

/** Whether an object belongs to this very Rollout, not to one of the same name before it. */
export function isOwned(object: KubeObject, owner: Owner): boolean {
  const owners = object.metadata.ownerReferences ?? []
  const isLetGo = owner.isGoing === true && owners.length === 0 && bearsLabel(object, owner)
  return isLetGo || owners.some((reference) => reference.uid === owner.reference.uid)
}

/** With `--cascade=orphan` the cluster takes owners off before the Rollout itself is gone. */
export function isOrphan(object: KubeObject, owner: Owner): boolean {
  return (object.metadata.ownerReferences ?? []).length === 0 && bearsLabel(object, owner)
}

function bearsLabel({ metadata }: KubeObject, { name }: Owner): boolean {
  return metadata.labels?.[label.rollout] === rolloutLabel(name)
}
