// The decision: a snapshot in; either the next stored status or the next actions out, never both.
// Pure, synchronous and total: no I/O, no clock, no randomness.
import { durationMs } from '../../crds/duration.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import { advance } from './advance.ts'
import { type Convergence, converge } from './converge.ts'
import { type Announcement, announce } from './describe.ts'
import { desired, isByPods } from './desired.ts'
import { recordFacts } from './facts.ts'
import { yieldUntil } from './gate.ts'
import { recordAdvance, recordCatchUp, recordRevert } from './record.ts'
import { restartDueAt } from './restart.ts'
import { restore, restoresAt } from './restoring.ts'
import type { Action } from './seen.ts'
import { type Sizing, sizingOf } from './sizing.ts'
import type { Obstacle, Snapshot } from './snapshot.ts'
import { type Advance, readState, type State } from './state.ts'
import { earliest } from './stored.ts'
import { type Wait, waitingFor } from './waiting.ts'

export interface Decision {
  /** The status to store before anything else happens, or null to leave it. */
  readonly status: RolloutStatus | null
  /** What to do now, in this order. Empty when `status` is not null. */
  readonly actions: readonly Action[]
  /** When to decide again even if nothing happens; ms since epoch. */
  readonly wakeAt: number | null
  /** Why, in a sentence a user may read. */
  readonly because: string
  readonly announcements: readonly Announcement[]
}

export function decide(snapshot: Snapshot): Decision {
  const state = readState(snapshot.status)
  if (snapshot.obstacle) return hold(snapshot, state, snapshot.obstacle)
  const behind = recordCatchUp(snapshot, state)
  if (behind) return { ...behind, actions: [], wakeAt: snapshot.now, announcements: [] }
  const seen = see(snapshot, state)
  const next = advance(snapshot, state, seen)
  if (next) return move(snapshot, state, next)
  const reverted = recordRevert(snapshot, state)
  if (reverted) return { ...reverted, actions: [], wakeAt: snapshot.now }
  if (!seen)
    throw new Error('only a new Rollout has nothing to converge to, and it always advances')
  return settle(snapshot, state, seen)
}

/**
 * Routes and endpoints reach proxies on two ways: a route that is there before the pods it leads to answers 503.
 * Both ways are fast; this is the most by which the way of the endpoints is longer.
 */
const warmMs = 500

/** How far the world is from what the state wants; null for a Rollout without a state. */
export function see(snapshot: Snapshot, state: State): Convergence | null {
  const { spec, target } = snapshot
  const asked = desired(state, spec, snapshot.route)
  if (!asked) return null
  const sizing = sizingOf(snapshot, state)
  const replicas = sizing ? { [asked.stable]: sizing.replicas } : asked.replicas
  const seen = converge({ ...asked, replicas }, snapshot, {
    fence: state.fence,
    replicas: spec.replicas,
    settleMs: durationMs(spec.traffic.settle),
    warmMs: Math.min(warmMs, durationMs(spec.traffic.settle)),
    drainMs: drainMsOf(state, spec),
    isRetreat: state.phase.kind === 'Aborted',
    target: target.revision,
    isByPods: isByPods(spec),
    yieldUntil: yieldUntil(snapshot),
  })
  return sizing ? resized(seen, sizing) : seen
}

function resized(seen: Convergence, sizing: Sizing): Convergence {
  // A pod goes only from a fleet that is as it should be.
  const isCalm = seen.actions.length === 0
  const more = sizing.actions.filter(({ kind }) => kind !== 'evict' || isCalm)
  const waiting = sizing.waiting ?? seen.waiting
  const wakeAt = earliest(seen.wakeAt, sizing.wakeAt)
  return { ...seen, actions: [...seen.actions, ...more], waiting, wakeAt }
}

/** The old revision of a blue-green stays for as long as was asked; a failed one goes when it is drained. */
function drainMsOf({ phase }: State, { traffic, blueGreen }: Snapshot['spec']): number {
  const drainMs = durationMs(traffic.drain)
  return phase.kind === 'Aborted' ? drainMs : Math.max(drainMs, durationMs(blueGreen?.keep ?? '0s'))
}

function move(snapshot: Snapshot, state: State, next: Advance): Decision {
  const { status, after } = recordAdvance(snapshot, state, next)
  return {
    status,
    actions: [],
    wakeAt: snapshot.now,
    because: next.because,
    announcements: [announce(state, after, next.because)],
  }
}

function settle(snapshot: Snapshot, state: State, seen: Convergence): Decision {
  const wait = waitingFor(snapshot, state, seen)
  const actions = [...seen.actions, ...restore(snapshot, state, seen)]
  const because = wait?.message ?? snapshot.status.because ?? 'all is as Git asks'
  const wakeAt = earliest(
    wait?.wakeAt ?? null,
    seen.wakeAt,
    restoresAt(snapshot),
    restartDueAt(snapshot),
  )
  if (actions.length > 0) return { status: null, actions, wakeAt, because, announcements: [] }
  const recorded = recordFacts(snapshot, state, { wait, isSettled: seen.isSettled })
  return {
    status: recorded.status,
    actions: [],
    wakeAt: earliest(wakeAt, recorded.wakeAt),
    because,
    announcements: recorded.announcements,
  }
}

/** What was decided can not be done, since a write is not taken: the status tells it. */
export function decideRefused(snapshot: Snapshot, message: string): Decision {
  return hold(snapshot, readState(snapshot.status), { reason: 'WriteRefused', message })
}

/** Nothing can be done for this Rollout; say so once and wait for the world to change. */
function hold(snapshot: Snapshot, state: State, { reason, message }: Obstacle): Decision {
  const wait: Wait = { reason, message, graceMs: 0, wakeAt: null }
  const recorded = recordFacts(snapshot, state, { wait, isSettled: false })
  return {
    status: recorded.status,
    actions: [],
    wakeAt: null,
    because: message,
    announcements: recorded.announcements,
  }
}
