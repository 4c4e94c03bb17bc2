// A rollout and the revision or commit somebody waits for in, how far it has come out. Pure.
//
//   named by the stable release ─▶ promoted          under trial ─▶ running, or held for a person
//   aborted, or so in the history ─▶ reverted        gone for another one ─▶ superseded
import { annotation } from '../../crds/names.ts'
import { blockerOf } from './blocker.ts'
import { place } from './precondition.ts'
import type { PastRelease, Release, RolloutView } from './rollout-view.ts'

export type Outcome = 'promoted' | 'reverted' | 'superseded' | 'held' | 'running' | 'unseen'

export interface Standing {
  readonly outcome: Outcome
  /** In a sentence. */
  readonly because: string
  readonly release?: Release
  /** What a person is to do, when it is held. */
  readonly clearedBy?: string
}

/** Shorter ones name too many commits. */
export const leastPrefix = 7

/** `wanted` is the beginning of a commit or of a revision, in small letters. */
export function standingOf(
  rollout: RolloutView,
  wanted: string,
  { wasSeen, now }: { readonly wasSeen: boolean; readonly now: number },
): Standing {
  const { stable, canary, phase, because = '', history, target } = rollout
  const asked = askedRelease(rollout, wanted)
  const isMeant = (release: Release) => isNamed(release, wanted)
  if (stable && (isMeant(stable) || asked?.revision === stable.revision)) {
    return { outcome: 'promoted', because: because || 'it is stable', release: stable }
  }
  const isOnTrial = phase === 'Progressing' || phase === 'Paused'
  if (canary && isOnTrial && (isMeant(canary) || asked?.revision === canary.revision)) {
    return onTrial(rollout, canary, now)
  }
  if (canary && phase === 'Aborted' && isMeant(canary)) {
    return { outcome: 'reverted', because, release: canary }
  }
  const isHeldBack =
    asked !== undefined || (target.startsWith(wanted) && !isInHistory(history, wanted))
  const blocker = isHeldBack ? blockerOf(rollout, now) : null
  if (blocker?.needsPerson) return { outcome: 'held', ...blocker, ...(asked && { release: asked }) }
  const past = history.find(isMeant)
  if (past) return ended(past, rollout)
  const former = rollout.former.find(isMeant)
  if (former) {
    const later = stable ? `: ${stable.revision} is stable now` : ''
    return { outcome: 'promoted', because: `it was stable before${later}`, release: former }
  }
  if (wasSeen) {
    return { outcome: 'superseded', because: 'another revision took its place before it had ended' }
  }
  return { outcome: 'unseen', because: 'this revision has not reached the rollout yet' }
}

/** What the definition asks for, when the commit that brought it is the one meant. */
function askedRelease({ annotations, target }: RolloutView, wanted: string): Release | undefined {
  const commit = annotations[annotation.commit]
  return commit?.startsWith(wanted) ? { revision: target, commit } : undefined
}

function isNamed({ revision, commit }: Release, wanted: string): boolean {
  return revision.startsWith(wanted) || (commit?.startsWith(wanted) ?? false)
}

function isInHistory(history: readonly PastRelease[], wanted: string): boolean {
  return history.some((past) => isNamed(past, wanted))
}

function onTrial(rollout: RolloutView, release: Release, now: number): Standing {
  const blocker = blockerOf(rollout, now)
  const because = `${rollout.phase} at ${place(rollout)}: ${blocker?.because ?? rollout.because ?? ''}`
  if (!blocker?.needsPerson) return { outcome: 'running', because, release }
  return { outcome: 'held', because, clearedBy: blocker.clearedBy, release }
}

function ended(past: PastRelease, { stable }: RolloutView): Standing {
  const { outcome, because, ...release } = past
  if (outcome === 'Superseded') return { outcome: 'superseded', because, release }
  if (outcome === 'Aborted') return { outcome: 'reverted', because, release }
  const later =
    stable && stable.revision !== past.revision ? `; ${stable.revision} is stable now` : ''
  return { outcome: 'promoted', because: `${because}${later}`, release }
}
