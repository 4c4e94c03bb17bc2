// The write side: a decision in, writes out, in its order. Each write starts from a fresh read, carries
// that version as its precondition, and is refused when the object bears a higher decision number.
import { annotation } from '../../crds/names.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeObject } from '../../kube/api.ts'
import { renderReplicaSet, replicaSetName } from '../../kube/replica-set.ts'
import { replicaSets, rollouts } from '../../kube/resources.ts'
import type { Observed } from '../observe/observe.ts'
import type { Action } from '../rollout/seen.ts'
import { assertCopies, readConfigs, writeCopies } from './config-copies.ts'
import { assertMayWrite, type Hands, type Of, read, Stalled, save } from './hands.ts'
import { releaseRoutes } from './release-routes.ts'
import { evict, sizeWorkload } from './take-over.ts'
import { writePreview, writeRoutes, writeSubsets } from './write-traffic.ts'

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
    case 'preview':
      return writePreview(hands, observed, action)
    case 'remove':
      return remove(hands, observed, action)
    case 'workload':
      return sizeWorkload(hands, observed, action)
    case 'evict':
      return evict(hands, observed, action)
    case 'release':
      return releaseRoutes(hands, observed)
    case 'revert':
      return hands.requestRevert(observed, action)
  }
}

async function scale(hands: Hands, observed: Observed, action: Of<'scale'>): Promise<void> {
  const { owner, snapshot, release } = observed
  const { decision } = snapshot.status
  const current = await read(
    hands,
    observed,
    replicaSets,
    replicaSetName(owner.name, action.revision),
  )
  const resource = replicaSets
  const store = hands.world.fleets
  const isTarget = action.revision === snapshot.target.revision
  if (!current && (!isTarget || !release)) {
    throw new Stalled(`the template of revision ${action.revision} is not known any more`)
  }
  const starts = (current?.['spec'].replicas ?? 0) === 0 && action.replicas > 0
  const hasCopies = release !== null && release.config.length > 0 && isTarget && starts
  const sources = hasCopies ? await readConfigs(hands, observed, action.revision) : []
  // A controller that ended between the two left a fleet without what it runs with.
  if (current && starts && !hasCopies) await assertCopies(hands, current)
  // Its pods start when the configuration they name is there, and that goes when the ReplicaSet goes.
  const fleet =
    current ??
    (await save(hands, {
      resource,
      store,
      current,
      next: fleetFor(observed, action, hasCopies ? 0 : action.replicas),
    }))
  if (!current && !hasCopies) return
  if (hasCopies) await writeCopies(hands, observed, { fleet, revision: action.revision, sources })
  const metadata = withDecision(fleet, decision)
  const next = { ...fleet, metadata, spec: { ...fleet['spec'], replicas: action.replicas } }
  await save(hands, { resource, store, current: fleet, next })
}

function fleetFor(
  { owner, rollout, release, snapshot }: Observed,
  { revision }: Of<'scale'>,
  replicas: number,
): KubeObject {
  return renderReplicaSet({
    rollout: { namespace: owner.namespace, name: owner.name, uid: owner.reference.uid },
    selector: rollout.spec.selector.matchLabels,
    template: release?.template ?? {},
    config: release?.config.map((one) => one.now),
    revision,
    replicas,
    minReadySeconds: rollout.spec.minReadySeconds,
    decision: snapshot.status.decision,
  })
}

async function remove(hands: Hands, observed: Observed, action: Of<'remove'>): Promise<void> {
  const { owner } = observed
  const name = replicaSetName(owner.name, action.revision)
  const current = await read(hands, observed, replicaSets, name)
  if (!current) return
  const { uid, resourceVersion } = current.metadata
  const key = { namespace: owner.namespace, name }
  // The read may have taken long enough to lose the lease.
  assertMayWrite(hands)
  await hands.api.delete(replicaSets, key, { uid, resourceVersion, propagation: 'Background' })
}

function withDecision(object: KubeObject, decision: number): KubeObject['metadata'] {
  const { metadata } = object
  const annotations = { ...metadata.annotations, [annotation.decision]: String(decision) }
  return { ...metadata, annotations }
}
