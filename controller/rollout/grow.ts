// Pods and subsets that are missing, out as actions: what traffic will need is there before traffic.
import { type Action, fleetOf, type Part, sorted, type Waiting, type World } from './seen.ts'

export interface Growth extends Part {
  /** Fleets of the right size that do not carry the fence of this phase yet. */
  readonly stamps: readonly Action[]
}

export function grow({ want, seen, rules }: World): Growth {
  const actions: Action[] = []
  const stamps: Action[] = []
  let waiting: Waiting | null = null
  for (const [revision, replicas] of Object.entries(want.replicas)) {
    const fleet = fleetOf(seen, revision)
    if (!fleet && revision !== rules.target) {
      waiting = {
        reason: 'FleetGone',
        message:
          `the ReplicaSet of revision ${revision} is gone and its template is not the one asked for; ` +
          'set the Rollout to that revision again, or promote another',
      }
    } else if (!fleet || fleet.desired < replicas) {
      actions.push({ kind: 'scale', revision, replicas })
    } else if (fleet.decision < rules.fence) {
      stamps.push({ kind: 'scale', revision, replicas: fleet.desired })
    }
  }
  const known = new Set(seen.route.subsets)
  // What a route still names has a subset too: without it the mesh answers 503 for its share.
  const needed = [...Object.keys(want.replicas), ...Object.keys(seen.route.weights)]
  if (needed.some((revision) => !known.has(revision))) {
    actions.push({ kind: 'subsets', revisions: sorted([...known, ...needed]) })
  }
  return { actions, waiting, stamps }
}
