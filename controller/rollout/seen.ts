// The world as seen and the rules it is brought in order by: the words that grow, shift and shrink share.
import type { Hash } from '../../crds/revision.ts'
import { isEqual } from '../../crds/weights.ts'
import type { Desired } from './desired.ts'
import type { Aside, Fleet, Route, Weights } from './snapshot.ts'
import { isSame } from './stored.ts'

export type Action =
  /** Create the fleet of a revision, change its size, or only restamp it. */
  | { readonly kind: 'scale'; readonly revision: Hash; readonly replicas: number }
  | { readonly kind: 'subsets'; readonly revisions: readonly Hash[] }
  | { readonly kind: 'route'; readonly weights: Weights; readonly aside: Aside | null }
  | { readonly kind: 'remove'; readonly revision: Hash }
  /** Lead the preview Service to a revision. */
  | { readonly kind: 'preview'; readonly revision: Hash }
  /** The size of a user's Deployment, and whether it may roll its pods itself. */
  | {
      readonly kind: 'workload'
      readonly name: string
      readonly replicas: number
      readonly isHeld: boolean
    }
  | { readonly kind: 'evict'; readonly revision: Hash; readonly pod: string; readonly uid: string }
  /** Leave no trace in routes: a Service's own pods get its requests again. */
  | { readonly kind: 'release' }
  | { readonly kind: 'revert'; readonly bad: Hash; readonly attempt: number }

export interface Seen {
  readonly now: number
  readonly fleets: readonly Fleet[]
  readonly route: Route
  /** The revision that the preview Service leads to; null without one. */
  readonly preview: Hash | null
}

export interface Rules {
  /** Decision that began the phase: what is in use must carry it. */
  readonly fence: number
  readonly replicas: number
  readonly settleMs: number
  /** From the first ready pod of a revision until proxies know of it. */
  readonly warmMs: number
  readonly drainMs: number
  /** Traffic flees a revision: move what the ready pods of stable can carry, do not wait for all of them. */
  readonly isRetreat: boolean
  /** The one revision whose template we hold, and whose fleet we therefore can create. */
  readonly target: Hash
  /** Shares are those of ready pods: one pod of a revision is enough for any weight but all. */
  readonly isByPods: boolean
  /** Somebody else wins each time: until then the weights are left to them, except to flee; null for never. */
  readonly yieldUntil: number | null
}

export interface World {
  readonly want: Desired
  readonly seen: Seen
  readonly rules: Rules
}

export interface Waiting {
  readonly reason:
    | 'PodsNotReady'
    | 'FleetGone'
    | 'Accepting'
    | 'Rejected'
    | 'Settling'
    | 'Draining'
    | 'Contested'
    | 'Adopting'
    | 'AdoptionHeld'
    | 'Restarting'
  readonly message: string
}

export interface Part {
  readonly actions: readonly Action[]
  readonly waiting: Waiting | null
}

/** Whether a route already says what is wanted of it. */
export function isAsWanted(route: Route, weights: Weights, aside: Aside | null): boolean {
  return isEqual(route.weights, weights) && isSame(route.aside, aside)
}

/** Whether a revision gets requests by its weight or beside it. */
export function hasTraffic({ weights, aside }: Route, revision: Hash): boolean {
  return (weights[revision] ?? 0) > 0 || aside?.revision === revision
}

export function readyOf(seen: Pick<Seen, 'fleets'>, revision: Hash): number {
  return fleetOf(seen, revision)?.ready ?? 0
}

export function fleetOf({ fleets }: Pick<Seen, 'fleets'>, revision: Hash): Fleet | undefined {
  return fleets.find((fleet) => fleet.revision === revision)
}

export function notReady(seen: Seen, revision: Hash, needed: number): Waiting {
  const fleet = fleetOf(seen, revision)
  const trouble = fleet?.trouble ? `: ${fleet.trouble}` : ''
  return {
    reason: 'PodsNotReady',
    message: `${fleet?.ready ?? 0} of ${needed} pods of revision ${revision} are ready${trouble}`,
  }
}

export function sorted(revisions: readonly Hash[]): Hash[] {
  return [...new Set(revisions)].sort()
}
