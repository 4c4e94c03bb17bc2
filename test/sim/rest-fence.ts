// A world at rest in; what Sluice wrote and did not stamp with the fence of the phase, out. An old stamp lets
// an actor of the phase before write over the new one.
import { label } from '../../crds/names.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import { replicaSets } from '../../kube/resources.ts'
import { decisionOn } from './routes.ts'
import { routerOf } from './routing.ts'
import { namespace } from './scenario.ts'
import type { World } from './world.ts'

export function unfenced(
  { server, scenario }: World,
  { fence = 0, stable }: RolloutStatus,
): string | null {
  const router = routerOf(scenario)
  const inUse = [
    ...[server.get(router.route, { namespace, name: router.routeName })].filter(
      (one) => one !== null,
    ),
    ...server
      .list(replicaSets)
      .filter(({ metadata }) => metadata.labels?.[label.revision] === stable?.revision),
  ]
  const old = inUse.find((object) => decisionOn(object) < fence)
  return old
    ? `${old.kind} ${old.metadata.name} carries decision ${decisionOn(old)}, the fence is ${fence}`
    : null
}
