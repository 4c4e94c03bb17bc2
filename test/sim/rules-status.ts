// Invariants of verdicts and people (V, M, H, L4, Z3): asked at each status of the Rollout that the
// controller stores, against what was stored before and what was true.
import { durationMs } from '../../crds/duration.ts'
import { commandAnnotation, label } from '../../crds/names.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import { replicaSets } from '../../kube/resources.ts'
import type { Change } from './api-server.ts'
import { podsFor, stepAt } from './plan.ts'
import { routeLog } from './routing.ts'
import { isGood } from './scenario.ts'
import { pendingCommand, type Rule, releaseOf, statusOf, type View, wasTouched } from './view.ts'

interface Step {
  readonly before: RolloutStatus
  readonly after: RolloutStatus
  readonly spec: Change['object']['spec']
}

const stepOf = ({ object, previous }: Change): Step => ({
  before: statusOf(previous),
  after: statusOf(object),
  spec: object['spec'],
})

const onTrial = ({ phase }: RolloutStatus) => phase === 'Progressing' || phase === 'Paused'

/** Phases that may follow, written here once more on purpose. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  New: ['New', 'Stable'],
  Stable: ['Stable', 'Progressing'],
  Progressing: ['Progressing', 'Paused', 'Aborted', 'Stable'],
  Paused: ['Paused', 'Progressing', 'Aborted', 'Stable'],
  Aborted: ['Aborted', 'Progressing', 'Stable'],
}

/** The trial moved on: a step was passed, or the canary was promoted. */
function passed({ before, after }: Step): boolean {
  if (!onTrial(before) || !before.canary) return false
  if (after.stable?.revision !== before.stable?.revision) return true
  return (
    onTrial(after) && after.attempt === before.attempt && (after.step ?? 0) > (before.step ?? 0)
  )
}

const isByPerson = ({ before, after }: Step) =>
  after.commands?.promote !== undefined && after.commands.promote !== before.commands?.promote

const needsEvidence = (step: Step) =>
  passed(step) &&
  !isByPerson(step) &&
  step.spec.analysis !== undefined &&
  stepAt(step.spec, step.before.step ?? 0).isChecked

const metricOf: Readonly<Record<string, string>> = {
  errors: 'requests',
  latency: 'durations',
  own: 'own',
}

