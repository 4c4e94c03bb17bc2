// Facts that change without a change of phase in, the status that tells them out: what blocks a rollout,
// commands that came too late, pods at rest.
import { compact } from '../../crds/compact.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import { type Announcement, conditionsOf } from './describe.ts'
import { command, consume } from './person.ts'
import { type Restart, restartOf } from './restart.ts'
import type { Snapshot } from './snapshot.ts'
import type { State } from './state.ts'
import { earliest, isSame, sum, timestamp } from './stored.ts'
import type { Wait } from './waiting.ts'

interface Recorded {
  readonly status: RolloutStatus | null
  readonly announcements: readonly Announcement[]
  readonly wakeAt: number | null
}

/** Facts that change without a change of phase: what blocks it, stale commands, pods at rest. */
export function recordFacts(
  snapshot: Snapshot,
  state: State,
  facts: { readonly wait: Wait | null; readonly isSettled: boolean },
): Recorded {
  const { status: old, now, fleets, identity } = snapshot
  const stale = snapshot.commands.filter((pending) => !isStillValid(snapshot, state, pending.verb))
  const blocked = blockedBy(snapshot, state, facts.wait)
  const isAtRest = state.phase.kind === 'Stable' || state.phase.kind === 'Aborted'
  const because = old.because ?? ''
  const counted =
    isAtRest && facts.isSettled
      ? {
          replicas: sum(fleets.map((f) => f.desired)),
          readyReplicas: sum(fleets.map((f) => f.ready)),
        }
      : {}
  const restart = restartOf(snapshot, state)
  const status: RolloutStatus = compact({
    ...old,
    ...counted,
    restart: restart ? recordedRestart(restart, now) : old.restart,
    observedGeneration: identity.generation,
    target: snapshot.target.revision || undefined,
    blockedBy: blocked.value,
    commands: consume(snapshot, (verb) => stale.some((pending) => pending.verb === verb)),
    conditions: conditionsOf(snapshot, {
      state,
      isSettled: facts.isSettled,
      blockedBy: blocked.value,
      because,
    }),
  })
  const isNews = state.phase.kind === 'New' || isAtRest || stale.length > 0 || blocked.isChanged
  const isUnchanged = isSame(status, old)
  return {
    status: isNews && !isUnchanged ? status : null,
    wakeAt: earliest(blocked.wakeAt, isNews && !isUnchanged ? now : null),
    announcements:
      isNews && !isUnchanged ? announcementsOf(stale, blocked.isNew ? facts.wait : null) : [],
  }
}

function recordedRestart({ at, left }: Restart, now: number): RolloutStatus['restart'] {
  return left === 0 ? { at, left, endedAt: timestamp(now) } : { at, left }
}

interface Blocked {
  readonly value: RolloutStatus['blockedBy']
  readonly isChanged: boolean
  /** It begins to block now. */
  readonly isNew: boolean
  readonly wakeAt: number | null
}

function blockedBy({ status, now }: Snapshot, state: State, wait: Wait | null): Blocked {
  const old = status.blockedBy
  if (!wait || wait.graceMs === null) {
    return { value: undefined, isChanged: old !== undefined, isNew: false, wakeAt: null }
  }
  if (old?.reason === wait.reason) {
    return { value: old, isChanged: false, isNew: false, wakeAt: null }
  }
  const dueAt = (wait.since ?? waitBegan({ status, now }, state)) + wait.graceMs
  if (wait.graceMs > 0 && now < dueAt) {
    return { value: undefined, isChanged: old !== undefined, isNew: false, wakeAt: dueAt }
  }
  const message = wait.message.slice(0, 1024)
  const value = { reason: wait.reason, message, since: timestamp(now) }
  return { value, isChanged: true, isNew: true, wakeAt: null }
}

/** Since when it waits: since its step began, or at rest since the last trial or since it stopped being ready. */
function waitBegan({ status, now }: Pick<Snapshot, 'status' | 'now'>, { phase }: State): number {
  if (phase.kind !== 'New' && phase.kind !== 'Stable') return phase.since
  const ready = status.conditions?.find(({ type }) => type === 'Ready')
  if (ready?.status !== 'False') return now
  const ended = status.history?.[0]?.endedAt
  return Math.max(Date.parse(ready.lastTransitionTime), ended ? Date.parse(ended) : 0)
}

function announcementsOf(stale: Snapshot['commands'], wait: Wait | null): Announcement[] {
  const refused = stale.map(
    (pending): Announcement => ({
      type: 'Warning',
      reason: 'CommandRefused',
      note: `${pending.verb} by ${pending.by} came too late: it was meant for another revision, step or phase`,
    }),
  )
  if (!wait) return refused
  return [...refused, { type: 'Warning', reason: wait.reason, note: wait.message }]
}

/** A promote may wait for its gate; every other command acts at once or was too late. */
function isStillValid(snapshot: Snapshot, state: State, verb: string): boolean {
  const { phase } = state
  if (phase.kind !== 'Progressing' && phase.kind !== 'Paused') return false
  return verb === 'promote' && command(snapshot, 'promote', phase) !== null
}
