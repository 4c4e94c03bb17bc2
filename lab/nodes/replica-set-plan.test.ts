import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../kube/api.ts'
import { planReplicaSet, renderPod } from './replica-set-plan.ts'

const nowMs = Date.parse('2026-01-01T00:01:00Z')

const rows = [
  { name: 'starts all pods of a new set', replicas: 3, pods: [], missing: 3, surplus: [] },
  { name: 'adds what is missing', replicas: 3, pods: ['ready', 'ready'], missing: 1, surplus: [] },
  { name: 'is content', replicas: 2, pods: ['ready', 'waiting'], missing: 0, surplus: [] },
  {
    name: 'takes pods that are not ready first',
    replicas: 1,
    pods: ['waiting', 'ready'],
    missing: 0,
    surplus: ['pod-0'],
  },
  {
    name: 'takes the newest of the ready ones',
    replicas: 1,
    pods: ['ready', 'ready', 'ready'],
    missing: 0,
    surplus: ['pod-2', 'pod-1'],
  },
  { name: 'takes all', replicas: 0, pods: ['ready'], missing: 0, surplus: ['pod-0'] },
]

for (const row of rows) {
  test(`a ReplicaSet of ${row.replicas} with ${row.pods.length} pods ${row.name}`, () => {
    const plan = planReplicaSet(replicaSet(row.replicas), row.pods.map(pod), nowMs)
    assert.deepEqual(
      { missing: plan.missing, surplus: plan.surplus.map(({ metadata }) => metadata.name) },
      { missing: row.missing, surplus: row.surplus },
    )
  })
}

test('a pod is available when it was ready for minReadySeconds, and the plan says when', () => {
  const pods = [pod('ready', 0), pod('waiting', 1)]
  const youngIn = (minReadySeconds: number) => {
    const { status, wakeAtMs } = planReplicaSet(replicaSet(2, { minReadySeconds }), pods, nowMs)
    const { readyReplicas, availableReplicas } = status
    return { readyReplicas, availableReplicas, wakeAtMs }
  }
  assert.deepEqual(youngIn(10), { readyReplicas: 1, availableReplicas: 1, wakeAtMs: null })
  const later = { readyReplicas: 1, availableReplicas: 0, wakeAtMs: nowMs + 10_000 }
  assert.deepEqual(youngIn(40), later)
})

test('a pod is made of the template and owned by its ReplicaSet', () => {
  const made = renderPod(replicaSet(1), 'bcdfg')
  assert.deepEqual(made, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web-1-bcdfg',
      namespace: 'shop',
      labels: { app: 'web' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'web-1',
          uid: 'uid-1',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: { containers: [{ name: 'web', image: 'web:1' }] },
  })
})

function replicaSet(replicas: number, more: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web-1', namespace: 'shop', uid: 'uid-1', generation: 1 },
    spec: {
      replicas,
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'web:1' }] },
      },
      ...more,
    },
  }
}

function pod(state: string, index: number): KubeObject {
  const status = state === 'ready' ? 'True' : 'False'
  const lastTransitionTime = '2026-01-01T00:00:30Z'
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${index}`, labels: { app: 'web' } },
    status: { conditions: [{ type: 'Ready', status, lastTransitionTime }] },
  }
}
