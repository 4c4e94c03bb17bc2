// The stored status ⇄ the state machine's own state. An unreadable status is an error, never a guess.
import type { Release, RolloutStatus } from '../../crds/rollout-status.ts'
import type { abortReasons, pauseReasons } from '../../crds/words.ts'

export type PauseReason = (typeof pauseReasons)[number]
export type AbortReason = (typeof abortReasons)[number]

/** A trial of one revision at one step. */
export interface Trial {
  readonly canary: Release
  readonly step: number
  /** When this phase and step began, ms since epoch. */
  readonly since: number
  /** When the attempt began. */
  readonly startedAt: number
}

export type Phase =
  | { readonly kind: 'New' }
  | { readonly kind: 'Stable' }
  | ({ readonly kind: 'Progressing' } & Trial)
  | ({ readonly kind: 'Paused'; readonly reason: PauseReason } & Trial)
  | ({ readonly kind: 'Aborted'; readonly reason: AbortReason } & Trial)

export interface State {
  readonly phase: Phase
  /** The revision promoted last; null only in phase New. */
  readonly stable: Release | null
  /** Number of the last decision. */
  readonly decision: number
  /** Decision that began this phase. */
  readonly fence: number
  readonly attempt: number
}

/** A change of phase, with its reason and the commands it answers. */
export interface Advance {
  readonly phase: Phase
  readonly stable: Release | null
  readonly because: string
  /** A new attempt begins. */
  readonly isNewAttempt: boolean
  /** A revision that must not be tried again, or one a person allows again. */
  readonly quarantine?: Release
  readonly release?: Release
  /** How the attempt of the phase before ended. */
  readonly ended?: 'Promoted' | 'Aborted' | 'Superseded'
}

export function readState(status: RolloutStatus): State {
  return {
    phase: readPhase(status),
    stable: status.stable ?? null,
    decision: status.decision,
    fence: status.fence,
    attempt: status.attempt ?? 0,
  }
}

function readPhase(status: RolloutStatus): Phase {
  if (status.phase === undefined) return { kind: 'New' }
  if (!status.stable) throw unreadable('has a phase but no stable revision')
  if (status.phase === 'Stable') return { kind: 'Stable' }
  const { canary, step, since, reason } = status
  if (!canary || step === undefined || !since) {
    throw unreadable(`is ${status.phase} but names no canary, step or time`)
  }
  const trial = {
    canary,
    step,
    since: Date.parse(since),
    startedAt: Date.parse(status.startedAt ?? since),
  }
  if (status.phase === 'Progressing') return { kind: 'Progressing', ...trial }
  if (!reason) throw unreadable(`is ${status.phase} without a reason`)
  if (status.phase === 'Aborted') return { kind: 'Aborted', reason, ...trial }
  if (reason === 'failed' || reason === 'pods') throw unreadable(`is Paused because of ${reason}`)
  return { kind: 'Paused', reason, ...trial }
}

/** Thrown for a status that this version can not read; the Rollout is held until a person mends it. */
export class UnreadableStatus extends Error {
  override readonly name = 'UnreadableStatus'
}

function unreadable(what: string): UnreadableStatus {
  return new UnreadableStatus(
    `the stored status ${what}; it was written by another version or edited. ` +
      'Nothing is changed until .status is mended.',
  )
}
