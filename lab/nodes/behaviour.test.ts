import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../random.ts'
import { nextTurn, planPod } from './behaviour.ts'

test('a pod without environment answers at once and never fails', () => {
  const { behaviour, identity, port, graceMs } = planPod(pod({}))
  assert.deepEqual(behaviour, {
    errorPercent: 0,
    latencyMs: 0,
    slowPercent: 0,
    slowMs: 1000,
    startupMs: 150,
    isCrashing: false,
    isEncrypted: false,
  })
  const expected = { service: 'web', version: '1.2', revision: 'abc', pod: 'web-1' }
  assert.deepEqual(identity, expected)
  assert.deepEqual({ port, graceMs }, { port: 8080, graceMs: 5000 })
})

test('the environment says how often a pod fails and how long it takes', () => {
  const env = { ERROR_PERCENT: '20', LATENCY_MS: '50', SLOW_PERCENT: '10', SLOW_MS: '900' }
  const { behaviour } = planPod(pod(env))
  const random = createRandom(1)
  const turns = Array.from({ length: 5_000 }, () => nextTurn(behaviour, random))
  const share = (holds: (turn: (typeof turns)[number]) => boolean) =>
    turns.filter(holds).length / turns.length
  assert.ok(Math.abs(share(({ code }) => code === 500) - 0.2) < 0.03)
  assert.ok(Math.abs(share(({ delayMs }) => delayMs === 900) - 0.1) < 0.03)
  assert.ok(turns.every(({ delayMs }) => delayMs === 900 || (delayMs >= 40 && delayMs <= 60)))
})

for (const env of [{ ERROR_PERCENT: 'many' }, { LATENCY_MS: '-1' }, { CRASH: 'perhaps' }]) {
  test(`an environment of ${JSON.stringify(env)} is refused`, () => {
    assert.throws(() => planPod(pod(env)), new RegExp(Object.keys(env).join()))
  })
}

function pod(env: Record<string, string>) {
  const entries = Object.entries(env).map(([name, value]) => ({ name, value }))
  const labels = { app: 'web', 'sluice.dev/revision': 'abc' }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', labels },
    spec: { containers: [{ name: 'main', image: 'registry:5000/web:1.2', env: entries }] },
  }
}
