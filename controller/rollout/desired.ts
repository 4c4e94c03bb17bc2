// State and spec in, the world we want out: weights and fleet sizes by revision.
import { compact } from '../../crds/compact.ts'
import type { Hash } from '../../crds/revision.ts'
import type { RolloutSpec } from '../../crds/rollout.ts'
import type { Aside, Weights } from './snapshot.ts'
import type { State, Trial } from './state.ts'
import { podShare, podsFor, type Step, stepsOf } from './steps.ts'
import { isSame } from './stored.ts'

export interface Desired {
  readonly weights: Weights
  /** Requests that reach the canary beside its weight. */
  readonly aside: Aside | null
  /** Pods by revision. A revision that is not named is to go, once it is drained. */
  readonly replicas: Readonly<Record<Hash, number>>
  /** What the preview Service leads to; null where none was asked for. */
  readonly preview: Hash | null
  /** The revision that serves what the canary does not. */
  readonly stable: Hash
}

/** What the route says now: while paused, the canary keeps at most that. */
export interface Stored {
  readonly weights: Weights
  readonly aside: Aside | null
}

export function desired(state: State, spec: RolloutSpec, stored: Stored): Desired | null {
  if (!state.stable) return null
  const stable = state.stable.revision
  const alone: Desired = {
    weights: { [stable]: 100 },
    aside: null,
    replicas: { [stable]: spec.replicas },
    preview: spec.blueGreen?.preview ? stable : null,
    stable,
  }
  const { phase } = state
  if (phase.kind !== 'Progressing' && phase.kind !== 'Paused') return alone
  const step = stepAt(spec, phase.step)
  const canary = phase.canary.revision
  const isPaused = phase.kind === 'Paused'
  const weight = isPaused ? Math.min(step.weight, stored.weights[canary] ?? 0) : step.weight
  const aside = asideOf(step, phase)
  return {
    weights: { [stable]: 100 - weight, [canary]: weight },
    aside: isPaused && !isSame(stored.aside, aside) ? null : aside,
    preview: spec.blueGreen?.preview ? canary : null,
    replicas: fleetSizes(spec, { stable, canary, weight, fleetPercent: step.fleetPercent }),
    stable,
  }
}

function asideOf({ match, mirrorPercent }: Step, { canary }: Trial): Aside | null {
  if (!match && mirrorPercent === undefined) return null
  return compact({ revision: canary.revision, match, mirrorPercent })
}

interface Shares {
  readonly stable: Hash
  readonly canary: Hash
  readonly weight: number
  readonly fleetPercent: number
}

function fleetSizes(spec: RolloutSpec, { stable, canary, weight, fleetPercent }: Shares) {
  if (isByPods(spec)) {
    const share = podShare(weight, spec.replicas)
    return { [stable]: share.stable, [canary]: share.canary }
  }
  // Stable keeps its full size through the trial, so that an abort needs nothing to start first; unless the
  // user would rather have the room, and abort wait for pods.
  const kept = spec.canary?.dynamicStableScale ? Math.max(1, 100 - weight) : 100
  return {
    [stable]: podsFor(kept, spec.replicas),
    [canary]: podsFor(Math.max(1, fleetPercent), spec.replicas),
  }
}

/** Without a mesh a share of traffic is a share of pods. */
export function isByPods({ traffic, canary }: RolloutSpec): boolean {
  return traffic.service !== undefined && canary !== undefined
}

/** The step of a trial. Steps that an edit removed under a running trial count as the last one left. */
export function stepAt(spec: RolloutSpec, index: number) {
  const steps = stepsOf(spec)
  const step = steps[Math.min(index, steps.length - 1)]
  if (!step) throw new Error('a strategy has at least one step')
  return step
}
