// A world at rest in; what Sluice wrote and did not stamp with the fence of the phase, out. An old stamp lets
// an actor of the phase before write over the new one.
import { annotation, label } from '../../crds/names.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeObject } from '../../kube/api.ts'
import { replicaSets, virtualServices } from '../../kube/resources.ts'
import type { World } from './world.ts'

export function unfenced({ server }: World, { fence = 0, stable }: RolloutStatus): string | null {
  const inUse = [
    ...server.list(virtualServices),
    ...server
      .list(replicaSets)
      .filter(({ metadata }) => metadata.labels?.[label.revision] === stable?.revision),
  ]
  const old = inUse.find((object) => stampOf(object) < fence)
  return old
    ? `${old.kind} ${old.metadata.name} carries decision ${stampOf(old)}, the fence is ${fence}`
    : null
}

const stampOf = ({ metadata }: KubeObject): number =>
  Number(metadata.annotations?.[annotation.decision] ?? 0)
