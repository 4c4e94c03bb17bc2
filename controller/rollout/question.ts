// A snapshot in, what analysis should look at out: which revision, at which step, since when.
import { see } from './decide.ts'
import { stepAt } from './desired.ts'
import { heldUntil } from './gate.ts'
import { hasTraffic } from './seen.ts'
import type { Snapshot } from './snapshot.ts'
import { readState } from './state.ts'

export interface Question {
  readonly revision: string
  readonly stable: string | null
  readonly step: number
  /** When this step was both begun and live, ms since epoch: no evidence is older. */
  readonly fromMs: number
  /** The hold is over and the pods are there: a pass may be said now. */
  readonly final: boolean
}

/** What to ask now, or null when the canary has no live traffic to be asked about. */
export function questionOf(snapshot: Snapshot): Question | null {
  const state = readState(snapshot.status)
  const { phase } = state
  if (phase.kind !== 'Progressing' && phase.kind !== 'Paused') return null
  if (!snapshot.spec.analysis || !stepAt(snapshot.spec, phase.step).isChecked) return null
  const isPreviewed = snapshot.preview === phase.canary.revision
  if (!hasTraffic(snapshot.route, phase.canary.revision) && !isPreviewed) return null
  const seen = see(snapshot, state)
  if (!seen || seen.liveAt === null || seen.liveAt > snapshot.now) return null
  return {
    revision: phase.canary.revision,
    stable: state.stable?.revision ?? null,
    step: phase.step,
    fromMs: Math.max(phase.since, seen.liveAt),
    final: seen.isServing && snapshot.now >= heldUntil(snapshot, phase, seen),
  }
}
