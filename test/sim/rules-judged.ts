// Verdicts in; a failed one that changes nothing, out. Whether the release truly is bad is another rule's
// matter: who was told that it failed takes the traffic back, paused or not.
import type { Verdict } from '../../analysis/verdict.ts'
import { rolloutOf, statusOf, type View } from './view.ts'

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

/** The attempt and step that a verdict speaks about, or null when that is not on trial. */
function trialOf(view: View, verdict: Verdict): string | null {
  const { phase, canary, step, attempt, since } = statusOf(rolloutOf(view))
  const isOnTrial = phase === 'Progressing' || phase === 'Paused'
  const isAbout =
    canary?.revision === verdict.revision && step === verdict.step && since !== undefined
  if (!isOnTrial || !isAbout || verdict.from < Date.parse(since)) return null
  return `attempt ${attempt} at step ${step}`
}
