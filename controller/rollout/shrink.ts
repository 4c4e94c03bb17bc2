// Pods and subsets that nothing leads to any more, out as actions, once the last requests had their time.
import { type Action, hasTraffic, type Part, sorted, type Waiting, type World } from './seen.ts'
import { podsFor } from './steps.ts'

export interface Shrink extends Part {
  readonly wakeAt: number | null
}

export const nothingToShrink: Shrink = { actions: [], waiting: null, wakeAt: null }

/** What is left of revisions without traffic: their pods first, and the names that lead to them. */
export function shrink(world: World): Shrink {
  const { want, seen, rules } = world
  const drainedAt = (seen.route.since ?? seen.now) + rules.settleMs + rules.drainMs
  const leftover = seen.fleets.filter(
    ({ revision }) => want.replicas[revision] === undefined && !hasTraffic(seen.route, revision),
  )
  const kept = new Set([...Object.keys(want.replicas), ...Object.keys(seen.route.weights)])
  const hasExtraSubset = seen.route.subsets.some((revision) => !kept.has(revision))
  if (leftover.length === 0 && !hasExtraSubset) return nothingToShrink
  if (seen.now < drainedAt) {
    const waiting: Waiting = {
      reason: 'Draining',
      message: `requests of ${leftover.map((fleet) => fleet.revision).join(', ')} are finishing`,
    }
    return { actions: [], waiting, wakeAt: drainedAt }
  }
  const actions: Action[] = []
  if (hasExtraSubset) actions.push({ kind: 'subsets', revisions: sorted([...kept]) })
  for (const { revision } of leftover) actions.push({ kind: 'remove', revision })
  return { actions, waiting: null, wakeAt: null }
}

/** Fleets larger than wanted, never below what their weight as stored needs. */
export function trim({ want, seen, rules }: World): Action[] {
  return seen.fleets.flatMap((fleet): Action[] => {
    const replicas = want.replicas[fleet.revision]
    if (replicas === undefined || fleet.desired <= replicas) return []
    const needed = podsFor(seen.route.weights[fleet.revision] ?? 0, rules.replicas)
    return [{ kind: 'scale', revision: fleet.revision, replicas: Math.max(replicas, needed) }]
  })
}
