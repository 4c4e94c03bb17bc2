import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import { test } from 'node:test'
import { request } from 'undici'
import { systemClock } from '../../kube/clock.ts'
import { closeServer, listenOnLoopback } from '../loopback.ts'
import { portCondition } from '../nodes/pod-status.ts'
import { createRandom } from '../random.ts'
import { createMeshMetrics } from './metrics.ts'
import { createProxy } from './proxy.ts'
import { compileTable } from './route-table.ts'
import { pod, world } from './sample-objects.ts'
import { createUpstreams } from './upstreams.ts'

// Nobody listens there.
const deadPort = 1

test('a pod that takes no connections costs no request while another one lives', async () => {
  await withProxy(
    [null, (_request, response) => response.end('fine')],
    async ({ url, metrics }) => {
      for (let count = 0; count < 20; count += 1) {
        assert.deepEqual(await ask(url), { code: 200, flags: undefined, text: 'fine' })
      }
      assert.match(metrics(), /response_code="200",.*response_flags="-",.*\} 20$/m)
    },
  )
})

test('when no pod takes connections the answer says so, and the revision is blamed', async () => {
  await withProxy([null], async ({ url, metrics }) => {
    assert.deepEqual(await ask(url), { code: 503, flags: 'UF,URX', text: '' })
    const line = /destination_canonical_revision="v1",.*response_flags="UF,URX",.*\} 1$/m
    assert.match(metrics(), line)
  })
})

test('a pod that hangs up is not asked again', async () => {
  let asked = 0
  const hangUp: RequestListener = (message) => {
    asked += 1
    message.socket.destroy()
  }
  await withProxy([hangUp], async ({ url }) => {
    assert.deepEqual(await ask(url), { code: 503, flags: 'UC', text: '' })
    assert.equal(asked, 1)
  })
})

test('a body and its answer go through whole', async () => {
  const echo: RequestListener = (message, response) => void message.pipe(response)
  await withProxy([echo], async ({ url }) => {
    const body = 'x'.repeat(100_000)
    assert.deepEqual(await ask(url, { body }), { code: 200, flags: undefined, text: body })
    const long = await ask(url, { body: 'x'.repeat(1_100_000) })
    assert.deepEqual([long.code, long.text], [413, ''])
  })
})

test('a caller that goes away is counted with code 0 and not as a failure', async () => {
  const arrived = Promise.withResolvers<void>()
  await withProxy([() => arrived.resolve()], async ({ url, metrics }) => {
    const leaving = new AbortController()
    const asking = request(url, { headers: { host: 'checkout' }, signal: leaving.signal })
    await arrived.promise
    leaving.abort()
    await assert.rejects(asking)
    for (let count = 0; count < 200 && !metrics().includes('"DC"'); count += 1) {
      await systemClock.sleep(5)
    }
    assert.match(metrics(), /response_code="0",.*response_flags="DC",.*\} 1$/m)
  })
})

interface Running {
  readonly url: string
  readonly metrics: () => string
}

/** A proxy in front of pods with these listeners; null is a pod where nobody listens. */
async function withProxy(
  listeners: readonly (RequestListener | null)[],
  use: (running: Running) => Promise<void>,
): Promise<void> {
  const servers: Server[] = []
  const pods = await Promise.all(
    listeners.map(async (listener, index) => {
      const server = listener && createServer(listener)
      if (server) servers.push(server)
      const port = server ? new URL(await listenOnLoopback(server)).port : String(deadPort)
      const conditions = [
        { type: 'Ready', status: 'True' },
        { type: portCondition, status: 'True', message: port },
      ]
      return { ...pod('v1', index + 1), status: { podIP: '127.0.0.1', conditions } }
    }),
  )
  const table = compileTable(world({ objects: { pods } }), { namespace: 'shop', previous: null })
  const random = createRandom(3)
  const upstreams = createUpstreams(random)
  const metrics = createMeshMetrics({ workload: 'load', namespace: 'shop' })
  const parts = { table: () => table, upstreams, metrics, clock: systemClock, random }
  const handle = createProxy(parts)
  const proxy = createServer((message, response) => void handle(message, response))
  const url = await listenOnLoopback(proxy)
  try {
    await use({ url, metrics: metrics.render })
  } finally {
    await closeServer(proxy)
    await upstreams.close()
    await Promise.all(servers.map(closeServer))
  }
}

async function ask(url: string, { body }: { readonly body?: string } = {}) {
  const headers = { host: 'checkout' }
  const method = body === undefined ? 'GET' : 'POST'
  const answer = await request(url, { headers, method, body: body ?? null })
  const text = await answer.body.text()
  return { code: answer.statusCode, flags: answer.headers['x-response-flags'], text }
}
