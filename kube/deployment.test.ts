import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from './api.ts'
import { followPatch, readDeployment, releasePatch, sizePatch } from './deployment.ts'

const template = { metadata: { labels: { app: 'checkout' } }, spec: { containers: [] } }
const deployment = (more: { spec?: object; status?: object; metadata?: object }): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'checkout',
    namespace: 'shop',
    resourceVersion: '9',
    generation: 2,
    ...more.metadata,
  },
  spec: { replicas: 4, strategy: { type: 'Recreate' }, template, ...more.spec },
  status: {
    observedGeneration: 2,
    replicas: 4,
    updatedReplicas: 4,
    availableReplicas: 4,
    ...more.status,
  },
})

const rows: [string, Parameters<typeof deployment>[0], object][] = [
  [
    'at rest',
    {},
    { desired: 4, pods: 4, ready: 4, isSettled: true, isHeld: false, follower: null },
  ],
  ['without a number of pods', { spec: { replicas: null } }, { desired: 1, isSettled: false }],
  ['that rolls', { status: { updatedReplicas: 1, replicas: 5 } }, { isSettled: false, pods: 5 }],
  ['that was just changed', { metadata: { generation: 3 } }, { isSettled: false, ready: 4 }],
  [
    'that was just scaled down',
    { metadata: { generation: 3 }, spec: { replicas: 1 } },
    { isSettled: false, ready: 1, pods: 4 },
  ],
  ['that a person paused', { spec: { paused: true } }, { isPaused: true, isHeld: false }],
  [
    'that is ours',
    {
      spec: { paused: true },
      metadata: {
        labels: { 'sluice.dev/rollout': 'checkout' },
        annotations: { 'sluice.dev/held': 'x', 'sluice.dev/decision': '7' },
      },
    },
    { isPaused: false, isHeld: true, follower: 'checkout', decision: 7 },
  ],
  [
    'without pods',
    {
      spec: { replicas: 0 },
      status: { replicas: null, updatedReplicas: null, availableReplicas: null },
    },
    { desired: 0, pods: 0, isSettled: true },
  ],
]
for (const [name, more, expected] of rows) {
  test(`a Deployment ${name} is read as it is`, () => {
    const view: Record<string, unknown> = { ...readDeployment(deployment(more)) }
    for (const [field, value] of Object.entries(expected))
      assert.deepEqual(view[field], value, field)
    assert.equal(view['template'], template)
  })
}

test('what is no Deployment is not guessed at', () => {
  assert.equal(readDeployment({ ...deployment({}), spec: { replicas: -1, template } }), null)
  assert.equal(readDeployment({ ...deployment({}), spec: null }), null)
})

test('patches carry the version that was read and touch nothing of the user', () => {
  const object = deployment({})
  assert.deepEqual(followPatch(object, 'checkout'), {
    metadata: { resourceVersion: '9', labels: { 'sluice.dev/rollout': 'checkout' } },
  })
  assert.deepEqual(sizePatch(object, { replicas: 2, decision: 5, isHeld: true }), {
    metadata: {
      resourceVersion: '9',
      annotations: {
        'sluice.dev/decision': '5',
        'sluice.dev/held': 'while Sluice exchanges its pods',
      },
    },
    spec: { replicas: 2, paused: true },
  })
  assert.deepEqual(sizePatch(object, { replicas: 0, decision: 6, isHeld: false }), {
    metadata: {
      resourceVersion: '9',
      annotations: { 'sluice.dev/decision': '6', 'sluice.dev/held': null },
    },
    spec: { replicas: 0, paused: null },
  })
  const traces = { 'sluice.dev/decision': null, 'sluice.dev/held': null }
  assert.deepEqual(releasePatch(object), {
    metadata: {
      resourceVersion: '9',
      labels: { 'sluice.dev/rollout': null },
      annotations: traces,
    },
  })
  const held = deployment({ metadata: { annotations: { 'sluice.dev/held': 'x' } } })
  assert.deepEqual(releasePatch(held), {
    ...(releasePatch(object) as object),
    spec: { paused: null },
  })
})
