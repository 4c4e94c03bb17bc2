// The world we want and the world as seen in; the next actions out, always in the order
// grow → shift → shrink, so that traffic only ever meets pods that are ready.
import type { Desired } from './desired.ts'
import { grow } from './grow.ts'
import {
  type Action,
  notReady,
  type Rules,
  readyOf,
  type Seen,
  type Waiting,
  type World,
} from './seen.ts'
import { shift } from './shift.ts'
import { nothingToShrink, shrink, trim } from './shrink.ts'
import { podsFor } from './steps.ts'
import { earliest } from './stored.ts'

export interface Convergence {
  readonly actions: readonly Action[]
  /** The wanted weights are live, and each revision in use has the pods it should. */
  readonly isServing: boolean
  /** Serving, and nothing is left to remove. */
  readonly isSettled: boolean
  /** When the wanted weights are or will be live; null while they are not stored or not taken. */
  readonly liveAt: number | null
  readonly waiting: Waiting | null
  readonly wakeAt: number | null
}

export function converge(want: Desired, seen: Seen, rules: Rules): Convergence {
  const world: World = { want, seen, rules }
  const grown = grow(world)
  const shifted = shift(world)
  const isLive = shifted.liveAt !== null && shifted.liveAt <= seen.now
  // Without a mesh pods that are left over would get traffic, so that they go before the weights move.
  const shrunk = isLive || rules.isByPods ? shrink(world) : nothingToShrink
  const trimmed = isLive ? trim(world) : []
  const missing = isLive ? shortOfPods(world) : null
  const previewed = preview(world)
  return {
    // A fleet that only needs its stamp must not stand in the way of traffic.
    actions: [
      ...grown.actions,
      ...shifted.actions,
      ...grown.stamps,
      ...previewed,
      ...trimmed,
      ...shrunk.actions,
    ],
    isServing:
      isLive &&
      grown.actions.length === 0 &&
      grown.stamps.length === 0 &&
      previewed.length === 0 &&
      missing === null,
    isSettled:
      isLive && trimmed.length === 0 && shrunk.actions.length === 0 && shrunk.wakeAt === null,
    liveAt: shifted.liveAt,
    waiting: grown.waiting ?? shifted.waiting ?? missing ?? shrunk.waiting,
    wakeAt: isLive ? shrunk.wakeAt : earliest(shifted.wakeAt, shrunk.wakeAt),
  }
}

/** A preview is led to a revision once there is a pod to be led to. */
function preview({ want, seen }: World): Action[] {
  const { preview: revision } = want
  if (revision === null || revision === seen.preview || readyOf(seen, revision) === 0) return []
  return [{ kind: 'preview', revision }]
}

/** The first revision in use that has fewer ready pods than it should, or null. */
function shortOfPods({ want, seen, rules }: World): Waiting | null {
  for (const [revision, replicas] of Object.entries(want.replicas)) {
    // Stable may miss a pod without blocking a trial: it needs what its share of traffic needs.
    const needed =
      revision === want.stable && Object.keys(want.weights).length > 1
        ? podsFor(want.weights[revision] ?? 0, rules.replicas)
        : replicas
    if (readyOf(seen, revision) < needed) return notReady(seen, revision, needed)
  }
  return null
}
