// ReplicaSets and pods of the cluster in, pods created and deleted and ReplicaSet statuses out.
import { isConflict, isNotFound, type KubeApi, type KubeObject } from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import type { Reflector } from '../../kube/reflector.ts'
import { pods as podResource, replicaSets as replicaSetResource } from '../../kube/resources.ts'
import { type Key, parseKey } from '../../kube/store.ts'
import { createWorkQueue } from '../../kube/work-queue.ts'
import { randomSuffix } from '../random.ts'
import {
  isStatusCurrent,
  planReplicaSet,
  type ReplicaSetStatus,
  renderPod,
} from './replica-set-plan.ts'

export interface ReplicaSetControllerOptions {
  readonly api: KubeApi
  readonly replicaSets: Pick<Reflector, 'store'>
  /** Its store has the index `ownerIndex`. */
  readonly pods: Pick<Reflector, 'store'>
  readonly clock: Clock
  readonly random: () => number
  readonly onError: (what: string, error: unknown) => void
}

export interface ReplicaSetController {
  noticeReplicaSet(key: Key): void
  noticePod(pod: KubeObject): void
  close(): Promise<void>
}

/** Index of pods by the uid of the ReplicaSet that owns them. */
export const ownerIndex = 'owner'

export function ownersOf(pod: KubeObject): string[] {
  const owner = controllerOf(pod)
  return owner ? [owner.uid] : []
}

const burstLimit = 50
// Pods become ready by the dozen; their ReplicaSet tells of it once.
const batchMs = 25

export function createReplicaSetController(
  options: ReplicaSetControllerOptions,
): ReplicaSetController {
  const { clock, random } = options
  /** Pods that we deleted and the store still has. */
  const leaving = new Set<string>()
  const queue = createWorkQueue<Key>({
    clock,
    random,
    concurrency: 8,
    handle: (key) => converge(options, key, leaving),
    onError: (key, error) => options.onError(`converging ReplicaSet ${key}`, error),
    backOffBaseMs: 100,
    backOffCapMs: 5_000,
  })
  return {
    noticeReplicaSet: (key) => queue.add(key),
    noticePod(pod) {
      const { namespace, uid = '' } = pod.metadata
      if (!options.pods.store.get(namespace, pod.metadata.name)) leaving.delete(uid)
      const owner = controllerOf(pod)
      if (owner) queue.addAfter(`${namespace}/${owner.name}`, clock.now() + batchMs)
    },
    close: () => queue.shutdown(),
  }
}

async function converge(
  options: ReplicaSetControllerOptions,
  key: Key,
  leaving: Set<string>,
): Promise<number | null> {
  const { namespace, name } = parseKey(key)
  const replicaSet = options.replicaSets.store.get(namespace, name)
  if (!replicaSet || replicaSet.metadata.deletionTimestamp !== undefined) return null
  const owned = () =>
    options.pods.store
      .byIndex(ownerIndex, replicaSet.metadata.uid ?? '')
      .filter(({ metadata }) => !metadata.deletionTimestamp && !leaving.has(metadata.uid ?? ''))
      .toSorted((a, b) => bornMs(a) - bornMs(b))
  const { missing, surplus } = planReplicaSet(replicaSet, owned(), clock(options))
  const missingNow = Math.min(missing, burstLimit)
  await Promise.all([
    ...Array.from({ length: missingNow }, () => create(options, replicaSet)),
    ...surplus.map((pod) => remove(options, pod, leaving)),
  ])
  const after = planReplicaSet(replicaSet, owned(), clock(options))
  if (!isStatusCurrent(replicaSet, after.status)) {
    await writeStatus(options, replicaSet, after.status)
  }
  return missing > missingNow ? clock(options) : after.wakeAtMs
}

const clock = (options: ReplicaSetControllerOptions): number => options.clock.now()

async function create(options: ReplicaSetControllerOptions, owner: KubeObject): Promise<void> {
  const pod = renderPod(owner, randomSuffix(options.random))
  try {
    options.pods.store.learn(await options.api.create(podResource, pod))
  } catch (error) {
    // The name is taken: the next pass draws another one.
    if (!isConflict(error)) throw error
    throw new Error(`pod ${pod.metadata.name} exists already`, { cause: error })
  }
}

async function remove(
  options: ReplicaSetControllerOptions,
  pod: KubeObject,
  leaving: Set<string>,
): Promise<void> {
  const { uid = '' } = pod.metadata
  leaving.add(uid)
  try {
    await options.api.delete(podResource, pod.metadata, { uid })
  } catch (error) {
    if (isNotFound(error)) return
    leaving.delete(uid)
    throw error
  }
}

async function writeStatus(
  options: ReplicaSetControllerOptions,
  replicaSet: KubeObject,
  status: ReplicaSetStatus,
): Promise<void> {
  try {
    const answer = await options.api.patch(
      replicaSetResource,
      replicaSet.metadata,
      'merge',
      { status },
      { subresource: 'status' },
    )
    options.replicaSets.store.learn(answer)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

function bornMs(pod: KubeObject): number {
  return Date.parse(pod.metadata.creationTimestamp ?? '') || 0
}

function controllerOf(pod: KubeObject) {
  return pod.metadata.ownerReferences?.find(
    (owner) => owner.controller === true && owner.kind === 'ReplicaSet',
  )
}
