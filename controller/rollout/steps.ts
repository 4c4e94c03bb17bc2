// A strategy in, its steps out. After this file nobody knows whether it was a canary or blue-green.
import { durationMs } from '../../crds/duration.ts'
import type { CanaryStep } from '../../crds/rollout.ts'
import type { StepMatch } from '../../crds/step-match.ts'

export interface Step {
  /** Percent of traffic for the canary. */
  readonly weight: number
  /** Percent of `spec.replicas` that the canary's fleet has. */
  readonly fleetPercent: number
  readonly holdMs: number
  /** A person must say promote before this step is left. */
  readonly approval: boolean
  /** Checks gate this step. Without traffic to the canary there is nothing to check. */
  readonly isChecked: boolean
  /** Requests that reach the canary whatever the weight. */
  readonly match?: StepMatch | undefined
  readonly mirrorPercent?: number | undefined
}

/** What of a strategy its steps are made of. */
export interface Strategy {
  readonly canary?: { readonly steps: readonly CanaryStep[] } | undefined
  readonly blueGreen?:
    | {
        readonly hold: string
        readonly approval: boolean
        readonly preview?:
          | { readonly checks: boolean; readonly hold?: string | undefined }
          | undefined
      }
    | undefined
}

export function stepsOf(spec: Strategy): readonly Step[] {
  if (spec.blueGreen) {
    const { approval, hold, preview } = spec.blueGreen
    const isChecked = preview?.checks === true
    const holdMs = durationMs(preview?.hold ?? '0s')
    return [
      { weight: 0, fleetPercent: 100, holdMs, approval, isChecked },
      {
        weight: 100,
        fleetPercent: 100,
        holdMs: durationMs(hold),
        approval: false,
        isChecked: true,
      },
    ]
  }
  return (spec.canary?.steps ?? []).map((step) => ({
    weight: step.weight,
    // Copies are work like requests are: pods for the larger of both, or for as many as were asked for.
    fleetPercent: Math.max(step.weight, step.mirror ?? 0, step.scale ?? 0),
    holdMs: durationMs(step.hold ?? '0s'),
    approval: step.approval === true,
    isChecked: step.weight > 0 || step.match !== undefined || step.mirror !== undefined,
    match: step.match,
    mirrorPercent: step.mirror,
  }))
}

/** Pods of a trial where a share of traffic is a share of pods. */
export interface PodShare {
  readonly stable: number
  readonly canary: number
  /** What the canary really gets, in percent, not rounded. */
  readonly percent: number
}

/**
 * As near to a weight as numbers of pods allow. Up to one half stable keeps its size, so that going back
 * needs no pod to start first; above that stable shrinks beside a canary of full size.
 */
export function podShare(weight: number, replicas: number): PodShare {
  if (weight === 0 || weight === 100 || replicas === 0) {
    return { stable: replicas, canary: podsFor(Math.max(1, weight), replicas), percent: weight }
  }
  const small = Math.min(weight, 100 - weight)
  const part = Math.max(podsFor(small, replicas), Math.round((replicas * small) / (100 - small)))
  const [stable, canary] = weight > 50 ? [part, replicas] : [replicas, part]
  return { stable, canary, percent: (100 * canary) / (stable + canary) }
}

/** Ready pods that a share of traffic needs: none for no traffic, else at least one of those there are. */
export function podsFor(weight: number, replicas: number): number {
  return weight === 0 || replicas === 0 ? 0 : Math.max(1, Math.ceil((weight / 100) * replicas))
}
