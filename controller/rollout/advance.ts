// A snapshot and how far the world has converged in; the next phase out, or null to stay.
// Interrupts (Git moved, a person, a failed verdict, dead pods, the deadline) come first and at any
// time; the gate of a step opens only when the step is live, held, checked and approved.
import type { Command } from '../../crds/command.ts'
import { begin, fromAborted, fromStable, start } from './begin.ts'
import type { Convergence } from './converge.ts'
import { stepAt } from './desired.ts'
import {
  deadlineOf,
  isAbout,
  isGateOpen,
  isWaitingForPerson,
  shareProblem,
  yieldUntil,
} from './gate.ts'
import { command, said } from './person.ts'
import { isQuarantined, isSame, nameOf } from './revision.ts'
import { hasTraffic } from './seen.ts'
import type { Snapshot } from './snapshot.ts'
import type { AbortReason, Advance, Phase, State, Trial } from './state.ts'
import { stepsOf } from './steps.ts'
import { trafficOf } from './traffic-words.ts'

type OnTrial = Extract<Phase, { kind: 'Progressing' | 'Paused' }>

export function advance(
  snapshot: Snapshot,
  state: State,
  seen: Convergence | null,
): Advance | null {
  const { phase } = state
  switch (phase.kind) {
    case 'New':
      return begin(snapshot)
    case 'Stable':
      return fromStable(snapshot, state)
    case 'Aborted':
      return fromAborted(snapshot, state, phase)
    case 'Progressing':
    case 'Paused':
      return (
        interrupt(snapshot, state, phase) ??
        (seen ? lostOrLate(snapshot, state, { phase, seen }) : null) ??
        pauseOrResume(snapshot, state, phase) ??
        (seen ? passGate(snapshot, state, { phase, seen }) : null)
      )
  }
}

/** What ends a trial at any time, paused or not. Abort beats all else. */
function interrupt(snapshot: Snapshot, state: State, phase: OnTrial): Advance | null {
  const { target, verdict } = snapshot
  const abort = command(snapshot, 'abort', { canary: phase.canary })
  if (abort)
    return aborted(state, phase, { reason: 'person', because: said(abort, 'aborted it') }, snapshot)
  if (verdict?.outcome === 'Failed' && isAbout(verdict, phase)) {
    return aborted(state, phase, { reason: 'failed', because: verdict.because }, snapshot)
  }
  if (target.revision === phase.canary.revision) return null
  if (target.revision === state.stable?.revision || isQuarantined(snapshot.status, target)) {
    return {
      phase: { kind: 'Stable' },
      stable: state.stable,
      because: `Git no longer asks for revision ${phase.canary.revision}, so stable serves all`,
      isNewAttempt: false,
      ended: 'Superseded',
    }
  }
  const next = start(snapshot, state, null)
  return {
    ...next,
    because: `revision ${nameOf(target)} supersedes ${phase.canary.revision}, which loses its traffic first`,
    ended: 'Superseded',
  }
}

interface Situation {
  readonly phase: OnTrial
  readonly seen: Convergence
}

/** A canary that lost all its pods, and a step that takes too long. */
function lostOrLate(snapshot: Snapshot, state: State, { phase, seen }: Situation): Advance | null {
  const { fleets, route, now, spec } = snapshot
  const readyOf = (hash: string) => fleets.find((fleet) => fleet.revision === hash)?.ready ?? 0
  const weight = route.weights[phase.canary.revision] ?? 0
  const isTrying = hasTraffic(route, phase.canary.revision)
  const isStableUp = state.stable !== null && readyOf(state.stable.revision) > 0
  // A ReplicaSet that is not there, or that somebody scaled to 0, is no fault of the revision: it is made again, and
  // traffic steps back.
  const isThere = fleets.some((fleet) => isSame(phase.canary, fleet.revision) && fleet.desired > 0)
  if (isTrying && isThere && readyOf(phase.canary.revision) === 0 && isStableUp) {
    const because = `revision ${phase.canary.revision} had ${weight} % of traffic when none of its pods was ready any more`
    return aborted(state, phase, { reason: 'pods', because }, snapshot)
  }
  const deadline = deadlineOf(snapshot, phase, seen)
  // Who else writes the weights is no fault of the revision.
  const isHeld = yieldUntil(snapshot) !== null || isWaitingForPerson(snapshot, phase, seen)
  if (phase.kind === 'Paused' || now < deadline || isHeld) return null
  if (!seen.isServing) {
    const because = `step ${phase.step + 1} was not live within ${spec.progressDeadline}: ${seen.waiting?.message ?? 'traffic did not move'}`
    return aborted(state, phase, { reason: 'pods', because }, snapshot)
  }
  return withoutEvidence(snapshot, state, phase)
}

