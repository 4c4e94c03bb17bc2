// A Rollout that is being deleted in, what is left to do before it may go out: traffic on stable alone, other
// revisions gone, routes as they were, and the pods of a Deployment in place of ours.
import { durationMs } from '../../crds/duration.ts'
import { giveBack } from './adopt.ts'
import { see } from './decide.ts'
import { isQuarantined } from './revision.ts'
import type { Action } from './seen.ts'
import type { Snapshot } from './snapshot.ts'
import { readState, type State } from './state.ts'

export type Leaving =
  | { readonly kind: 'act'; readonly actions: readonly Action[]; readonly wakeAt: number | null }
  /** Only a person can go on. */
  | { readonly kind: 'held'; readonly because: string }
  /** Nothing is left but what the deletion itself takes away. */
  | { readonly kind: 'done' }

/** After this time a Rollout goes whatever its traffic does, so that no deletion waits for ever, ms. */
export const leavingLimitMs = 600_000

export interface Going {
  /** When it was deleted, ms since epoch. */
  readonly since: number
  /** When no route led to a revision any more, ms since epoch; null while one does. */
  readonly releasedAt: number | null
}

export function leave(snapshot: Snapshot, going: Going): Leaving {
  const state = readState(snapshot.status)
  if (!state.stable) return { kind: 'done' }
  const isLate = snapshot.now >= going.since + leavingLimitMs
  const retreat = going.releasedAt !== null || isLate ? null : toStable(snapshot, state)
  if (retreat) return retreat
  if (!snapshot.workload) return { kind: 'done' }
  return toWorkload(snapshot, state.stable.revision, going)
}

/** As after an abort: traffic to stable, and what has none any more goes. No fleet is made, one may grow. */
function toStable(snapshot: Snapshot, state: State): Leaving | null {
  if (Object.keys(snapshot.route.weights).length === 0) return null
  const seen = see(snapshot, { ...state, phase: { kind: 'Stable' } })
  const actions = (seen?.actions ?? []).filter(
    (action) =>
      action.kind !== 'revert' && (action.kind !== 'scale' || isGrowth(snapshot, action.revision)),
  )
  if (!seen || (actions.length === 0 && seen.isSettled)) return null
  return { kind: 'act', actions, wakeAt: seen.wakeAt }
}

/** Stable that shrank as its traffic left needs its pods before that comes back. */
function isGrowth({ fleets, route, spec }: Snapshot, revision: string): boolean {
  const fleet = fleets.find((one) => one.revision === revision)
  const isAlone = route.weights[revision] === 100
  return fleet !== undefined && !isAlone && fleet.desired < spec.replicas
}

function toWorkload(snapshot: Snapshot, stable: string, going: Going): Leaving {
  const { workload, spec, status, fleets, target, now } = snapshot
  if (!workload) return { kind: 'done' }
  if (isQuarantined(status, target)) {
    return {
      kind: 'held',
      because: `Deployment ${workload.name} asks for revision ${target.revision}, which failed: set it to a good one, and its pods take over again`,
    }
  }
  // The watch tells when it is done; a mesh whose kind is gone for now must not be asked without a pause.
  if (going.releasedAt === null) {
    return { kind: 'act', actions: [{ kind: 'release' }], wakeAt: null }
  }
  const fleet = fleets.find(({ revision }) => revision === stable)
  const side = { desired: fleet?.desired ?? 0, ready: fleet?.ready ?? 0 }
  const sizes = giveBack(spec.replicas, workload, side)
  const actions: Action[] = []
  if (sizes.workload !== workload.desired || workload.isHeld) {
    const { name } = workload
    actions.push({ kind: 'workload', name, replicas: sizes.workload, isHeld: false })
  }
  // Until proxies know that the route is gone, they send everything to our pods alone.
  const shrinksAt = going.releasedAt + durationMs(spec.traffic.settle)
  if (fleet && sizes.fleet < fleet.desired && now >= shrinksAt) {
    actions.push({ kind: 'scale', revision: stable, replicas: sizes.fleet })
  }
  const isOver = actions.length === 0 && side.desired === 0 && workload.ready >= spec.replicas
  return isOver
    ? { kind: 'done' }
    : { kind: 'act', actions, wakeAt: now < shrinksAt ? shrinksAt : null }
}