/** A process that began after a write whose sender stood still can not know how late that write landed. */
function lateMs({ choices }: View): number {
  const late = choices.made.findIndex((key) => /^(C3|K9)#/.test(key))
  const fresh = choices.made.findLastIndex((key) => /^(C1|C2|C4|C5|U1|U2)#/.test(key))
  return late >= 0 && fresh > late ? 60_000 : 0
}

export const statusRules: readonly Rule<Change>[] = [
  {
    name: 'V1',
    says: 'a step is passed and a revision promoted only with evidence for every check, or by a person',
    check(_, change) {
      const step = stepOf(change)
      if (!needsEvidence(step)) return null
      const evidence = step.after.evidence ?? []
      const checks: { name: string }[] = step.spec.analysis.checks ?? []
      const missing = checks.find(({ name }) => {
        const found = evidence.find((one) => one.check === name)
        const isEnough =
          found?.samples === undefined || found.samples >= step.spec.analysis.minRequests
        return found?.outcome !== 'Passed' || !isEnough
      })
      return missing ? `no evidence of ${missing.name}: ${JSON.stringify(evidence)}` : null
    },
  },
  {
    name: 'V3',
    says: 'a stored verdict stays within its attempt',
    check(_, change) {
      const { before, after } = stepOf(change)
      const isUndone =
        before.phase === 'Aborted' && onTrial(after) && after.attempt === before.attempt
      return isUndone ? `attempt ${after.attempt} goes on after its abort` : null
    },
  },
  {
    name: 'V4',
    says: 'phases follow the diagram, and steps rise one by one',
    check(_, change) {
      const { before, after } = stepOf(change)
      const [from, to] = [before.phase ?? 'New', after.phase ?? 'New']
      // Another version wrote what we can not read; only a condition may be added to it.
      if (!(from in allowed)) return from === to ? null : `from ${from} to ${to}`
      if (!allowed[from]?.includes(to)) return `from ${from} to ${to}`
      if (!onTrial(before) || !onTrial(after) || before.attempt !== after.attempt) return null
      const by = (after.step ?? 0) - (before.step ?? 0)
      return by === 0 || by === 1 ? null : `from step ${before.step} to ${after.step}`
    },
  },
  {
    name: 'V6',
    says: 'attempts are counted upwards, one at a time',
    check(_, change) {
      const { before, after } = stepOf(change)
      const by = (after.attempt ?? 0) - (before.attempt ?? 0)
      return by === 0 || by === 1 ? null : `from ${before.attempt} to ${after.attempt}`
    },
  },
  {
    name: 'V7',
    says: 'only the revision that was tried is put into quarantine',
    check(_, change) {
      const { before, after } = stepOf(change)
      const known = new Set(before.quarantine?.map(({ revision }) => revision))
      const fresh = after.quarantine?.find(({ revision }) => !known.has(revision))
      return fresh && fresh.revision !== before.canary?.revision
        ? `${fresh.revision} was never tried`
        : null
    },
  },
  {
    name: 'M1-failed',
    says: 'a check that failed ends the trial, and nothing else comes of it',
    check(_, change) {
      const { before, after } = stepOf(change)
      const isFailed = after.evidence?.some(({ outcome }) => outcome === 'Failed')
      const isSilent = after.reason === 'inconclusive' && after.phase !== before.phase
      return isFailed && isSilent ? `${after.phase} as inconclusive: ${after.because}` : null
    },
  },
  {
    name: 'M1',
    says: 'without evidence by the deadline: exactly what was configured',
    check(_, change) {
      const { before, after, spec } = stepOf(change)
      const { reason, phase } = after
      if (before.phase === phase || (reason !== 'inconclusive' && reason !== 'error')) return null
      const { onError, onInconclusive } = spec.analysis ?? {}
      const policy = reason === 'error' ? onError : onInconclusive
      const wanted = policy === 'abort' ? 'Aborted' : 'Paused'
      return phase === wanted
        ? null
        : `${phase} because of ${reason}, and the policy says ${policy}`
    },
  },
  {
    name: 'M2',
    says: 'an answer that was empty, strange or old never counts as a pass',
    check(view, change) {
      const step = stepOf(change)
      if (!needsEvidence(step)) return null
      const bad = step.after.evidence?.find(
        ({ check, at }) => !view.metrics.wasTrue(metricOf[check] ?? check, Date.parse(at)),
      )
      return bad ? `${bad.check} at ${bad.at} passed by an answer that was not true` : null
    },
  },
  {
    name: 'M3',
    says: 'the window of evidence begins when the weight of the step was in effect',
    check(view, change) {
      const step = stepOf(change)
      if (!needsEvidence(step)) return null
      const since = view.mesh.since()
      const slackMs = skewMs(view) + lateMs(view)
      // What somebody else did to the route a moment ago is not seen yet.
      const log = routeLog(view)
      if (wasTouched(log, view.kernel.now() - 30_000)) return null
      const early = step.after.evidence?.find(({ at, windowSeconds = 0, check }) => {
        const end = Date.parse(at)
        return check !== 'own' && since <= end && end - windowSeconds * 1_000 + slackMs < since
      })
      return early ? `${early.check} looks ${early.windowSeconds} s back from ${early.at}` : null
    },
  },
  {
    name: 'L2-pods',
    says: 'a release is not aborted for the want of pods that nobody asked for',
    check(view, change) {
      const { before, after } = stepOf(change)
      if (after.phase !== 'Aborted' || before.phase === 'Aborted' || after.reason !== 'pods')
        return null
      // Whoever edits the size or the steps meanwhile may leave the fleet behind for a moment.
      const isExcused = view.choices.made.some((key) => /^(W|C|X|O|H|U|K3|K4|K9|K11)/.test(key))
      const { revision } = before.canary ?? {}
      const fleet = view.server
        .list(replicaSets)
        .find(({ metadata }) => metadata.labels?.[label.revision] === revision)
      const { spec } = change.object
      const needed = podsFor(stepAt(spec, before.step ?? 0).weight, spec.replicas)
      const asked: number = fleet?.['spec'].replicas ?? needed
      return asked < needed && !isExcused ? `${asked} of ${needed} pods were asked for` : null
    },
  },
  {
    name: 'M4',
    says: 'only a revision that is truly bad is aborted by its checks',
    check(view, change) {
      const { before, after } = stepOf(change)
      if (after.phase !== 'Aborted' || before.phase === 'Aborted' || after.reason !== 'failed')
        return null
      const release = releaseOf(view, before.canary?.revision ?? '')
      return release && isGood(release.quality) ? `${release.image} is good` : null
    },
  },
  {
    name: 'promotedBad',
    says: 'a revision that truly fails its checks is never promoted by them',
    check(view, change) {
      const step = stepOf(change)
      const { before, after } = step
      if (!needsEvidence(step) || after.stable?.revision === before.stable?.revision) return null
      const release = releaseOf(view, after.stable?.revision ?? '')
      if (!release || view.oscillating.has(release.revision)) return null
      const { errorRate, slowRate, neverReady } = release.quality
      const hasLatency = step.spec.analysis.checks.some(
        (one: { name: string }) => one.name === 'latency',
      )
      const isBad = errorRate > 0.01 || neverReady || (hasLatency && slowRate > 0.05)
      return isBad ? `${release.image} is ${JSON.stringify(release.quality)}` : null
    },
  },
  {
    name: 'H1',
    says: 'abort beats promote',
    check(_, change) {
      const { before, after } = stepOf(change)
      const abort = pendingCommand(change.previous, 'abort')
      const isMeant =
        abort && (abort.revision === undefined || abort.revision === before.canary?.revision)
      if (!isMeant || !onTrial(before) || after.phase === 'Aborted') return null
      return after.phase === before.phase && after.step === before.step ? null : `to ${after.phase}`
    },
  },
  {
    name: 'H2',
    says: 'one promote passes one step at most, and only what was said is consumed',
    check(_, change) {
      const step = stepOf(change)
      const id = step.after.commands?.promote
      if (id === undefined || id === step.before.commands?.promote) return null
      const said = change.previous?.metadata.annotations?.[commandAnnotation('promote')]
      return said?.includes(id) ? null : `promote ${id} was never said`
    },
  },
  {
    name: 'L4',
    says: 'no deadline fires early',
    check(view, change) {
      const { before, after, spec } = stepOf(change)
      const isLate =
        ['inconclusive', 'error'].includes(after.reason ?? '') && after.phase !== before.phase
      if (!isLate || !before.since) return null
      const left = Date.parse(before.since) + durationMs(spec.progressDeadline) - view.kernel.now()
      return left > skewMs(view) ? `${left} ms early` : null
    },
  },
  {
    name: 'A2-status',
    says: 'decisions are numbered upwards',
    check(_, change) {
      const { before, after } = stepOf(change)
      return after.decision < before.decision || after.fence < before.fence
        ? `from ${before.decision} to ${after.decision}`
        : null
    },
  },
]

export const skewMs = ({ choices }: View): number =>
  choices.made.some((key) => key.startsWith('C4') || key.startsWith('P9')) ? 6_000 : 0
