// A pod in, why it is not ready out. The store keeps only what that needs: of thousands of pods few matter.
import { compact } from '../crds/compact.ts'
import type { KubeObject } from './api.ts'

interface ContainerStatus {
  readonly ready?: boolean
  readonly restartCount?: number
  readonly state?: { readonly waiting?: Waiting; readonly terminated?: Waiting }
}

interface Waiting {
  readonly reason?: string
  readonly message?: string
}

export interface PodView {
  readonly name: string
  readonly uid: string
  /** Ms since epoch. */
  readonly createdAt: number
  readonly isReady: boolean
  /** It was told to end. */
  readonly isGoing: boolean
}

/** What the store keeps of a pod: its labels, and the parts of its status that tell of trouble. */
export function slimPod(pod: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, labels, deletionTimestamp } = pod.metadata
  const { creationTimestamp, ownerReferences } = pod.metadata
  const owner = ownerReferences?.find(({ controller }) => controller === true)?.uid
  const { phase, conditions, containerStatuses, initContainerStatuses } = pod['status'] ?? {}
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: compact({
      name,
      namespace,
      uid,
      resourceVersion,
      labels,
      creationTimestamp,
      deletionTimestamp,
      owner,
    }),
    status: compact({ phase, conditions, containerStatuses, initContainerStatuses }),
  }
}

/** What a restart needs to know of a pod of a ReplicaSet; null for a pod of another owner, or one that ended. */
export function readPod(pod: KubeObject, owner: string): PodView | null {
  const { name, uid = '', creationTimestamp, deletionTimestamp } = pod.metadata
  const { phase, conditions = [] } = pod['status'] ?? {}
  if (pod.metadata['owner'] !== owner || phase === 'Succeeded' || phase === 'Failed') return null
  const ready = conditions.find(({ type }: { type?: string }) => type === 'Ready')
  return {
    name,
    uid,
    createdAt: Date.parse(creationTimestamp ?? '') || 0,
    isReady: ready?.status === 'True',
    isGoing: deletionTimestamp !== undefined,
  }
}

/** Why a pod is not ready, as the cluster words it: `app CrashLoopBackOff: back-off 5m0s`; null when it is well. */
export function podTrouble(pod: KubeObject): string | null {
  const status = pod['status'] ?? {}
  const containers: (ContainerStatus & { readonly name?: string })[] = [
    ...(status.initContainerStatuses ?? []),
    ...(status.containerStatuses ?? []),
  ]
  for (const container of containers) {
    const { waiting, terminated } = container.state ?? {}
    const cause = waiting?.reason ? waiting : terminated
    if (container.ready || !cause?.reason || harmless.has(cause.reason)) continue
    return sentence(`${container.name ?? 'container'} ${cause.reason}`, cause.message)
  }
  const conditions: { type?: string; status?: string; reason?: string; message?: string }[] =
    status.conditions ?? []
  const scheduled = conditions.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status === 'False') {
    return sentence(scheduled.reason ?? 'Unschedulable', scheduled.message)
  }
  return null
}

/** On the way to ready, or done on purpose. */
const harmless = new Set(['ContainerCreating', 'PodInitializing', 'Completed'])
const messageLimit = 160

function sentence(reason: string, message: string | undefined): string {
  return message ? `${reason}: ${message.slice(0, messageLimit)}` : reason
}
