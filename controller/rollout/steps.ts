// A strategy in, its steps out. After this file nobody knows whether it was a canary or blue-green.
import { durationMs } from '../../crds/duration.ts'
import type { RolloutSpec } from '../../crds/rollout.ts'

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
}

export function stepsOf(spec: Pick<RolloutSpec, 'canary' | 'blueGreen'>): readonly Step[] {
  if (spec.blueGreen) {
    const { approval, hold } = spec.blueGreen
    return [
      { weight: 0, fleetPercent: 100, holdMs: 0, approval, isChecked: false },
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
    fleetPercent: step.weight,
    holdMs: durationMs(step.hold ?? '0s'),
    approval: step.approval === true,
    isChecked: step.weight > 0,
  }))
}

/** Ready pods that a share of traffic needs: none for no traffic, else at least one of those there are. */
export function podsFor(weight: number, replicas: number): number {
  return weight === 0 || replicas === 0 ? 0 : Math.max(1, Math.ceil((weight / 100) * replicas))
}
