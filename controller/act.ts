// The write side: a decision in, writes out, in its order. Each write starts from a fresh read, carries
// that version as its precondition, and is refused when the object bears a higher decision number.
import { annotation } from '../crds/names.ts'
import type { RolloutStatus } from '../crds/rollout-status.ts'
import type { KubeObject } from '../kube/api.ts'
import { renderReplicaSet, replicaSetName } from '../kube/replica-set.ts'
import { replicaSets, rollouts } from '../kube/resources.ts'
import { assertMayWrite, type Hands, type Of, read, Stalled, save } from './hands.ts'
import type { Observed } from './observe.ts'
import type { Action } from './rollout/seen.ts'
import { writeRoutes, writeSubsets } from './write-traffic.ts'

/** Stores a status. Its precondition is the version of the Rollout that was decided on. */
export async function storeStatus(
  hands: Hands,
  object: KubeObject,
  status: RolloutStatus,
): Promise<void> {
  assertMayWrite(hands)
  const written = await hands.api.replace(
    rollouts,
    { ...object, status },
    { subresource: 'status' },
  )
  hands.world.rollouts.learn(written)
}

export async function act(hands: Hands, observed: Observed, action: Action): Promise<void> {
  assertMayWrite(hands)
  switch (action.kind) {
    case 'scale':
      return scale(hands, observed, action)
    case 'subsets':
      return writeSubsets(hands, observed, action)
    case 'route':
      return writeRoutes(hands, observed, action)
    case 'remove':
      return remove(hands, observed, action)
    case 'revert':
      return hands.requestRevert(observed, action)
  }
}

async function scale(hands: Hands, observed: Observed, action: Of<'scale'>): Promise<void> {
  const { owner, rollout, snapshot } = observed
  const { decision } = snapshot.status
  const current = await read(
    hands,
    observed,
    replicaSets,
    replicaSetName(owner.name, action.revision),
  )
  if (current) {
    const metadata = withDecision(current, decision)
    const spec = { ...current['spec'], replicas: action.replicas }
    const next = { ...current, metadata, spec }
    return save(hands, { resource: replicaSets, store: hands.world.fleets, current, next })
  }
  if (action.revision !== snapshot.target.revision) {
    throw new Stalled(`the template of revision ${action.revision} is not known any more`)
  }
  const next = renderReplicaSet({
    rollout: { namespace: owner.namespace, name: owner.name, uid: owner.reference.uid },
    selector: rollout.spec.selector.matchLabels,
    template: rollout.spec.template,
    revision: action.revision,
    replicas: action.replicas,
    minReadySeconds: rollout.spec.minReadySeconds,
    decision,
  })
  return save(hands, { resource: replicaSets, store: hands.world.fleets, current, next })
}

async function remove(hands: Hands, observed: Observed, action: Of<'remove'>): Promise<void> {
  const { owner } = observed
  const name = replicaSetName(owner.name, action.revision)
  const current = await read(hands, observed, replicaSets, name)
  if (!current) return
  const { uid, resourceVersion } = current.metadata
  const key = { namespace: owner.namespace, name }
  await hands.api.delete(replicaSets, key, { uid, resourceVersion, propagation: 'Background' })
}

function withDecision(object: KubeObject, decision: number): KubeObject['metadata'] {
  const { metadata } = object
  const annotations = { ...metadata.annotations, [annotation.decision]: String(decision) }
  return { ...metadata, annotations }
}
