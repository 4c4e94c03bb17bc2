// Verdicts in; a failed one that changes nothing, out. Whether the release truly is bad is another rule's
// matter: who was told that it failed takes the traffic back, paused or not.
import type { Verdict } from '../../analysis/verdict.ts'
import { rollouts } from '../../kube/resources.ts'
import { rolloutOf, statusOf, type View, wasTouched } from './view.ts'

interface Failing {
  readonly trial: string
  readonly sinceMs: number
}

/** So long may an abort take when nothing fails any more: the longest back-off, and a tick. */
const patienceMs = 150_000

export function createJudgedRule(view: () => View) {
  const failing = new Map<string, Failing>()
  let healedAt: number | null = null
  return (process: string, verdict: Verdict): string | null => {
    const { kernel, choices } = view()
    const now = kernel.now()
    const isCalm = choices.isHealed() || choices.made.length === 0
    healedAt = isCalm ? (healedAt ?? now) : null
    const trial = trialOf(view(), verdict)
    if (verdict.outcome !== 'Failed' || trial === null) {
      failing.delete(process)
      return null
    }
    const known = failing.get(process)
    const sinceMs = known?.trial === trial ? known.sinceMs : now
    failing.set(process, { trial, sinceMs })
    const waitedMs = now - Math.max(sinceMs, healedAt ?? now)
    return waitedMs > patienceMs
      ? `${process} was told ${Math.round(waitedMs / 1_000)} s ago that it failed, and ${trial} goes on`
      : null
  }
}

/** Faults that keep nobody from seeing the pods and from writing the route. */
const harmless = /^(shuffle|W\d|H\d|O2|P\d+|G\d+f|N1|C4|X6)#/
const shortMs = 30_000

/** W2: a canary under traffic without a pod loses it at once; asked while somebody judges. */
export function deadUnderTraffic(view: View): string | null {
  const { kernel, mesh, pods, choices, server } = view
  const rollout = rolloutOf(view)
  const { phase, canary, stable } = statusOf(rollout)
  if (phase !== 'Progressing' || !canary || !stable) return null
  if (!choices.made.every((key) => harmless.test(key))) return null
  const since = kernel.now() - shortMs
  const isDead =
    mesh.effective(canary.revision) > 0 &&
    kernel.now() - mesh.since() > shortMs &&
    pods.mostReadySince(canary.revision, since) === 0 &&
    pods.leastReadySince(stable.revision, since) > 0
  // Whoever changed the Rollout a moment ago has asked for something else.
  return isDead && !wasTouched(server.log(rollouts), since)
    ? `${canary.revision} has ${mesh.effective(canary.revision)} % of traffic and no pod for ${shortMs / 1_000} s`
    : null
}

/** The attempt and step that a verdict speaks about, or null when that is not on trial. */
function trialOf(view: View, verdict: Verdict): string | null {
  const { phase, canary, step, attempt, since } = statusOf(rolloutOf(view))
  const isOnTrial = phase === 'Progressing' || phase === 'Paused'
  const isAbout =
    canary?.revision === verdict.revision && step === verdict.step && since !== undefined
  if (!isOnTrial || !isAbout || verdict.from < Date.parse(since)) return null
  return `attempt ${attempt} at step ${step}`
}
