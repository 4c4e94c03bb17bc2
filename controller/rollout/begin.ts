// A Rollout without a stored state in, its first phase out: a new one, or one whose status was lost.
import type { Hash } from '../../crds/revision.ts'
import { nameOf } from './revision.ts'
import type { Snapshot } from './snapshot.ts'
import type { Advance } from './state.ts'

export function begin(snapshot: Snapshot): Advance {
  const { target } = snapshot
  const serving = servingNow(snapshot)
  if (serving !== null && serving !== target.revision) {
    return {
      phase: { kind: 'Stable' },
      stable: { revision: serving },
      because: `the status was lost: revision ${serving} serves most traffic, so it counts as stable`,
      isNewAttempt: false,
    }
  }
  return {
    phase: { kind: 'Stable' },
    stable: target,
    because: `revision ${nameOf(target)} is the first, so there is nothing to compare it with`,
    isNewAttempt: false,
  }
}

/** The revision with most traffic, of equal ones not the target: what a lost status must have called stable. */
function servingNow({ route, fleets, target }: Snapshot): Hash | null {
  const served = Object.entries(route.weights).filter(
    ([revision, weight]) => weight > 0 && fleets.some((fleet) => fleet.revision === revision),
  )
  const rank = ([revision, weight]: [Hash, number]) =>
    weight - (revision === target.revision ? 0.5 : 0)
  const [most] = served.toSorted((a, b) => rank(b) - rank(a))
  return most?.[0] ?? null
}
