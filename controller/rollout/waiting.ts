// Why a rollout stands where it stands, in one sentence, and when to look again.
import { formatDuration } from '../../crds/duration.ts'
import type { Convergence } from './converge.ts'
import { stepAt } from './desired.ts'
import { deadlineOf, heldUntil, isGateOpen, shareProblem } from './gate.ts'
import { command } from './person.ts'
import type { Reason } from './reasons.ts'
import { restoringMessage } from './restoring.ts'
import { isQuarantined, nameOf } from './revision.ts'
import type { Waiting } from './seen.ts'
import type { Snapshot } from './snapshot.ts'
import type { Phase, State } from './state.ts'
import { earliest } from './stored.ts'
import { trafficOf } from './traffic-words.ts'

export interface Wait {
  readonly reason: Reason
  readonly message: string
  /** It becomes `blockedBy` when it lasted this long; null when it is no business of a person. */
  readonly graceMs: number | null
  readonly wakeAt: number | null
  /** When it began, if not with the step. */
  readonly since?: number
}

const second = 1_000
/** One change is a person; so many are a tool that will not stop. */
const contestedEdits = 3
/** A branch is read within this time; asked for after it, a bad release was asked for once more. */
const readingMs = 120 * second
const graceMs = {
  pods: 30 * second,
  mesh: 60 * second,
  evidence: 120 * second,
  provider: 30 * second,
}

/** What a rollout waits for; null at rest. */
export function waitingFor(snapshot: Snapshot, state: State, seen: Convergence): Wait | null {
  const wait = waitOrUnread(snapshot, waitOf(snapshot, state, seen))
  const isWorse = wait !== null && wait.reason !== 'Settling' && wait.graceMs !== null
  const { edits = 0, manager = null } = snapshot.contest ?? {}
  if (isWorse || edits < contestedEdits) return wait
  const message = `${manager ?? 'somebody else'} changed the weights ${edits} times in ten minutes, and each time they were set again: let it leave this route alone`
  // Looked at again, since it ends without an event.
  const wakeAt = earliest(wait?.wakeAt ?? null, snapshot.now + graceMs.mesh)
  return { reason: 'Contested', message, graceMs: 0, wakeAt }
}

/** What can not be read is said unless there is worse: nothing new can come before it is there. */
function waitOrUnread({ unread }: Snapshot, wait: Wait | null): Wait | null {
  if (!unread || (wait !== null && wait.graceMs !== null)) return wait
  return { ...unread, graceMs: 0, wakeAt: wait?.wakeAt ?? null }
}

function waitOf(snapshot: Snapshot, state: State, seen: Convergence): Wait | null {
  const { phase } = state
  if (phase.kind === 'Progressing' || phase.kind === 'Paused') {
    return onTrial(snapshot, phase, seen)
  }
  if (phase.kind === 'Aborted') return afterAbort(snapshot, state, seen)
  return restarting(snapshot, worldWait(seen)) ?? heldTarget(snapshot, state)
}

type OnTrial = Extract<Phase, { kind: 'Progressing' | 'Paused' }>

function onTrial(snapshot: Snapshot, phase: OnTrial, seen: Convergence): Wait | null {
  const deadline = deadlineOf(snapshot, phase, seen)
  if (phase.kind === 'Paused') {
    const message = `paused at step ${phase.step + 1}: resume, promote or abort it`
    return { reason: 'Paused', message, graceMs: 0, wakeAt: seen.wakeAt }
  }
  const world = worldWait(seen)
  if (world) return { ...world, wakeAt: earliest(world.wakeAt, deadline) }
  const step = stepAt(snapshot.spec, phase.step)
  const held = heldUntil(snapshot, phase, seen)
  if (snapshot.now < held) {
    const message = `holding step ${phase.step + 1} at ${trafficOf(step, snapshot.spec)} for ${formatDuration(held - snapshot.now)} more`
    return { reason: 'Holding', message, graceMs: null, wakeAt: earliest(held, deadline) }
  }
  // Before the hold is over nobody needs evidence yet, so the wait for it begins there.
  if (!isGateOpen(snapshot, phase, seen)) {
    return { ...(forShare(snapshot, phase) ?? forEvidence(snapshot, deadline)), since: held }
  }
  if (step.approval && !command(snapshot, 'promote', phase)) {
    const message = `step ${phase.step + 1} at ${trafficOf(step, snapshot.spec)} passed and waits for approval: promote or abort it`
    return { reason: 'Approval', message, graceMs: 0, wakeAt: null }
  }
  return null
}

