// Phases in, words out: conditions for machines, events and progress for people.
import type { Condition } from '../../crds/fields.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import type { Reason } from './reasons.ts'
import type { Snapshot } from './snapshot.ts'
import type { State } from './state.ts'
import { stepsOf } from './steps.ts'

/** A machine-readable reason with its sentence; becomes a Kubernetes event and a log line. */
export interface Announcement {
  readonly type: 'Normal' | 'Warning'
  readonly reason: Reason
  readonly note: string
}

/** Step of steps as people count, such as `2/4`. */
export function progressOf(state: State, spec: Snapshot['spec']): string | undefined {
  const { phase } = state
  if (phase.kind === 'New' || phase.kind === 'Stable') return undefined
  const total = stepsOf(spec).length
  return `${Math.min(phase.step + 1, total)}/${total}`
}

/** What a change of phase is called. */
export function announce(before: State, after: State, because: string): Announcement {
  const name = nameOfChange(before, after)
  const isWarning = after.phase.kind === 'Aborted' || name === 'Stalled'
  return { type: isWarning ? 'Warning' : 'Normal', reason: name, note: because }
}

function nameOfChange(before: State, { phase: to, ...after }: State): Reason {
  const { phase: from, stable } = before
  if (to.kind === 'Aborted') return 'Aborted'
  if (to.kind === 'Paused') return to.reason === 'person' ? 'Paused' : 'Stalled'
  if (to.kind === 'Progressing') {
    if (from.kind === 'Paused' && from.step === to.step) return 'Resumed'
    return after.attempt > before.attempt ? 'Started' : 'StepAdvanced'
  }
  if (from.kind === 'New') return 'Created'
  if (stable?.revision !== after.stable?.revision) return 'Promoted'
  return from.kind === 'Aborted' ? 'Restored' : 'Superseded'
}

interface Facts {
  readonly state: State
  readonly isSettled: boolean
  readonly blockedBy: RolloutStatus['blockedBy'] | undefined
  readonly because: string
}

/**
 * Conditions as kstatus reads them: `Ready` only at rest on the revision asked for, `Reconciling`
 * while work goes on by itself, `Stalled` when only a person or a commit can go on.
 */
export function conditionsOf(snapshot: Snapshot, facts: Facts): Condition[] {
  const { state, isSettled, blockedBy, because } = facts
  const isWanted = state.stable?.revision === snapshot.target.revision
  const isStalled =
    state.phase.kind === 'Aborted' ||
    (state.phase.kind === 'Paused' && state.phase.reason !== 'person') ||
    stallingReasons.has(blockedBy?.reason ?? '')
  const isReady = state.phase.kind === 'Stable' && isWanted && isSettled && !isStalled
  const reason = blockedBy?.reason ?? state.phase.kind
  const message = blockedBy?.message ?? because
  const conditions: [string, boolean][] = [
    ['Ready', isReady],
    ['Reconciling', !isReady && !isStalled],
    ['Stalled', isStalled],
  ]
  return conditions.map(([type, isTrue]) =>
    keepTransition(snapshot, {
      type,
      status: isTrue ? 'True' : 'False',
      reason,
      message,
      lastTransitionTime: new Date(snapshot.now).toISOString(),
      observedGeneration: snapshot.identity.generation,
    }),
  )
}

/** Causes that no amount of waiting removes. */
const stallingReasons = new Set([
  'Quarantined',
  'FleetGone',
  'Invalid',
  'MissingKind',
  'ConfigMissing',
  'WorkloadMissing',
  'AdoptionHeld',
  'WriteRefused',
  'Unreadable',
])

function keepTransition({ status }: Snapshot, condition: Condition): Condition {
  const before = status.conditions?.find((old) => old.type === condition.type)
  return before?.status === condition.status
    ? { ...condition, lastTransitionTime: before.lastTransitionTime }
    : condition
}
