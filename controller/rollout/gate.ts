// When a step may be left, as facts: live, held, checked, approved, late.
import { durationMs } from '../../crds/duration.ts'
import type { Convergence } from './converge.ts'
import { isByPods, stepAt } from './desired.ts'
import type { Snapshot } from './snapshot.ts'
import type { Trial } from './state.ts'
import { podShare } from './steps.ts'

/** Held long enough and, where there are checks, each with its own positive evidence. */
export function isGateOpen(snapshot: Snapshot, phase: Trial, seen: Convergence): boolean {
  const step = stepAt(snapshot.spec, phase.step)
  if (snapshot.now < heldUntil(snapshot, phase, seen)) return false
  if (!snapshot.spec.analysis || !step.isChecked) return true
  const { verdict } = snapshot
  const isPassed = verdict?.outcome === 'Passed' && isAbout(verdict, phase)
  return isPassed && shareProblem(snapshot, phase) === null
}

/** Expected requests of the canary from which on their number says something. */
const leastExpected = 25
/** Standard deviations of a Poisson count; less than one in a million by chance. */
const deviations = 5

/**
 * Callers that do not follow the weights: the canary gets less than half of its share, beyond chance. Then
 * another route outranks ours, or proxies keep an old one; the step is not left, and the release is not blamed.
 */
export function shareProblem({ verdict, spec, route }: Snapshot, phase: Trial): string | null {
  if (!verdict?.observed || !isAbout(verdict, phase)) return null
  const { canary, stable } = verdict.observed
  const weight = route.weights[phase.canary.revision] ?? 0
  const share = isByPods(spec) ? podShare(weight, spec.replicas).percent : weight
  const expected = ((canary + stable) * share) / 100
  const isLess = canary < expected / 2 && expected - canary > deviations * Math.sqrt(expected)
  if (expected < leastExpected || !isLess) return null
  const percent = Math.round((1000 * canary) / (canary + stable)) / 10
  return `callers send ${percent} % of ${Math.round(canary + stable)} requests to revision ${phase.canary.revision}, whose weight is ${weight}: another route may outrank this one`
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
