// Weights that are not the wanted ones, out as one write of the route; never to pods that are not ready.
import { isEqual } from '../../crds/weights.ts'
import type { Desired } from './desired.ts'
import {
  type Action,
  fleetOf,
  hasTraffic,
  isAsWanted,
  notReady,
  type Part,
  readyOf,
  type Seen,
  type Waiting,
  type World,
} from './seen.ts'
import type { Aside, Route, Weights } from './snapshot.ts'
import { podsFor } from './steps.ts'

export interface Shift extends Part {
  /** When the wanted weights are live. */
  readonly liveAt: number | null
  /** When time alone may change what is to be done. */
  readonly wakeAt: number | null
}

interface Move extends Part {
  readonly wakeAt: number | null
}

export function shift(world: World): Shift {
  const { want, seen, rules } = world
  const { route, now } = seen
  const settledAt = (route.since ?? now) + rules.settleMs
  // What only the mesh can say comes as an event: a time that is over must not be waited for again and again.
  const wakeAt = settledAt > now ? settledAt : null
  const underWay = route.untaken ? notTaken(route.untaken) : settling(settledAt, now)
  // Scaled to zero: nobody can serve, so traffic stays where it is until there are pods again.
  if (rules.replicas === 0) return { actions: [], waiting: null, liveAt: now, wakeAt: null }
  if (mustDrainFirst(want, route) || hasLostFleet(want, seen)) {
    const retreating = { ...world, rules: { ...rules, isRetreat: true } }
    return { ...move(alone(want), retreating), liveAt: null }
  }
  const isOnTrial = want.aside !== null || (want.weights[want.stable] ?? 0) < 100
  const stray = isOnTrial ? strayPods(world) : null
  if (isOnTrial && isEqual(route.weights, alone(want).weights)) {
    // A superseded canary had its traffic until `since`: the next one gets some only when that is live.
    if (underWay) return { actions: [], waiting: underWay, liveAt: null, wakeAt }
    if (!stray) return { ...move(want, world), liveAt: null }
  }
  if (stray) return { actions: [], waiting: stray, liveAt: null, wakeAt }
  if (!isAsWanted(route, want.weights, want.aside) || route.decision < rules.fence) {
    return { ...move(want, world), liveAt: null }
  }
  const liveAt = route.untaken ? null : settledAt
  return { actions: [], waiting: underWay, liveAt, wakeAt }
}

interface Goal {
  readonly weights: Weights
  readonly aside: Aside | null
}

function alone({ stable }: Desired): Goal {
  return { weights: { [stable]: 100 }, aside: null }
}

/** In a trial, a revision that is neither stable nor canary loses its traffic before the canary gets any. */
function mustDrainFirst(want: Desired, route: Route): boolean {
  const isTrial = Object.keys(want.weights).length > 1
  const served = [...Object.keys(route.weights), ...(route.aside ? [route.aside.revision] : [])]
  return (
    isTrial &&
    served.some((revision) => hasTraffic(route, revision) && want.weights[revision] === undefined)
  )
}

/** The fleet of a canary under traffic is not there, or of no size: traffic steps back while it is made again. */
function hasLostFleet(want: Desired, { route, fleets }: Seen): boolean {
  return Object.keys(want.weights).some(
    (revision) =>
      revision !== want.stable &&
      hasTraffic(route, revision) &&
      !fleets.some((fleet) => fleet.revision === revision && fleet.desired > 0),
  )
}

/** Once the selector picks all pods, it picks those of a revision that is on its way out, too. */
function strayPods({ want, seen, rules }: World): Waiting | null {
  // A step without traffic names the canary with weight 0, and the selector is pinned all the same.
  const isPinned = Object.entries(seen.route.weights).every(
    ([revision, weight]) => weight === 0 || revision === want.stable,
  )
  if (!rules.isByPods || !isPinned) return null
  const stray = seen.fleets.find(({ revision }) => want.weights[revision] === undefined)
  return stray
    ? { reason: 'Draining', message: `pods of revision ${stray.revision} are not gone yet` }
    : null
}

