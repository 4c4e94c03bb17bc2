import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import type { KubeApi } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { closeServer, listenOnLoopback } from '../loopback.ts'
import { createRandom } from '../random.ts'
import { startMesh } from './start.ts'

test('a mesh whose port is taken leaves nothing running', async () => {
  const other = createServer()
  const port = Number(new URL(await listenOnLoopback(other)).port)
  const watches = new Set<AbortSignal>()
  const source = { workload: 'load', namespace: 'shop' }
  const parts = { api: emptyApi(watches), clock: systemClock, random: createRandom(1), source }
  await assert.rejects(startMesh({ ...parts, port }), /listening on port/)
  assert.deepEqual(
    [...watches].filter((signal) => !signal.aborted),
    [],
  )
  await closeServer(other)
})

/** Lists nothing and watches until told to stop. */
function emptyApi(watches: Set<AbortSignal>): KubeApi {
  const refuse = () => Promise.reject(new Error('nothing is written here'))
  return {
    get: refuse,
    create: refuse,
    replace: refuse,
    patch: refuse,
    delete: refuse,
    list: async () => ({ items: [], resourceVersion: '1' }),
    // biome-ignore lint/correctness/useYield: nothing ever happens
    async *watch(_resource, _query, signal) {
      watches.add(signal)
      await systemClock.sleep(60_000, signal)
    },
  }
}
