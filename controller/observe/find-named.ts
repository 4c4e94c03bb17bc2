// Objects that a Rollout names and that do not carry our label yet in, the label out: from then on their changes
// are told to us, and those of all others are not.
import { label } from '../../crds/names.ts'
import { ApiError, type KubeObject } from '../../kube/api.ts'
import { followPatch } from '../../kube/deployment.ts'
import { keyOf } from '../../kube/store.ts'
import { assertMayWrite, type Hands, readAny } from '../act/hands.ts'
import { type NamedRef, resourceOf } from './named-kinds.ts'

interface Place {
  readonly namespace: string
  readonly name: string
}

/** Looks for what a Rollout names. What is not found is looked for again later; decisions do not wait for it. */
export async function findNamed(hands: Hands, rollout: Place, isUrgent = false): Promise<void> {
  for (const ref of hands.world.named.unseen(keyOf(rollout), isUrgent)) {
    try {
      await find(hands, ref, rollout)
    } catch (error) {
      // It counts as not there, which the status says, and traffic must not wait for it.
      if (!(error instanceof ApiError)) throw error
      hands.world.named.putOff(keyOf(rollout), ref, error.retryAfterMs ?? 0)
    }
  }
}

async function find(hands: Hands, ref: NamedRef, rollout: Place): Promise<void> {
  const resource = resourceOf(ref)
  const key = { namespace: rollout.namespace, name: ref.name }
  const object = await readAny(hands, resource, key)
  if (!object) return
  assertMayWrite(hands)
  const body = labelled(ref, object, rollout)
  hands.world.named.storeOf(ref).learn(await hands.api.patch(resource, key, 'merge', body))
}

function labelled(ref: NamedRef, object: KubeObject, { name }: Place): unknown {
  if (ref.kind === 'Deployment') return followPatch(object, name)
  const { resourceVersion } = object.metadata
  return { metadata: { resourceVersion, labels: { [label.config]: 'named' } } }
}
