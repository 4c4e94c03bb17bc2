// The world we want and the world as seen in; the next actions out, always in the order
// grow → shift → shrink, so that traffic only ever meets pods that are ready.

import type { Hash } from '../../crds/revision.ts'
import { isEqual } from '../../crds/weights.ts'
import type { Desired } from './desired.ts'
import type { Fleet, Route, Weights } from './snapshot.ts'
import { podsFor } from './steps.ts'

export type Action =
  /** Create the fleet of a revision, change its size, or only restamp it. */
  | { readonly kind: 'scale'; readonly revision: Hash; readonly replicas: number }
  | { readonly kind: 'subsets'; readonly revisions: readonly Hash[] }
  | { readonly kind: 'route'; readonly weights: Weights }
  | { readonly kind: 'remove'; readonly revision: Hash }
  | { readonly kind: 'revert'; readonly bad: Hash; readonly attempt: number }

export interface Seen {
  readonly now: number
  readonly fleets: readonly Fleet[]
  readonly route: Route
}

export interface Rules {
  /** Decision that began the phase: what is in use must carry it. */
  readonly fence: number
  readonly replicas: number
  readonly settleMs: number
  readonly drainMs: number
  /** Traffic flees a revision: move what the ready pods of stable can carry, do not wait for all of them. */
  readonly isRetreat: boolean
  /** The one revision whose template we hold, and whose fleet we therefore can create. */
  readonly target: Hash
}

export interface Convergence {
  readonly actions: readonly Action[]
  /** The wanted weights are live, and each revision in use has the pods it should. */
  readonly isServing: boolean
  /** Serving, and nothing is left to remove. */
  readonly isSettled: boolean
  /** When the wanted weights are or will be live; null while they are not stored. */
  readonly liveAt: number | null
  readonly waiting: Waiting | null
  readonly wakeAt: number | null
}

export interface Waiting {
  readonly reason: 'PodsNotReady' | 'FleetGone' | 'Settling' | 'Draining'
  readonly message: string
}

export function converge(want: Desired, seen: Seen, rules: Rules): Convergence {
  const grown = grow(want, seen, rules)
  const shifted = shift(want, seen, rules)
  const isLive = shifted.liveAt !== null && shifted.liveAt <= seen.now
  const shrunk = isLive ? shrink(want, seen, rules) : nothingToShrink
  const missing = isLive ? shortOfPods(want, seen, rules) : null
  return {
    // A fleet that only needs its stamp must not stand in the way of traffic.
    actions: [...grown.actions, ...shifted.actions, ...grown.stamps, ...shrunk.actions],
    isServing:
      isLive && grown.actions.length === 0 && grown.stamps.length === 0 && missing === null,
    isSettled: isLive && shrunk.actions.length === 0 && shrunk.wakeAt === null,
    liveAt: shifted.liveAt,
    waiting: grown.waiting ?? shifted.waiting ?? missing ?? shrunk.waiting,
    wakeAt: isLive ? shrunk.wakeAt : shifted.settledAt,
  }
}

interface Part {
  readonly actions: readonly Action[]
  readonly waiting: Waiting | null
}

interface Growth extends Part {
  /** Fleets of the right size that do not carry the fence of this phase yet. */
  readonly stamps: readonly Action[]
}

