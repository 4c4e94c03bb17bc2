import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { closeServer, listenOnLoopback } from '../loopback.ts'
import { createRandom } from '../random.ts'
import { planPod } from './behaviour.ts'
import { startPodServer } from './pod-server.ts'
import { portCondition, renderPodStatus } from './pod-status.ts'

test('where the port is taken on every address, the pod takes a free one and says which', async () => {
  const other = createServer()
  const taken = Number(new URL(await listenOnLoopback(other)).port)
  const plan = planPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1' },
    spec: { containers: [{ name: 'web', image: 'web:1', ports: [{ containerPort: taken }] }] },
  })
  const nextAddress = () => '127.0.0.1'
  const server = await startPodServer({ plan, nextAddress, random: createRandom(1) })
  const { address } = server
  assert.notEqual(address.port, taken)
  const { conditions } = renderPodStatus({
    containers: plan.containers,
    port: plan.port,
    state: { kind: 'running', address, isReady: true },
    startedAtMs: 0,
    nowMs: 0,
  })
  assert.deepEqual(conditions.at(-1), {
    type: portCondition,
    status: 'True',
    lastTransitionTime: '1970-01-01T00:00:00Z',
    message: String(address.port),
  })
  server.stop(0)
  await server.stopped
  await closeServer(other)
})
