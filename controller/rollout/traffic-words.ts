// A step in, the traffic it gives to the canary out, in words that are true also without a mesh.
import type { RolloutSpec } from '../../crds/rollout.ts'
import { isByPods } from './desired.ts'
import { podShare, type Step } from './steps.ts'

/** Such as `5 %`, `0 % and requests that match`, or `25 %, really 20 % by pods`. */
export function trafficOf(step: Step, spec: RolloutSpec): string {
  const { weight, match, mirrorPercent } = step
  const parts = [
    `${weight} %${byPods(weight, spec)}`,
    ...(match ? ['requests that match'] : []),
    ...(mirrorPercent === undefined ? [] : [`copies of ${mirrorPercent} %`]),
  ]
  return parts.join(' and ')
}

function byPods(weight: number, spec: RolloutSpec): string {
  if (!isByPods(spec)) return ''
  const percent = Math.round(podShare(weight, spec.replicas).percent * 10) / 10
  return percent === weight ? '' : `, really ${percent} % by pods`
}