function grow(want: Desired, seen: Seen, rules: Rules): Growth {
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

interface Shift extends Part {
  /** When the wanted weights are live. */
  readonly liveAt: number | null
  /** When the stored weights, wanted or not, are live. */
  readonly settledAt: number | null
}

function shift(want: Desired, seen: Seen, rules: Rules): Shift {
  const { route, now } = seen
  const world = { want, seen, rules }
  const settledAt = (route.since ?? now) + rules.settleMs
  const settling: Waiting | null =
    settledAt > now
      ? { reason: 'Settling', message: 'the weights are stored and on their way to the proxies' }
      : null
  // Scaled to zero: nobody can serve, so traffic stays where it is until there are pods again.
  if (rules.replicas === 0) return { actions: [], waiting: null, liveAt: now, settledAt: null }
  if (mustDrainFirst(want, route) || hasLostFleet(want, seen)) {
    const retreating = { ...world, rules: { ...rules, isRetreat: true } }
    return { ...move({ [want.stable]: 100 }, retreating), liveAt: null, settledAt: null }
  }
  const canaryWeight = 100 - (want.weights[want.stable] ?? 0)
  if (canaryWeight > 0 && isEqual(route.weights, { [want.stable]: 100 })) {
    // A superseded canary had its traffic until `since`: the next one gets some only when that is live.
    if (settling) return { actions: [], waiting: settling, liveAt: null, settledAt }
    return { ...move(want.weights, world), liveAt: null, settledAt: null }
  }
  if (!isEqual(route.weights, want.weights) || route.decision < rules.fence) {
    return { ...move(want.weights, world), liveAt: null, settledAt: null }
  }
  return { actions: [], waiting: settling, liveAt: settledAt, settledAt }
}

/** In a trial, a revision that is neither stable nor canary loses its traffic before the canary gets any. */
function mustDrainFirst(want: Desired, route: Route): boolean {
  const isTrial = Object.keys(want.weights).length > 1
  return (
    isTrial &&
    Object.entries(route.weights).some(
      ([revision, weight]) => weight > 0 && want.weights[revision] === undefined,
    )
  )
}

/** The fleet of a canary under traffic is not there: traffic steps back while it is made again. */
function hasLostFleet(want: Desired, { route, fleets }: Seen): boolean {
  return Object.keys(want.weights).some(
    (revision) =>
      revision !== want.stable &&
      (route.weights[revision] ?? 0) > 0 &&
      !fleets.some((fleet) => fleet.revision === revision),
  )
}

interface World {
  readonly want: Desired
  readonly seen: Seen
  readonly rules: Rules
}

function move(goal: Weights, world: World): Part {
  const { seen, rules } = world
  const known = new Set(seen.route.subsets)
  const unknown = Object.keys(goal).find((revision) => !known.has(revision))
  // The subset is on its way; a route that names it before it is seen would answer 503.
  if (unknown) return { actions: [], waiting: null }
  const short = Object.entries(goal).find(
    ([revision, weight]) =>
      weight > (seen.route.weights[revision] ?? 0) &&
      (fleetOf(seen, revision)?.ready ?? 0) < podsFor(weight, rules.replicas),
  )
  if (!short) return { actions: [{ kind: 'route', weights: goal }], waiting: null }
  const [revision, weight] = short
  const waiting = notReady(seen, revision, podsFor(weight, rules.replicas))
  const part = rules.isRetreat ? retreat(world) : null
  return { actions: part ? [{ kind: 'route', weights: part }] : [], waiting }
}

/** As much traffic on stable as its ready pods can carry, when not all of them are ready; null for no change. */
function retreat({ want, seen, rules }: World): Weights | null {
  const { weights } = seen.route
  const ready = fleetOf(seen, want.stable)?.ready ?? 0
  const others = Object.keys(weights).filter((revision) => revision !== want.stable)
  const areOthersDead = others.every((revision) => (fleetOf(seen, revision)?.ready ?? 0) === 0)
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

interface Shrink extends Part {
  readonly wakeAt: number | null
}

const nothingToShrink: Shrink = { actions: [], waiting: null, wakeAt: null }

function shrink(want: Desired, seen: Seen, rules: Rules): Shrink {
  const drainedAt = (seen.route.since ?? seen.now) + rules.settleMs + rules.drainMs
  const leftover = seen.fleets.filter(
    ({ revision }) =>
      want.replicas[revision] === undefined && (seen.route.weights[revision] ?? 0) === 0,
  )
  const tooLarge = seen.fleets.flatMap((fleet): Action[] => {
    const replicas = want.replicas[fleet.revision]
    if (replicas === undefined || fleet.desired <= replicas) return []
    const needed = podsFor(seen.route.weights[fleet.revision] ?? 0, rules.replicas)
    return [{ kind: 'scale', revision: fleet.revision, replicas: Math.max(replicas, needed) }]
  })
  const kept = new Set([...Object.keys(want.replicas), ...Object.keys(seen.route.weights)])
  const hasExtraSubset = seen.route.subsets.some((revision) => !kept.has(revision))
  if (leftover.length === 0 && !hasExtraSubset) return { ...nothingToShrink, actions: tooLarge }
  if (seen.now < drainedAt) {
    const waiting: Waiting = {
      reason: 'Draining',
      message: `requests of ${leftover.map((fleet) => fleet.revision).join(', ')} are finishing`,
    }
    return { actions: tooLarge, waiting, wakeAt: drainedAt }
  }
  const actions: Action[] = [...tooLarge]
  if (hasExtraSubset) actions.push({ kind: 'subsets', revisions: sorted([...kept]) })
  for (const { revision } of leftover) actions.push({ kind: 'remove', revision })
  return { actions, waiting: null, wakeAt: null }
}

/** The first revision in use that has fewer ready pods than it should, or null. */
function shortOfPods(want: Desired, seen: Seen, rules: Rules): Waiting | null {
  for (const [revision, replicas] of Object.entries(want.replicas)) {
    // Stable may miss a pod without blocking a trial: it needs what its share of traffic needs.
    const needed =
      revision === want.stable && Object.keys(want.weights).length > 1
        ? podsFor(want.weights[revision] ?? 0, rules.replicas)
        : replicas
    if ((fleetOf(seen, revision)?.ready ?? 0) < needed) return notReady(seen, revision, needed)
  }
  return null
}

function notReady(seen: Seen, revision: Hash, needed: number): Waiting {
  const fleet = fleetOf(seen, revision)
  const trouble = fleet?.trouble ? `: ${fleet.trouble}` : ''
  return {
    reason: 'PodsNotReady',
    message: `${fleet?.ready ?? 0} of ${needed} pods of revision ${revision} are ready${trouble}`,
  }
}

function fleetOf(seen: Seen, revision: Hash): Fleet | undefined {
  return seen.fleets.find((fleet) => fleet.revision === revision)
}

function sorted(revisions: readonly Hash[]): Hash[] {
  return [...new Set(revisions)].sort()
}
