// A spec in, what its steps mean out. Written once more, apart from controller/rollout/steps.ts: an oracle that
// shares the product's arithmetic shares its mistakes.
import type { KubeObject } from '../../kube/api.ts'

interface Step {
  readonly weight: number
  readonly isChecked: boolean
}

/** Ready pods that a share of the traffic of all pods needs. */
export function podsFor(weight: number, replicas: number): number {
  if (weight <= 0 || replicas <= 0) return 0
  return Math.max(1, Math.ceil((weight * replicas) / 100))
}

/** Of steps that an edit took away, the last one left counts. */
export function stepAt(spec: KubeObject['spec'], index: number): Step {
  const weights: number[] = spec.blueGreen
    ? [0, 100]
    : spec.canary.steps.map((step: { weight: number }) => step.weight)
  const weight = weights[Math.min(index, weights.length - 1)] ?? 0
  return { weight, isChecked: weight > 0 }
}
