// A ReplicaSet and its pods in; pods to create, pods to delete, and its status out. Pure.
import { z } from 'zod'
import type { KubeObject } from '../../kube/api.ts'

export interface ReplicaSetPlan {
  /** Pods to add. */
  readonly missing: number
  readonly surplus: readonly KubeObject[]
  readonly status: ReplicaSetStatus
  /** When the next pod becomes available by age, ms since epoch. */
  readonly wakeAtMs: number | null
}

export interface ReplicaSetStatus {
  readonly replicas: number
  readonly fullyLabeledReplicas: number
  readonly readyReplicas: number
  readonly availableReplicas: number
  readonly observedGeneration: number
}

const replicaLimit = 500

const ReplicaSet = z.looseObject({
  spec: z.looseObject({
    replicas: z.int().min(0).nullish(),
    minReadySeconds: z.number().min(0).nullish(),
    template: z.looseObject({
      metadata: z
        .looseObject({
          labels: z.record(z.string(), z.string()).nullish(),
          annotations: z.record(z.string(), z.string()).nullish(),
        })
        .nullish(),
      spec: z.looseObject({}),
    }),
  }),
  status: z.record(z.string(), z.unknown()).nullish(),
})

const PodStatus = z.looseObject({
  conditions: z
    .array(
      z.looseObject({
        type: z.string(),
        status: z.string(),
        lastTransitionTime: z.string().nullish(),
        message: z.string().nullish(),
      }),
    )
    .nullish(),
})

/** Throws when the object is not sound. `pods` are those it owns, oldest first, without those that leave. */
export function planReplicaSet(
  replicaSet: KubeObject,
  pods: readonly KubeObject[],
  nowMs: number,
): ReplicaSetPlan {
  const { spec } = ReplicaSet.parse(replicaSet)
  const wanted = Math.min(replicaLimit, spec.replicas ?? 1)
  const minReadyMs = (spec.minReadySeconds ?? 0) * 1000
  const labels = Object.entries(spec.template.metadata?.labels ?? {})
  const ranked = pods.map((pod, age) => ({ pod, age, readySinceMs: readySince(pod) }))
  const ready = ranked.flatMap(({ readySinceMs }) => (readySinceMs === null ? [] : [readySinceMs]))
  const pending = ready.map((sinceMs) => sinceMs + minReadyMs).filter((atMs) => atMs > nowMs)
  const surplus = ranked
    .toSorted(
      (a, b) => Number(a.readySinceMs !== null) - Number(b.readySinceMs !== null) || b.age - a.age,
    )
    .slice(0, Math.max(0, pods.length - wanted))
    .map(({ pod }) => pod)
  return {
    missing: Math.max(0, wanted - pods.length),
    surplus,
    status: {
      replicas: pods.length,
      fullyLabeledReplicas: pods.filter((pod) =>
        labels.every(([name, value]) => pod.metadata.labels?.[name] === value),
      ).length,
      readyReplicas: ready.length,
      availableReplicas: ready.length - pending.length,
      observedGeneration: replicaSet.metadata.generation ?? 0,
    },
    wakeAtMs: pending.length === 0 ? null : Math.min(...pending),
  }
}

export function isStatusCurrent(replicaSet: KubeObject, status: ReplicaSetStatus): boolean {
  const stored = ReplicaSet.parse(replicaSet).status ?? {}
  return Object.entries(status).every(([name, value]) => (stored[name] ?? 0) === value)
}

/** A pod of the template, owned by the ReplicaSet. */
export function renderPod(replicaSet: KubeObject, suffix: string): KubeObject {
  const { metadata } = replicaSet
  const { template } = ReplicaSet.parse(replicaSet).spec
  const { labels, annotations } = template.metadata ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${metadata.name.slice(0, 57)}-${suffix}`,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      labels: { ...labels },
      ...(annotations && { annotations: { ...annotations } }),
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: metadata.name,
          uid: metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: template.spec,
  }
}

/** Since when a pod is ready, ms since epoch; null when it is not. */
export function readySince(pod: KubeObject): number | null {
  const status = PodStatus.safeParse(pod['status'])
  const conditions = status.success ? (status.data.conditions ?? []) : []
  const ready = conditions.find(({ type }) => type === 'Ready')
  if (ready?.status !== 'True') return null
  const sinceMs = Date.parse(ready.lastTransitionTime ?? '')
  return Number.isNaN(sinceMs) ? 0 : sinceMs
}
