// One tick of a Rollout that is being deleted: traffic to stable where something of it stays, routes as they were,
// a Deployment's pods in place of ours; then its finalizer off, and the rest goes as the deletion asked.
import type { KubeObject } from '../../kube/api.ts'
import { keyOf } from '../../kube/store.ts'
import { findNamed } from '../observe/find-named.ts'
import { byRollout } from '../observe/mesh-world.ts'
import { type Memory, type Observed, observe } from '../observe/observe.ts'
import { isOrphan, ownerOf } from '../observe/parsed.ts'
import type { Announcement } from '../rollout/describe.ts'
import { type Leaving, leave, leavingLimitMs } from '../rollout/leave.ts'
import { act } from './act.ts'
import { type Hands, Stalled } from './hands.ts'
import { letGo } from './let-go.ts'
import { releaseWorkload } from './take-over.ts'

export interface Departing extends Hands {
  readonly memory: Memory
  readonly journal: {
    announced(about: { readonly object: KubeObject }, announcement: Announcement): void
  }
}

/** How often it is looked at when nothing tells of a change, ms. */
const lookMs = 1_000
const heldMs = 30_000

/** Versions of Rollouts that may go: the store has them until the watch tells, and nothing is done for them again. */
const finished = new WeakSet<KubeObject>()

/** Resolves with the time of the next tick in ms since epoch, or null to wait for a change. */
export async function depart(departing: Departing, object: KubeObject): Promise<number | null> {
  if (finished.has(object)) return null
  const isOrphaned = staysBehind(departing, object)
  // A Deployment takes pods that belong to nobody, so that there is nothing to give it back.
  if (isOrphaned && object['spec']?.workloadRef) return finish(departing, object, null)
  const now = departing.clock.now()
  const { namespace = '', name } = object.metadata
  const since = Date.parse(object.metadata.deletionTimestamp ?? '') || now
  // A Deployment that lost our label is given back as well.
  await findNamed(departing, { namespace, name }, true)
  const observed = observe({ ...departing, now }, namespace, name)
  if (!observed && now < since + leavingLimitMs) return now + lookMs
  const known = observed && 'snapshot' in observed ? observed : null
  const isServing = isOrphaned || known?.routing.router.ownership === 'in-place'
  const leaving =
    known && (isServing || known.snapshot.workload)
      ? leave(known.snapshot, { since, ...released(departing, known, since) })
      : done
  switch (leaving.kind) {
    case 'act':
      for (const action of leaving.actions) {
        // What is no longer ours, or can not be made again, is not waited for.
        if (!(await canAct(departing, known, action))) return finish(departing, object, known)
      }
      return leaving.wakeAt ?? now + lookMs
    case 'held':
      tell(departing, object, leaving.because)
      return now + heldMs
    case 'done':
      return finish(departing, object, known)
  }
}

const done: Leaving = { kind: 'done' }

/** With --cascade=orphan pods and routes stay and serve; owners are taken off them at once. */
function staysBehind({ world }: Departing, object: KubeObject): boolean {
  const { finalizers = [] } = object.metadata
  const owner = ownerOf(object)
  const fleets = world.fleets.byIndex(byRollout, keyOf(object.metadata))
  return finalizers.includes('orphan') || fleets.some((fleet) => isOrphan(fleet, owner))
}

async function canAct(
  departing: Departing,
  observed: Observed | null,
  action: Extract<Leaving, { kind: 'act' }>['actions'][number],
): Promise<boolean> {
  if (!observed) return true
  try {
    await act(departing, observed, action)
    return true
  } catch (error) {
    if (!(error instanceof Stalled)) throw error
    tell(departing, observed.object, error.message)
    return false
  }
}

async function finish(
  departing: Departing,
  object: KubeObject,
  observed: Observed | null,
): Promise<null> {
  if (observed) await releaseWorkload(departing, observed)
  const notes = await letGo(departing, object)
  finished.add(object)
  for (const note of notes) {
    departing.journal.announced({ object }, { type: 'Warning', reason: 'NotRestored', note })
  }
  departing.memory.released.delete(object.metadata.uid ?? '')
  return null
}

/**
 * Since when no route leads to a revision and the mesh says so, where it does; after a restart of the controller,
 * since it was seen again.
 */
function released(
  { memory }: Departing,
  observed: Observed,
  since: number,
): { readonly releasedAt: number | null } {
  const { object, snapshot } = observed
  const uid = object.metadata.uid ?? ''
  if (Object.keys(snapshot.route.weights).length > 0) {
    memory.released.delete(uid)
    return { releasedAt: null }
  }
  const isWaiting = snapshot.now < since + leavingLimitMs && !isTaken(observed)
  const releasedAt = isWaiting ? snapshot.now : (memory.released.get(uid) ?? snapshot.now)
  memory.released.set(uid, releasedAt)
  return { releasedAt }
}

/** A mesh that has not taken the route of now still follows the one before, which led to our pods. */
function isTaken({ owner, rollout, routing }: Observed): boolean {
  const at = { owner, spec: rollout.spec }
  const { router, routes } = routing
  return router.routeNames(at).every((name) => {
    const route = routes.get(owner.namespace, name)
    return !route || router.acceptance(route, at).kind === 'accepted'
  })
}

function tell({ journal }: Departing, object: KubeObject, note: string): void {
  journal.announced({ object }, { type: 'Warning', reason: 'Stalled', note })
}
