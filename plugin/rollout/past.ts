// A rollout and a time in, what is known of that time out. Pure. The status keeps the present in full and of
// the past only how trials ended, so an answer always says what it rests on.
import { formatDuration } from '../../crds/duration.ts'
import { type Blocker, blockerOf } from './blocker.ts'
import { doing } from './precondition.ts'
import type { PastRelease, RolloutView } from './rollout-view.ts'

export interface PastAnswer {
  /** In a sentence. */
  readonly because: string
  readonly blocker?: Blocker
  /** What the answer rests on, and what cannot be known. */
  readonly known: string
}

export function stoodAt(rollout: RolloutView, at: number, now: number): PastAnswer {
  const { since, history } = rollout
  const ready = rollout.conditions['Ready']
  const begun = since ?? (rollout.phase === 'Stable' && ready?.isTrue ? ready.since : undefined)
  if (begun !== undefined && at >= begun) return inThisPhase(rollout, at, now)
  const isTrial = rollout.phase === 'Progressing' || rollout.phase === 'Paused'
  if (isTrial && rollout.startedAt !== undefined && at >= rollout.startedAt) {
    return {
      because: `revision ${rollout.canary?.revision ?? 'unknown'} was under trial, at a step before this one`,
      known: `The status keeps only the present step; when it was blocked then stands in the log and in events.`,
    }
  }
  const within = history.find((past) => isWithin(past, at))
  if (within) {
    return {
      because: `revision ${within.revision} was under trial; it ended as ${within.outcome} ${formatDuration(roundSeconds((within.endedAt ?? at) - at))} later: ${within.because}`,
      known:
        'The history keeps how a trial ended, not what it waited for meanwhile: that stands in the log and in events.',
    }
  }
  return betweenTrials(rollout, at)
}

function inThisPhase(rollout: RolloutView, at: number, now: number): PastAnswer {
  const { blockedBy, because = '' } = rollout
  if (blockedBy?.since !== undefined && at < blockedBy.since) {
    return {
      because: `${because}; nothing was waiting for a person yet`,
      known: 'From status.since and the time at which the present cause began.',
    }
  }
  const blocker = blockerOf(rollout, now)
  return {
    because: blocker?.because ?? `nothing was waited for: ${doing(rollout)}`,
    ...(blocker && { blocker }),
    known: 'This phase and step had begun, and nothing has changed them since.',
  }
}

function betweenTrials({ history, createdAt, stable }: RolloutView, at: number): PastAnswer {
  if (createdAt !== undefined && at < createdAt) {
    return { because: 'the rollout did not exist yet', known: 'From its time of creation.' }
  }
  const before = history.filter(({ endedAt }) => endedAt !== undefined && endedAt <= at)
  const last = before[0]
  const oldest = history.at(-1)
  if (!last) {
    return {
      because: 'not known',
      known: oldest?.startedAt
        ? `The history keeps the last ten trials, and the oldest began at ${new Date(oldest.startedAt).toISOString()}.`
        : 'No trial has ended yet, and the status keeps nothing else of the past.',
    }
  }
  const promoted = before.find(({ outcome }) => outcome === 'Promoted')
  const serving =
    promoted?.revision ??
    (history.some(({ outcome }) => outcome === 'Promoted') ? null : stable?.revision)
  const who = serving
    ? `revision ${serving} served all traffic`
    : 'the stable revision served all traffic'
  return {
    because: `no trial was under way: ${who} since ${last.revision} had ended as ${last.outcome}: ${last.because}`,
    known: 'From the history; whether the next release was held back then is not kept.',
  }
}

function isWithin({ startedAt, endedAt }: PastRelease, at: number): boolean {
  return startedAt !== undefined && endedAt !== undefined && startedAt <= at && at < endedAt
}

function roundSeconds(ms: number): number {
  return Math.round(ms / 1_000) * 1_000
}
