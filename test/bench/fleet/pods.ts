// ReplicaSets in, their pods out, ready at once: controller and node of the benchmark. Nothing runs in a pod.
import { isNotFound, type KubeApi, type KubeObject } from '../../../kube/api.ts'
import { systemClock } from '../../../kube/clock.ts'
import { createReflector } from '../../../kube/reflector.ts'
import { pods, replicaSets } from '../../../kube/resources.ts'
import { createWorkQueue } from '../../../kube/work-queue.ts'
import { renderPodStatus } from '../../../lab/nodes/pod-status.ts'

export interface Pods {
  close(): Promise<void>
}

export function playPods(api: KubeApi, onError: (error: unknown) => void): Pods {
  const closing = new AbortController()
  /** Names of the pods that were made, by key of their ReplicaSet. */
  const made = new Map<string, string[]>()
  const reflector = createReflector({
    api,
    resource: replicaSets,
    clock: systemClock,
    random: Math.random,
    onChange: (key) => queue.add(key),
  })
  const queue = createWorkQueue<string>({
    clock: systemClock,
    random: Math.random,
    concurrency: 16,
    onError: (_, error) => onError(error),
    handle: async (key) => {
      const [namespace = '', name = ''] = key.split('/')
      const replicaSet = reflector.store.get(namespace, name) ?? null
      const names = made.get(key) ?? []
      made.set(key, names)
      const wanted: number = replicaSet?.['spec'].replicas ?? 0
      while (replicaSet && names.length < wanted) {
        const pod = podOf(replicaSet, names.length)
        await makePod(api, pod)
        names.push(pod.metadata.name)
      }
      for (const gone of names.splice(wanted)) await removePod(api, namespace, gone)
      if (replicaSet) await report(api, replicaSet, wanted)
      else made.delete(key)
    },
  })
  const following = reflector.start(closing.signal)
  return {
    async close() {
      closing.abort()
      await following
      await queue.shutdown()
    },
  }
}

async function makePod(api: KubeApi, pod: KubeObject): Promise<void> {
  await api.create(pods, pod)
  const now = Date.now()
  const status = renderPodStatus({
    containers: [{ name: 'app', image: 'registry.example/app:v1' }],
    port: 8080,
    state: { kind: 'running', address: { ip: '127.0.0.1', port: 8080 }, isReady: true },
    startedAtMs: now,
    nowMs: now,
  })
  await api.patch(pods, pod.metadata, 'merge', { status }, { subresource: 'status' })
}

async function removePod(api: KubeApi, namespace: string, name: string): Promise<void> {
  try {
    await api.delete(pods, { namespace, name })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

/** Said only when it is news. */
async function report(api: KubeApi, replicaSet: KubeObject, count: number): Promise<void> {
  const { status, metadata } = replicaSet
  const observedGeneration = metadata.generation ?? 0
  const known = status?.readyReplicas ?? 0
  if (known === count && status?.observedGeneration === observedGeneration) return
  const counts = { readyReplicas: count, availableReplicas: count, fullyLabeledReplicas: count }
  const body = { status: { replicas: count, ...counts, observedGeneration } }
  try {
    await api.patch(replicaSets, metadata, 'merge', body, { subresource: 'status' })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

function podOf(replicaSet: KubeObject, index: number): KubeObject {
  const { namespace = '', name, uid = '' } = replicaSet.metadata
  const { template } = replicaSet['spec']
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid, controller: true }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-${index}`,
      namespace,
      labels: template.metadata.labels,
      annotations: template.metadata.annotations,
      ownerReferences: [owner],
    },
    spec: { ...template.spec, nodeName: 'bench' },
  }
}