function forShare(snapshot: Snapshot, phase: OnTrial): Wait | null {
  const message = shareProblem(snapshot, phase)
  if (message === null) return null
  return { reason: 'NotFollowed', message, graceMs: graceMs.provider, wakeAt: null }
}

function forEvidence({ verdict }: Snapshot, deadline: number): Wait {
  const wait = { message: verdict?.because ?? 'no check has spoken yet', wakeAt: deadline }
  switch (verdict?.outcome) {
    case 'Error':
      return { ...wait, reason: 'MetricsUnavailable', graceMs: graceMs.provider }
    case 'Inconclusive':
      return { ...wait, reason: 'Inconclusive', graceMs: graceMs.evidence }
    default:
      return { ...wait, reason: 'Checking', graceMs: null }
  }
}

function afterAbort(snapshot: Snapshot, state: State, seen: Convergence): Wait | null {
  const world = worldWait(seen)
  if (world && world.reason !== 'Draining') return world
  const revert = snapshot.status.revert
  if (revert?.state === 'Requested') {
    const message = restoringMessage(snapshot)
    return { reason: 'Reverting', message, graceMs: graceMs.pods, wakeAt: seen.wakeAt }
  }
  if (revert?.state === 'Proposed') {
    return { reason: 'Proposed', message: revert.because, graceMs: 0, wakeAt: seen.wakeAt }
  }
  const readBy = revert?.state === 'Committed' ? Date.parse(revert.at) + readingMs : 0
  if (snapshot.now < readBy && revert?.bad.revision === snapshot.target.revision) {
    const message =
      'the last good release is on the branch again, and takes effect when its GitSource is read'
    const wakeAt = earliest(seen.wakeAt, readBy)
    return { reason: 'Reverting', message, graceMs: graceMs.pods, wakeAt }
  }
  const held = heldTarget(snapshot, state)
  const because = revert?.state === 'NeedsHuman' ? `${revert.because}; ` : ''
  return held && { ...held, message: because + held.message, wakeAt: seen.wakeAt }
}

function heldTarget(snapshot: Snapshot, state: State): Wait | null {
  const { target, spec } = snapshot
  if (state.stable?.revision === target.revision) return null
  if (isQuarantined(snapshot.status, target)) {
    const message = `Git asks for ${nameOf(target)}, which failed: commit another revision, or retry it`
    return { reason: 'Quarantined', message, graceMs: 0, wakeAt: null }
  }
  if (spec.replicas > 0) return null
  const message = `Git asks for ${nameOf(target)}, and with 0 replicas nothing can try it`
  return { reason: 'ScaledToZero', message, graceMs: 0, wakeAt: null }
}

function worldWait(seen: Convergence): Wait | null {
  if (!seen.waiting) return null
  const { reason, message } = seen.waiting
  return { reason, message, graceMs: worldGraceMs[reason], wakeAt: seen.wakeAt }
}

/** A restart begins when it is due, whatever was at rest until then. */
function restarting({ spec }: Snapshot, wait: Wait | null): Wait | null {
  if (wait?.reason !== 'Restarting' || spec.restartAt === undefined) return wait
  return { ...wait, since: Date.parse(spec.restartAt) }
}

const worldGraceMs: Readonly<Record<Waiting['reason'], number | null>> = {
  PodsNotReady: graceMs.pods,
  FleetGone: 0,
  Accepting: graceMs.pods,
  Rejected: graceMs.provider,
  Settling: graceMs.mesh,
  Draining: null,
  Contested: 0,
  Adopting: graceMs.pods,
  AdoptionHeld: 0,
  Restarting: graceMs.mesh,
}
