// What a rollout waits for in, who may clear it and how out. Pure.
import { announced, waits } from '../../controller/rollout/reasons.ts'
import { formatDuration } from '../../crds/duration.ts'
import type { RolloutView } from './rollout-view.ts'

type Wait = keyof typeof waits

interface Clearing {
  /** Nothing goes on before a person does something. */
  readonly needsPerson: boolean
  /** Who may clear it, and how; NAME stands for the rollout. */
  readonly by: string
}

const itself = (by: string): Clearing => ({ needsPerson: false, by })
const person = (by: string): Clearing => ({ needsPerson: true, by })
const steer = 'may patch rollouts'

const clearings: Readonly<Record<Wait, Clearing>> = {
  PodsNotReady: itself(
    'its pods, once they are ready; else who owns the revision: kubectl describe its pods',
  ),
  Accepting: itself('the mesh, as soon as its controller has taken the route'),
  Rejected: person('who owns what the route names: mend what the mesh says of it'),
  Settling: itself('the mesh, as soon as its proxies use the weights'),
  Holding: itself('time'),
  Checking: itself('the checks, as soon as they have a verdict'),
  Draining: itself('time'),
  Reverting: itself('Sluice, as soon as the Git host takes the commit'),
  Proposed: person('who may merge or close the pull request that the sentence names'),
  Approval: person(`who ${steer}: kubectl sluice promote NAME, or abort NAME`),
  Paused: person(`who ${steer}: kubectl sluice resume NAME, promote NAME or abort NAME`),
  Inconclusive: itself(
    'traffic, once there are enough requests; else, after the deadline, spec.analysis.onInconclusive',
  ),
  NotFollowed: person(
    'who owns the routes of this host: look for another one that outranks it, kubectl sluice doctor',
  ),
  MetricsUnavailable: itself(
    'the metrics provider, once it answers: who runs it; else, after the deadline, spec.analysis.onError',
  ),
  Quarantined: person(
    `who may commit another revision; or who ${steer}: kubectl sluice retry NAME`,
  ),
  ScaledToZero: person('who may commit spec.replicas above 0'),
  FleetGone: person('who may commit the revision that is gone again'),
  ConfigMissing: person(
    'who owns what the sentence names: create it, or take it out of spec.config',
  ),
  WorkloadMissing: person(
    'who owns the Deployment: create it, or name another in spec.workloadRef',
  ),
  Adopting: itself('its pods, once they are ready'),
  AdoptionHeld: person('who owns the Deployment or the Rollout: mend what the sentence says'),
  Restarting: itself('its pods, once they are ready; a disruption budget may delay each'),
  MissingKind: person('who runs the cluster: install the CRDs of the mesh'),
  Contested: person('who runs the tool that writes the weights: let it leave them to Sluice'),
  Claimed: person('who owns one of the two Rollouts: give it another route'),
  Unsplittable: person('who owns the route: mend what the sentence says'),
  NotOurs: person('who owns that object: rename it, or name another one in spec.traffic'),
  WriteRefused: person(
    'who runs the cluster or the webhook that refuses: mend what the sentence says',
  ),
  Stalled: person(`who ${steer}: kubectl sluice resume NAME, promote NAME or abort NAME`),
  Invalid: person('who may commit the Rollout: mend what the sentence says'),
}

export interface Blocker {
  /** One word for programs. */
  readonly reason: string
  readonly because: string
  /** Milliseconds since 1970, where it is known. */
  readonly since?: number
  readonly needsPerson: boolean
  readonly clearedBy: string
}

/** The one thing it waits for; null when nothing is asked of it. */
export function blockerOf(rollout: RolloutView, now: number): Blocker | null {
  const { phase, blockedBy, because = '', since, name } = rollout
  const reason = blockedBy?.reason ?? (phase === undefined ? 'Unseen' : undefined)
  if (reason !== undefined) {
    const message = blockedBy?.message ?? 'the controller has not looked at it yet'
    return blocker(reason, { because: withCause(message, rollout), since: blockedBy?.since, name })
  }
  if (phase === 'Stable') return null
  // The status says that it is paused a moment before it says that it waits.
  if (phase === 'Paused') return blocker('Paused', { because, since, name })
  if (phase === 'Aborted') {
    if (rollout.target === rollout.stable?.revision) return null
    const goes = rollout.revert?.state === 'Requested' ? 'Reverting' : 'Quarantined'
    return blocker(goes, { because, since, name })
  }
  const leftMs = holdLeftMs(rollout, now)
  const sentence = runningSentence(rollout, leftMs)
  return blocker(leftMs > 0 ? 'Holding' : 'Checking', { because: sentence, since, name })
}

/** `Paused` says only that it is; why it was paused stands in `because`. */
function withCause(message: string, { phase, because }: RolloutView): string {
  return phase === 'Paused' && because && because !== message ? `${message} (${because})` : message
}

/** Its hold counts from when the step is live, which the status does not tell: so this is the least. */
export function holdLeftMs({ phase, steps, step = 0, since }: RolloutView, now: number): number {
  const holdMs = steps[step]?.holdMs ?? 0
  if (phase !== 'Progressing' || since === undefined) return 0
  return Math.ceil(Math.max(0, since + holdMs - now) / 1_000) * 1_000
}

function runningSentence({ step = 0, progress }: RolloutView, leftMs: number): string {
  const place = `step ${progress ?? step + 1}`
  return leftMs > 0
    ? `${place} is held for at least ${formatDuration(leftMs)} more`
    : `${place} waits for pods, traffic or a verdict of its checks`
}

function blocker(
  reason: string,
  { because, since, name }: { because: string; since: number | undefined; name: string },
): Blocker {
  const { needsPerson, by } = isWait(reason)
    ? clearings[reason]
    : itself(reason === 'Unseen' ? 'the controller, once it runs' : 'see its documentation')
  return {
    reason,
    because,
    ...(since !== undefined && { since }),
    needsPerson,
    clearedBy: by.replaceAll('NAME', name),
  }
}

function isWait(reason: string): reason is Wait {
  return Object.hasOwn(waits, reason)
}

/** What a machine-readable reason means, from the same table as the reference. */
export function meaningOf(reason: string): string | undefined {
  const all: Readonly<Record<string, string>> = { ...announced, ...waits }
  return Object.hasOwn(all, reason) ? all[reason] : undefined
}
