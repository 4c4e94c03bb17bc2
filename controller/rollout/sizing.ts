// Stable at rest in, the size it has while its pods are exchanged for those of a Deployment, or restarted, out;
// with what is to be done besides. In a trial nothing of this happens.
import { adopt, type Workload } from './adopt.ts'
import { restartOf } from './restart.ts'
import type { Action, Waiting } from './seen.ts'
import type { Fleet, Snapshot } from './snapshot.ts'
import type { State } from './state.ts'

export interface Sizing {
  /** Pods of stable, in place of `spec.replicas`. */
  readonly replicas: number
  readonly actions: readonly Action[]
  /** What is going on, in a sentence; null when it is no news. */
  readonly waiting: Waiting | null
  /** When to look again although nothing was told; ms since epoch. */
  readonly wakeAt: number | null
}

/** Null when stable has the size that was asked for. */
export function sizingOf(snapshot: Snapshot, state: State): Sizing | null {
  const { kind } = state.phase
  if ((kind !== 'Stable' && kind !== 'Aborted') || !state.stable) return null
  const adoption = adoptionOf(snapshot, state.stable.revision)
  // A trial may begin before all pods were taken over: after its abort they are not needed either.
  if (kind === 'Aborted') return isServing(snapshot) ? adoption : null
  if (adoption) return adoption
  const restart = restartOf(snapshot, state)
  if (!restart) return null
  const { left, replicas, evict, at } = restart
  const fleet = snapshot.fleets.find(({ revision }) => revision === state.stable?.revision)
  const message = `${left} pods are older than ${at}, and one at a time is replaced${troubleOf(fleet)}`
  return {
    replicas,
    actions: evict ? [evict] : [],
    waiting: left > 0 ? { reason: 'Restarting', message } : null,
    // Changes of pods are kept, not told.
    wakeAt: left > 0 ? snapshot.now + 2_000 : null,
  }
}

function adoptionOf(snapshot: Snapshot, revision: string): Sizing | null {
  const { workload, spec, fleets } = snapshot
  if (!workload || (workload.desired === 0 && !workload.isHeld)) return null
  const fleet = fleets.find((one) => one.revision === revision)
  const side = { desired: fleet?.desired ?? 0, ready: fleet?.ready ?? 0 }
  const sizes = adopt(spec.replicas, workload, side)
  const size = (replicas: number, isHeld: boolean): Action[] =>
    replicas === workload.desired && isHeld === workload.isHeld
      ? []
      : [{ kind: 'workload', name: workload.name, replicas, isHeld }]
  // Traffic is on our pods already: what somebody started beside them is not needed.
  if (isServing(snapshot)) {
    const actions = size(sizes.workload, false)
    return { replicas: spec.replicas, actions, waiting: null, wakeAt: null }
  }
  const obstacle = workload.isHeld ? null : obstacleOf(workload, spec.replicas)
  if (obstacle !== null) {
    const waiting: Waiting = { reason: 'AdoptionHeld', message: obstacle }
    return { replicas: side.desired, actions: [], waiting, wakeAt: null }
  }
  const message = `${side.ready} of ${spec.replicas} pods have taken over from Deployment ${workload.name}${troubleOf(fleet)}`
  return {
    replicas: sizes.fleet,
    // First it is kept from rolling, so that what it runs stays what was read.
    actions: workload.isHeld
      ? size(sizes.workload, sizes.workload > 0)
      : size(workload.desired, true),
    waiting: { reason: 'Adopting', message },
    wakeAt: null,
  }
}

/** Traffic is on pods of ours alone. */
function isServing({ route }: Snapshot): boolean {
  return Object.keys(route.weights).length > 0
}

/** Why the exchange may not begin. */
function obstacleOf(workload: Workload, replicas: number): string | null {
  const { name, desired, problem, isSettled } = workload
  if (problem !== null) return problem
  if (desired > replicas) {
    return `Deployment ${name} runs ${desired} pods and spec.replicas is ${replicas}: make them equal, so that nothing is lost`
  }
  return isSettled
    ? null
    : `Deployment ${name} is still rolling out: its pods are taken over after that`
}

function troubleOf(fleet: Fleet | undefined): string {
  return fleet?.trouble ? `: ${fleet.trouble}` : ''
}