/** No evidence is not success: at the deadline the rollout pauses or goes back, as configured. */
function withoutEvidence(snapshot: Snapshot, state: State, phase: OnTrial): Advance {
  const { verdict, spec, now } = snapshot
  const isError = verdict?.outcome === 'Error' && isAbout(verdict, phase)
  const reason = isError ? 'error' : 'inconclusive'
  const policy = isError ? spec.analysis?.onError : spec.analysis?.onInconclusive
  const unfollowed = shareProblem(snapshot, phase)
  const finding =
    unfollowed ?? (verdict && isAbout(verdict, phase) ? verdict.because : 'no check has spoken')
  const because = `no evidence within ${spec.progressDeadline}: ${finding}`
  if (policy === 'abort' && unfollowed === null)
    return aborted(state, phase, { reason, because }, snapshot)
  return {
    phase: { ...trialOf(phase), kind: 'Paused', reason, since: now },
    stable: state.stable,
    because,
    isNewAttempt: false,
  }
}

function pauseOrResume(snapshot: Snapshot, state: State, phase: OnTrial): Advance | null {
  const { now } = snapshot
  const common = { stable: state.stable, isNewAttempt: false }
  if (phase.kind === 'Progressing') {
    const pause = command(snapshot, 'pause', phase)
    if (!pause) return null
    return {
      ...common,
      phase: { ...trialOf(phase), kind: 'Paused', reason: 'person', since: now },
      because: said(pause, 'paused it'),
    }
  }
  const resume = command(snapshot, 'resume', phase)
  if (!resume) return null
  return {
    ...common,
    phase: { ...trialOf(phase), kind: 'Progressing', since: now },
    because: said(resume, 'resumed it'),
  }
}

function passGate(snapshot: Snapshot, state: State, { phase, seen }: Situation): Advance | null {
  const step = stepAt(snapshot.spec, phase.step)
  const promote = command(snapshot, 'promote', phase)
  if (!seen.isServing) return null
  const isInFull = promote?.full === true
  const isOverridden = promote !== null && (isInFull || phase.kind === 'Paused' || !step.approval)
  if (phase.kind === 'Paused' && !promote) return null
  if (!isOverridden && !isGateOpen(snapshot, phase, seen)) return null
  if (step.approval && !promote) return null
  return nextStep(snapshot, state, { phase, promote })
}

function nextStep(
  snapshot: Snapshot,
  state: State,
  { phase, promote }: { phase: OnTrial; promote: Command | null },
): Advance {
  const { spec, now, verdict } = snapshot
  const steps = stepsOf(spec)
  const why = promote
    ? said(promote, promote.full ? 'promoted it in full' : 'promoted it')
    : passedBecause(snapshot, phase, verdict?.because)
  // In full, a person leaves out the steps that are left; that pods are ready before they get traffic, nobody can.
  const next = promote?.full ? undefined : steps[phase.step + 1]
  if (!next) {
    return {
      phase: { kind: 'Stable' },
      stable: phase.canary,
      because: `revision ${nameOf(phase.canary)} is promoted: ${why}`,
      isNewAttempt: false,
      ended: 'Promoted',
    }
  }
  const { canary, startedAt } = phase
  return {
    phase: { kind: 'Progressing', canary, step: phase.step + 1, since: now, startedAt },
    stable: state.stable,
    because: `step ${phase.step + 2} of ${steps.length}, ${trafficOf(next, spec)} of traffic: ${why}`,
    isNewAttempt: false,
  }
}

function passedBecause(snapshot: Snapshot, phase: Trial, finding: string | undefined): string {
  const step = stepAt(snapshot.spec, phase.step)
  if (!snapshot.spec.analysis) return `held ${step.holdMs / 1000} s, and no checks are configured`
  return step.isChecked ? (finding ?? 'checks passed') : 'its pods are ready'
}

function aborted(
  state: State,
  phase: OnTrial,
  { reason, because }: { reason: AbortReason; because: string },
  { now }: Snapshot,
): Advance {
  return {
    phase: { ...trialOf(phase), kind: 'Aborted', reason, since: now },
    stable: state.stable,
    because,
    isNewAttempt: false,
    quarantine: phase.canary,
    ended: 'Aborted',
  }
}

function trialOf({ canary, step, since, startedAt }: Trial): Trial {
  return { canary, step, since, startedAt }
}
