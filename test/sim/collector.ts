// Changes of the cluster in; some moments later the garbage collector takes what has no owner any more.
import type { KubeObject, Resource } from '../../kube/api.ts'
import {
  configMaps,
  destinationRules,
  replicaSets,
  rollouts,
  services,
  virtualServices,
} from '../../kube/resources.ts'
import type { Change, Writer } from './api-server.ts'
import type { RouterPart } from './routers.ts'
import { routerOf } from './routing.ts'
import { rolloutKey } from './scenario.ts'
import type { World } from './world.ts'

/** A Rollout that is gone takes them along. */
const ownedBy = ({ route, subsets }: RouterPart): readonly Resource[] => [
  ...new Set([replicaSets, services, virtualServices, destinationRules, route, subsets ?? route]),
]
const collectMs = 500

/** The garbage collector: what has no owner goes. */
export function collect(world: World, { resource, type, object }: Change): void {
  const { kernel, server } = world
  const by = (): Writer => ({
    name: 'gc',
    isController: false,
    sentAt: kernel.now(),
    verb: 'delete',
  })
  const owned = ownedBy(routerOf(world.scenario))
  const isOrphan = ({ metadata: { ownerReferences: [owner] = [] } }: KubeObject) =>
    owner !== undefined && owner.uid !== server.get(rollouts, rolloutKey)?.metadata.uid
  const sweep = () => {
    for (const kind of owned) {
      for (const one of server.list(kind)) {
        if (isOrphan(one)) server.delete(by(), kind, one.metadata)
      }
    }
    const fleets = new Set(server.list(replicaSets).map(({ metadata }) => metadata.uid))
    for (const { metadata } of server.list(configMaps)) {
      const [owner] = metadata.ownerReferences ?? []
      if (owner && !fleets.has(owner.uid)) server.delete(by(), configMaps, metadata)
    }
  }
  const isOwner = [rollouts, replicaSets].some(({ plural }) => plural === resource.plural)
  const isGone = isOwner && type === 'DELETED'
  const isNewOrphan =
    type === 'ADDED' && owned.some(({ plural }) => plural === resource.plural) && isOrphan(object)
  if (isGone || isNewOrphan) kernel.after(collectMs, sweep)
}
