// The write side: a decision in, writes out, in its order. Each write starts from a fresh read, carries
// that version as its precondition, and is refused when the object bears a higher decision number.
import { annotation } from '../crds/names.ts'
import type { RolloutStatus } from '../crds/rollout-status.ts'
import { isEqual } from '../crds/weights.ts'
import { isNotFound, type KubeApi, type KubeObject, type Resource } from '../kube/api.ts'
import { renderReplicaSet, replicaSetName } from '../kube/replica-set.ts'
import { replicaSets, rollouts } from '../kube/resources.ts'
import type { Store } from '../kube/store.ts'
import { istio } from '../traffic/istio.ts'
import { decisionOf } from '../traffic/owned.ts'
import { isOwned, notOurs, type Observed } from './observe.ts'
import type { Action } from './rollout/converge.ts'
import type { World } from './world.ts'

export interface Hands {
  readonly api: KubeApi
  readonly world: World
  readonly clock: { now(): number }
  /** False as soon as the lease may have expired: somebody else may be the leader. */
  readonly mayWrite: () => boolean
  /** Hands a revert to the Git writer; the answer arrives in memory later. */
  readonly requestRevert: (observed: Observed, action: Extract<Action, { kind: 'revert' }>) => void
}

/** Not our turn: another leader wrote, or may write. The next decision starts from what it wrote. */
export class Fenced extends Error {
  override readonly name = 'Fenced'
}

/** Something only a person can mend; the loop says so and waits for a change. */
export class Stalled extends Error {
  override readonly name = 'Stalled'
}

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
      return writeRoute(hands, observed, action)
    case 'remove':
      return remove(hands, observed, action)
    case 'revert':
      return hands.requestRevert(observed, action)
  }
}

type Of<Kind extends Action['kind']> = Extract<Action, { kind: Kind }>

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

async function writeRoute(hands: Hands, observed: Observed, action: Of<'route'>): Promise<void> {
  const { owner, rollout, snapshot } = observed
  const { route } = istio.names(owner, rollout.spec)
  const current = await read(hands, observed, istio.route, route)
  if (current) hands.world.routes.learn(current)
  // Weights are decided on weights: where others are stored by now, the decision is made again.
  if (!isEqual(istio.readRoute(current).weights, snapshot.route.weights)) {
    throw new Fenced(`the weights of ${route} changed since they were read`)
  }
  const next = istio.renderRoute(current, {
    owner,
    spec: rollout.spec,
    weights: action.weights,
    decision: snapshot.status.decision,
    now: hands.clock.now(),
  })
  return save(hands, { resource: istio.route, store: hands.world.routes, current, next })
}

async function writeSubsets(
  hands: Hands,
  observed: Observed,
  action: Of<'subsets'>,
): Promise<void> {
  const { owner, rollout, snapshot } = observed
  const { subsets } = istio.names(owner, rollout.spec)
  const current = await read(hands, observed, istio.subsets, subsets)
  const next = istio.renderSubsets(current, {
    owner,
    spec: rollout.spec,
    revisions: action.revisions,
    decision: snapshot.status.decision,
  })
  return save(hands, { resource: istio.subsets, store: hands.world.subsets, current, next })
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

/** A fresh read. Null when there is no such object; throws when it is not ours to write. */
async function read(
  hands: Hands,
  { owner, snapshot }: Observed,
  resource: Resource,
  name: string,
): Promise<KubeObject | null> {
  let object: KubeObject
  try {
    object = await hands.api.get(resource, { namespace: owner.namespace, name })
  } catch (error) {
    if (isNotFound(error)) return null
    throw error
  }
  if (!isOwned(object, owner)) throw new Stalled(notOurs(resource.kind, name))
  const written = decisionOf(object)
  if (written > snapshot.status.decision) {
    throw new Fenced(
      `${resource.kind} ${name} carries decision ${written}, this is ${snapshot.status.decision}`,
    )
  }
  return object
}

interface Save {
  readonly resource: Resource
  readonly store: Store
  readonly current: KubeObject | null
  readonly next: KubeObject
}

async function save(hands: Hands, { resource, store, current, next }: Save): Promise<void> {
  assertMayWrite(hands)
  const written = current
    ? await hands.api.replace(resource, next)
    : await hands.api.create(resource, next)
  store.learn(written)
}

function withDecision(object: KubeObject, decision: number): KubeObject['metadata'] {
  const { metadata } = object
  const annotations = { ...metadata.annotations, [annotation.decision]: String(decision) }
  return { ...metadata, annotations }
}

function assertMayWrite(hands: Hands): void {
  if (!hands.mayWrite()) throw new Fenced('the lease is lost: another controller leads now')
}
