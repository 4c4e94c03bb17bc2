// When a step may be left, as facts: live, held, checked, approved, late.
import { durationMs } from '../../crds/duration.ts'
import type { Convergence } from './converge.ts'
import { stepAt } from './desired.ts'
import type { Snapshot } from './snapshot.ts'
import type { Trial } from './state.ts'

/** Held long enough and, where there are checks, each with its own positive evidence. */
export function isGateOpen(snapshot: Snapshot, phase: Trial, seen: Convergence): boolean {
  const step = stepAt(snapshot.spec, phase.step)
  if (snapshot.now < heldUntil(snapshot, phase, seen)) return false
  if (!snapshot.spec.analysis || !step.isChecked) return true
  const { verdict } = snapshot
  return verdict?.outcome === 'Passed' && isAbout(verdict, phase)
}

/** The end of a step's hold: it counts from when the step was both begun and live. */
export function heldUntil(snapshot: Snapshot, phase: Trial, seen: Convergence): number {
  return (
    Math.max(phase.since, seen.liveAt ?? snapshot.now) + stepAt(snapshot.spec, phase.step).holdMs
  )
}

/**
 * When a step is late: it has one deadline to become live, and from there one more to be held and checked,
 * so that what delayed the traffic does not take the time that evidence needs.
 */
export function deadlineOf(snapshot: Snapshot, phase: Trial, seen: Convergence): number {
  const deadlineMs = durationMs(snapshot.spec.progressDeadline)
  const toBeLive = phase.since + deadlineMs
  const { liveAt } = seen
  return seen.isServing && liveAt !== null
    ? Math.max(toBeLive, Math.min(liveAt, toBeLive) + deadlineMs)
    : toBeLive
}

/** Only a person's approval is missing: that time does not count towards the deadline. */
export function isWaitingForPerson(snapshot: Snapshot, phase: Trial, seen: Convergence): boolean {
  return (
    stepAt(snapshot.spec, phase.step).approval &&
    seen.isServing &&
    isGateOpen(snapshot, phase, seen)
  )
}

/** A verdict speaks for one revision, one step, and traffic since that step began. */
export function isAbout(verdict: NonNullable<Snapshot['verdict']>, phase: Trial): boolean {
  return (
    verdict.revision === phase.canary.revision &&
    verdict.step === phase.step &&
    verdict.from >= phase.since
  )
}

/** Foreign changes within ten minutes after which Sluice no longer answers each of them. */
const yieldAfterEdits = 10
const quietMs = 60_000

/** While somebody else fights for the weights: when it was quiet long enough to write again; else null. */
export function yieldUntil({ contest }: Pick<Snapshot, 'contest'>): number | null {
  const isFought = contest !== null && contest.edits >= yieldAfterEdits
  return isFought && contest.lastAt !== null ? contest.lastAt + quietMs : null
}
