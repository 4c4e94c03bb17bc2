// An API server in, a cluster that runs ReplicaSets out: their controller and one node that never fills up.
import type { KubeApi } from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import { createReflector } from '../../kube/reflector.ts'
import { pods as podResource, replicaSets as replicaSetResource } from '../../kube/resources.ts'
import { createNode } from './node.ts'
import { createReplicaSetController, ownerIndex, ownersOf } from './replica-set-controller.ts'

export interface NodesOptions {
  readonly api: KubeApi
  readonly clock: Clock
  /** In [0, 1): names of pods, their latencies and errors. */
  readonly random: () => number
  /** False where the cluster has a controller of ReplicaSets itself. Default true. */
  readonly runsReplicaSets?: boolean
  /** Default: errors are dropped; the work is tried again anyway. */
  readonly onError?: (what: string, error: unknown) => void
}

export interface Nodes {
  /** Ends controller and servers at once; objects stay as they are. */
  close(): Promise<void>
}

/** Resolves once it has seen what exists. */
export async function startNodes(options: NodesOptions): Promise<Nodes> {
  const { api, clock, random, runsReplicaSets = true, onError = () => undefined } = options
  const closing = new AbortController()
  const replicaSets = createReflector({
    api,
    resource: replicaSetResource,
    clock,
    random,
    onChange: (key, object) => object && controller.noticeReplicaSet(key),
  })
  const pods = createReflector({
    api,
    resource: podResource,
    clock,
    random,
    indexes: { [ownerIndex]: ownersOf },
    onChange(_key, object, previous) {
      const pod = object ?? previous
      if (!pod) return
      node.notice(pod.metadata.uid ?? '', object)
      if (runsReplicaSets) controller.noticePod(pod)
    },
  })
  const shared = { api, replicaSets, pods, clock, random, onError }
  const controller = createReplicaSetController(shared)
  const node = createNode({ ...shared, nextAddress: createAddresses() })
  const followed = runsReplicaSets ? [pods, replicaSets] : [pods]
  const following = followed.map((reflector) => reflector.start(closing.signal))
  await Promise.all(followed.map((reflector) => reflector.synced))
  return {
    async close() {
      closing.abort()
      await Promise.all(following)
      await controller.close()
      await node.close()
    },
  }
}

/** Counts through 127.1.0.0/16, again from the start when that is used up. */
function createAddresses(): () => string {
  let count = 0
  return () => {
    count = (count % 65_000) + 1
    return `127.1.${count >> 8}.${count & 255}`
  }
}
