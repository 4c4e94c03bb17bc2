import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from './api.ts'
import { podTrouble, readPod, slimPod } from './pod.ts'

const pod = (status: unknown): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'checkout-1', namespace: 'shop', uid: 'u', annotations: { big: 'x' } },
  spec: { containers: [] },
  status,
})

describe('the trouble of a pod', () => {
  const rows: [string, unknown, string | null][] = [
    ['a pod that is ready', { containerStatuses: [{ name: 'app', ready: true }] }, null],
    [
      'a container that is being created',
      { containerStatuses: [{ name: 'app', state: { waiting: { reason: 'ContainerCreating' } } }] },
      null,
    ],
    [
      'a crash loop',
      {
        containerStatuses: [
          {
            name: 'app',
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s' } },
          },
        ],
      },
      'app CrashLoopBackOff: back-off 5m0s',
    ],
    [
      'an init container that can not pull its image',
      {
        initContainerStatuses: [
          { name: 'migrate', state: { waiting: { reason: 'ErrImagePull' } } },
        ],
      },
      'migrate ErrImagePull',
    ],
    [
      'a pod for which there is no node',
      {
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' },
        ],
      },
      'Unschedulable: 0/3 nodes',
    ],
    ['a pod without a status', undefined, null],
  ]
  for (const [what, status, expected] of rows) {
    it(`of ${what} is ${expected}`, () => {
      assert.equal(podTrouble(pod(status)), expected)
      assert.equal(podTrouble(slimPod(pod(status))), expected, 'the slim form tells the same')
    })
  }

  it('is all that the store keeps', () => {
    assert.deepEqual(Object.keys(slimPod(pod({ phase: 'Running', podIP: '1.2.3.4' }))['status']), [
      'phase',
    ])
  })
})

describe('a pod that may be restarted', () => {
  const owned = (status: object, metadata: object = {}): KubeObject => ({
    ...pod({ phase: 'Running', ...status }),
    metadata: {
      ...pod(null).metadata,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Other', name: 'x', uid: 'other' },
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'rs1', controller: true },
      ],
      ...metadata,
    },
  })
  const view = { name: 'checkout-1', uid: 'u', createdAt: Date.UTC(2026, 0, 1) }
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] }
  const rows: [string, KubeObject, ReturnType<typeof readPod>][] = [
    ['a ready one', owned(ready), { ...view, isReady: true, isGoing: false }],
    ['one that is not ready', owned({}), { ...view, isReady: false, isGoing: false }],
    [
      'one that ends',
      owned(ready, { deletionTimestamp: '2026-01-02T00:00:00Z' }),
      { ...view, isReady: true, isGoing: true },
    ],
    ['one that ended', owned({ phase: 'Failed' }), null],
    ['one of nobody', owned(ready, { ownerReferences: undefined }), null],
  ]
  for (const [what, object, expected] of rows) {
    it(`is read from what the store keeps: ${what}`, () => {
      assert.deepEqual(readPod(slimPod(object), 'rs1'), expected)
      assert.equal(readPod(slimPod(object), 'other'), null)
    })
  }
})
