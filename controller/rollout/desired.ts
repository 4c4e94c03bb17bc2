// State and spec in, the world we want out: weights and fleet sizes by revision.
import type { Hash } from '../../crds/revision.ts'
import type { RolloutSpec } from '../../crds/rollout.ts'
import type { Weights } from './snapshot.ts'
import type { State } from './state.ts'
import { podsFor, stepsOf } from './steps.ts'

export interface Desired {
  readonly weights: Weights
  /** Pods by revision. A revision that is not named is to go, once it is drained. */
  readonly replicas: Readonly<Record<Hash, number>>
  /** The revision that serves what the canary does not. */
  readonly stable: Hash
}

/** `stored` are the weights of the route now: while paused, the canary keeps at most what it has. */
export function desired(state: State, spec: RolloutSpec, stored: Weights): Desired | null {
  if (!state.stable) return null
  const stable = state.stable.revision
  const alone: Desired = {
    weights: { [stable]: 100 },
    replicas: { [stable]: spec.replicas },
    stable,
  }
  const { phase } = state
  if (phase.kind !== 'Progressing' && phase.kind !== 'Paused') return alone
  const step = stepAt(spec, phase.step)
  const canary = phase.canary.revision
  const weight = phase.kind === 'Paused' ? Math.min(step.weight, stored[canary] ?? 0) : step.weight
  return {
    weights: { [stable]: 100 - weight, [canary]: weight },
    replicas: {
      // Stable keeps its full size through the trial, so that an abort needs nothing to start first.
      [stable]: spec.replicas,
      [canary]: podsFor(Math.max(1, step.fleetPercent), spec.replicas),
    },
    stable,
  }
}

/** The step of a trial. Steps that an edit removed under a running trial count as the last one left. */
export function stepAt(spec: RolloutSpec, index: number) {
  const steps = stepsOf(spec)
  const step = steps[Math.min(index, steps.length - 1)]
  if (!step) throw new Error('a strategy has at least one step')
  return step
}
