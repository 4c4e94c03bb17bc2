// A Rollout as the person saw it and a verb in, whether the command makes sense and what it is for out. Pure.
//
//   promote, resume   for the revision and the step seen: two people who promote at once advance one step
//   abort, pause      for the revision at any step: they must not come too late because it went on meanwhile
//   retry             for the quarantined revision that Git asks for
import type { Verb } from '../../crds/words.ts'
import type { RolloutView } from './rollout-view.ts'

export type Judgement =
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'allowed'; readonly revision: string; readonly step?: number }

export function judgeCommand(verb: Verb, rollout: RolloutView): Judgement {
  const { phase, canary, step = 0 } = rollout
  const refused = (why: string): Judgement => ({
    kind: 'refused',
    because: `cannot ${verb} ${rollout.name}: ${why}`,
  })
  if (phase === undefined) return refused(unseen)
  if (verb === 'retry') return judgeRetry(rollout, refused)
  if (phase === 'Stable' || phase === 'Aborted' || !canary) return refused(doing(rollout))
  const { revision } = canary
  switch (verb) {
    case 'promote':
      return { kind: 'allowed', revision, step }
    case 'abort':
      return { kind: 'allowed', revision }
    case 'pause':
      return phase === 'Paused'
        ? refused(`it is paused already, at ${place(rollout)}`)
        : { kind: 'allowed', revision }
    case 'resume':
      return phase === 'Progressing'
        ? refused(`it is not paused, it is at ${place(rollout)}`)
        : { kind: 'allowed', revision, step }
  }
}

function judgeRetry(rollout: RolloutView, refused: (why: string) => Judgement): Judgement {
  const { phase, target, stable, quarantine } = rollout
  if (phase === 'Progressing' || phase === 'Paused') return refused(doing(rollout))
  if (stable?.revision === target) {
    return refused(`the spec asks for revision ${target}, which is stable already`)
  }
  if (!quarantine.includes(target)) {
    return refused(`the spec asks for revision ${target}, which has not failed`)
  }
  return { kind: 'allowed', revision: target }
}

const unseen = 'the controller has not looked at it yet'

/** What changed, so that the command is not for what the person saw; null when it still is. */
export function whatChanged(verb: Verb, seen: RolloutView, now: RolloutView): string | null {
  if (judgeCommand(verb, now).kind === 'refused') return doing(now)
  const isForStep = verb === 'promote' || verb === 'resume'
  const before = verb === 'retry' ? seen.target : seen.canary?.revision
  const after = verb === 'retry' ? now.target : now.canary?.revision
  if (before !== after) return `revision ${after ?? 'none'} is under trial now, not ${before}`
  if (isForStep && seen.step !== now.step) return `it is at ${place(now)} now`
  if (isForStep && seen.phase !== now.phase) return doing(now)
  return null
}

/** What a rollout is doing now, for people. */
export function doing(rollout: RolloutView): string {
  const { phase, stable, canary, blockedBy } = rollout
  const waits = blockedBy?.message ? `; ${blockedBy.message}` : ''
  switch (phase) {
    case undefined:
      return unseen
    case 'Stable':
      return `it is Stable: revision ${stable?.revision ?? 'unknown'} serves all traffic and none is under trial${waits}`
    case 'Aborted':
      return `it is Aborted: revision ${canary?.revision ?? 'unknown'} has lost its traffic${waits}`
    default:
      return `it is ${phase} at ${place(rollout)}`
  }
}

/** Where it stands, as people count: `step 2/4 (revision 1a2b3c4d5e)`. */
export function place({ progress, step = 0, canary }: RolloutView): string {
  return `step ${progress ?? step + 1} (revision ${canary?.revision ?? 'unknown'})`
}