function settling(settledAt: number, now: number): Waiting | null {
  const message = 'the weights are stored and on their way to the proxies'
  return settledAt > now ? { reason: 'Settling', message } : null
}

function notTaken({ isRejected, because }: NonNullable<Route['untaken']>): Waiting {
  return isRejected
    ? { reason: 'Rejected', message: `the mesh refuses the route: ${because}` }
    : { reason: 'Accepting', message: `the mesh has not taken the route yet: ${because}` }
}

function move(goal: Goal, world: World): Move {
  const { seen, rules } = world
  const { weights, aside } = goal
  const known = new Set(seen.route.subsets)
  const unknown = Object.keys(weights).find((revision) => !known.has(revision))
  // The subset is on its way; a route that names it before it is seen would answer 503.
  if (unknown) return { actions: [], waiting: null, wakeAt: null }
  if (rules.yieldUntil !== null && seen.now < rules.yieldUntil && !rules.isRetreat) {
    const message = `somebody else writes the weights again and again; they are left alone until it has been quiet for a minute`
    return { actions: [], waiting: { reason: 'Contested', message }, wakeAt: rules.yieldUntil }
  }
  const gaining = Object.keys(weights).filter((revision) => gains(goal, seen.route, revision))
  const short = gaining.find(
    (revision) => readyOf(seen, revision) < podsOf(weights[revision] ?? 0, revision, world),
  )
  if (short === undefined) {
    const cold = rules.isRetreat ? null : warming(gaining, world)
    return cold ?? { actions: [{ kind: 'route', weights, aside }], waiting: null, wakeAt: null }
  }
  const waiting = notReady(seen, short, podsOf(weights[short] ?? 0, short, world))
  const part = rules.isRetreat ? retreat(world) : null
  const actions: Action[] = part ? [{ kind: 'route', weights: part, aside: null }] : []
  return { actions, waiting, wakeAt: null }
}

/** The first requests of a revision wait until proxies know its pods. */
function warming(gaining: readonly string[], { seen, rules }: World): Move | null {
  for (const revision of gaining) {
    const since = fleetOf(seen, revision)?.servingSince
    const wakeAt = (since ?? 0) + rules.warmMs
    if (since === undefined || hasTraffic(seen.route, revision) || seen.now >= wakeAt) continue
    const message = `the first pods of revision ${revision} are ready, and proxies learn of them`
    return { actions: [], waiting: { reason: 'Settling', message }, wakeAt }
  }
  return null
}

function gains({ weights, aside }: Goal, route: Route, revision: string): boolean {
  const isNewAside = aside?.revision === revision && route.aside?.revision !== revision
  return isNewAside || (weights[revision] ?? 0) > (route.weights[revision] ?? 0)
}

/** Ready pods that a weight needs. Without a mesh their number is the weight. */
function podsOf(weight: number, revision: string, { want, rules }: World): number {
  const wanted = want.replicas[revision] ?? 0
  if (rules.isByPods && !rules.isRetreat && revision !== want.stable) return wanted
  const isBeside = want.aside?.revision === revision
  return Math.max(podsFor(weight, rules.replicas), isBeside ? Math.min(1, wanted) : 0)
}

/** As much traffic on stable as its ready pods can carry, when not all of them are ready; null for no change. */
function retreat({ want, seen, rules }: World): Weights | null {
  const { weights } = seen.route
  const ready = fleetOf(seen, want.stable)?.ready ?? 0
  const others = Object.keys(weights).filter((revision) => revision !== want.stable)
  const areOthersDead = others.every((revision) => readyOf(seen, revision) === 0)
  // Pods that are all gone answer nothing: any ready pod of stable is better than them.
  const share = areOthersDead && ready > 0 ? 100 : Math.floor((100 * ready) / rules.replicas)
  const stable = Math.min(100, share)
  const from = others.reduce(
    (a, b) => ((weights[a] ?? 0) >= (weights[b] ?? 0) ? a : b),
    others[0] ?? '',
  )
  if (stable <= (weights[want.stable] ?? 0)) return null
  return from === '' || stable === 100
    ? { [want.stable]: 100 }
    : { [want.stable]: stable, [from]: 100 - stable }
}
