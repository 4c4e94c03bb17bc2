// One tick of one Rollout: observe → decide → act. Returns when to look again.
import type { RolloutStatus } from '../crds/rollout-status.ts'
import { rollouts } from '../kube/resources.ts'
import { act, storeStatus } from './act/act.ts'
import { depart } from './act/depart.ts'
import { type Hands, refusalOf, Stalled } from './act/hands.ts'
import { shadowsNear } from './act/shadowed.ts'
import { endPromise } from './act/write-traffic.ts'
import { findNamed } from './observe/find-named.ts'
import { type Memory, type Observed, observe, type Unreadable } from './observe/observe.ts'
import { isGoing } from './observe/parsed.ts'
import { type Decision, decide, decideRefused } from './rollout/decide.ts'
import type { Announcement } from './rollout/describe.ts'
import { assertInvariants } from './rollout/invariants.ts'
import { UnreadableStatus } from './rollout/state.ts'
import { earliest, isSame } from './rollout/stored.ts'

/** Told of everything that happens; turns it into logs, events and metrics. */
export interface Journal {
  decided(observed: Observed, decision: Decision): void
  announced(about: { readonly object: Observed['object'] }, announcement: Announcement): void
}

export interface Reconciler extends Hands {
  readonly memory: Memory
  readonly journal: Journal
}

/** When a person has to mend something outside the Rollout, we look again this often, ms. */
const stalledRetryMs = 30_000

/**
 * Ticks one Rollout, by namespace and name. Resolves with the time of the next tick in ms since epoch,
 * or null to wait for a change. Rejects with what the queue should retry with back-off.
 */
export async function reconcile(
  reconciler: Reconciler,
  namespace: string,
  name: string,
): Promise<number | null> {
  const now = reconciler.clock.now()
  const object = reconciler.world.rollouts.get(namespace, name)
  if (object && isGoing(object)) return depart(reconciler, object)
  await findNamed(reconciler, { namespace, name })
  const observed = observe({ ...reconciler, now }, namespace, name)
  if (!observed) return null
  if ('problem' in observed) return holdUnreadable(reconciler, observed)
  try {
    return earliest(await tick(reconciler, observed), observed.wakeAt)
  } catch (error) {
    if (error instanceof UnreadableStatus) {
      return holdUnreadable(reconciler, { object: observed.object, problem: error.message })
    }
    if (!(error instanceof Stalled)) throw error
    const { message } = error
    reconciler.journal.announced(observed, { type: 'Warning', reason: 'Stalled', note: message })
    return now + stalledRetryMs
  }
}

async function tick(reconciler: Reconciler, observed: Observed): Promise<number | null> {
  const decision = decide(observed.snapshot)
  assertInvariants(observed.snapshot, decision)
  if (decision.status) {
    await storeStatus(reconciler, observed.object, decision.status)
  }
  reconciler.journal.decided(observed, decision)
  for (const announcement of decision.announcements) {
    reconciler.journal.announced(observed, announcement)
    // Nothing waits for this: it only tells.
    if (announcement.reason === 'Started') void tellShadows(reconciler, observed)
  }
  const retryAt = await carryOut(reconciler, observed, decision)
  if (retryAt !== null) return earliest(retryAt, decision.wakeAt)
  if (!decision.status && decision.actions.length === 0) await endPromise(reconciler, observed)
  return decision.wakeAt
}

/**
 * Resolves with when to go on: later for what is not taken until a person mends it, at once when traffic was moved
 * and the rest may wait until others had moved theirs; null when all was done.
 */
async function carryOut(
  reconciler: Reconciler,
  observed: Observed,
  { actions }: Decision,
): Promise<number | null> {
  for (const [i, action] of actions.entries()) {
    try {
      await act(reconciler, observed, action)
      const isMore = i + 1 < actions.length
      if (action.kind === 'route' && isMore) return reconciler.clock.now()
    } catch (error) {
      // A budget refuses an eviction now and allows it soon; a restart tells of it itself.
      const refusal = action.kind === 'evict' ? null : refusalOf(error)
      if (refusal === null) throw error
      await tellRefusal(reconciler, observed, refusal)
      return reconciler.clock.now() + stalledRetryMs
    }
  }
  return null
}

async function tellRefusal(
  reconciler: Reconciler,
  { object, owner, snapshot }: Observed,
  refusal: string,
): Promise<void> {
  const { status, announcements } = decideRefused(snapshot, refusal)
  if (!status) return
  // A finalizer may have been set since it was observed. One of the same name, or of another status, is another matter.
  const stored = reconciler.world.rollouts.get(owner.namespace, owner.name) ?? object
  const isOther = stored.metadata.uid !== object.metadata.uid
  if (isOther || !isSame(stored['status'], object['status'])) return
  await storeStatus(reconciler, stored, status)
  for (const one of announcements) reconciler.journal.announced({ object }, one)
}

async function tellShadows(reconciler: Reconciler, observed: Observed): Promise<void> {
  try {
    for (const note of await shadowsNear(reconciler, observed)) {
      reconciler.journal.announced(observed, { type: 'Warning', reason: 'Shadowed', note })
    }
  } catch {
    // What can not be listed can not be told; the trial itself says what it misses.
  }
}

/** Nothing of such a Rollout is changed but one condition that says so. */
async function holdUnreadable(
  reconciler: Reconciler,
  { object, problem }: Unreadable,
): Promise<null> {
  const before: RolloutStatus['conditions'] = object['status']?.conditions
  const message = problem.slice(0, 4096)
  if (
    before?.some((condition) => condition.reason === 'Invalid' && condition.message === message)
  ) {
    return null
  }
  reconciler.journal.announced({ object }, { type: 'Warning', reason: 'Invalid', note: problem })
  const at = new Date(reconciler.clock.now()).toISOString()
  const { namespace, name, generation } = object.metadata
  const common = { reason: 'Invalid', message, lastTransitionTime: at }
  const conditions = [
    { type: 'Ready', status: 'False', ...common, observedGeneration: generation ?? 0 },
    { type: 'Reconciling', status: 'False', ...common, observedGeneration: generation ?? 0 },
    { type: 'Stalled', status: 'True', ...common, observedGeneration: generation ?? 0 },
  ]
  const blockedBy = { reason: 'Invalid', message: problem.slice(0, 1024), since: at }
  const key = { namespace, name }
  // The version is the precondition: a write that lands late must not speak of a status that was mended.
  const { resourceVersion } = object.metadata
  const body = { metadata: { resourceVersion }, status: { conditions, blockedBy } }
  const options = { subresource: 'status' } as const
  const written = await reconciler.api.patch(rollouts, key, 'merge', body, options)
  reconciler.world.rollouts.learn(written)
  return null
}
