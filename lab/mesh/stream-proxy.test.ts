import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTlsServer, request as requestTls } from 'node:https'
import { test } from 'node:test'
import { Agent, request } from 'undici'
import { closeServer, listenOnLoopback } from '../loopback.ts'
import { portCondition } from '../nodes/pod-status.ts'
import { createRandom } from '../random.ts'
import { readGreeting } from './client-hello.ts'
import { compileTable } from './route-table.ts'
import { full, pod, rule, to, virtualService, world } from './sample-objects.ts'
import { startStreamProxy } from './stream-proxy.ts'

const psk = Buffer.from('key')
const shared = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const

test('each new connection is split by weight, and what is open stays', async () => {
  await withStreams(
    [{ tcp: [{ match: [{ port: 80 }], ...rule(to('v1', 50), to('v2', 50)) }] }, false],
    async (port) => {
      const seen = new Set<string>()
      for (let count = 0; count < 20; count += 1) {
        const caller = new Agent({ connections: 1 })
        const [first, second] = [await ask(caller, port), await ask(caller, port)]
        assert.equal(first, second)
        seen.add(first)
        await caller.close()
      }
      assert.deepEqual([...seen].sort(), ['v1', 'v2'])
    },
  )
})

test('a connection that leads nowhere is closed', async () => {
  await withStreams(
    [{ tcp: [{ match: [{ port: 80 }], ...rule(to('v9', 1)) }] }, false],
    async (port) => {
      const caller = new Agent({ connections: 1 })
      await assert.rejects(ask(caller, port))
      await caller.close()
    },
  )
})

test('a handshake goes where its name leads, and other names to the plain Service', async () => {
  const match = [{ port: 80, sniHosts: ['shop.example'] }]
  await withStreams([{ tls: [{ match, ...rule(to('v2', 1)) }] }, true], async (port) => {
    for (let count = 0; count < 5; count += 1)
      assert.equal(await askTls(port, 'shop.example'), 'v2')
    const others = await Promise.all(
      Array.from({ length: 12 }, () => askTls(port, 'other.example')),
    )
    assert.ok(others.includes('v1'))
  })
})

test('a greeting is read when it is whole, and anything else is plain', () => {
  assert.deepEqual(readGreeting(Buffer.from('')), { kind: 'short' })
  assert.deepEqual(readGreeting(Buffer.from('GET /')), { kind: 'plain' })
  assert.deepEqual(readGreeting(Buffer.from([0x16, 3, 1, 1, 0, 1])), { kind: 'short' })
  assert.deepEqual(readGreeting(Buffer.from([0x16, 3, 1, 0, 2, 1, 0])), {
    kind: 'tls',
    serverName: null,
  })
})

/** Pods of v1 and v2 that say which they are, behind a VirtualService with these rules. */
async function withStreams(
  [spec, isEncrypted]: readonly [Record<string, unknown>, boolean],
  use: (port: number) => Promise<void>,
): Promise<void> {
  const servers = ['v1', 'v2'].map((revision) => {
    const listener = (_: unknown, response: { end(text: string): void }) => response.end(revision)
    return isEncrypted
      ? createTlsServer({ ...shared, pskCallback: () => psk }, listener)
      : createHttpServer(listener)
  })
  const pods = await Promise.all(
    servers.map(async (server, i) => {
      const port = new URL(await listenOnLoopback(server)).port
      const ready = { type: 'Ready', status: 'True' }
      const conditions = [ready, { type: portCondition, status: 'True', message: port }]
      return { ...pod(`v${i + 1}`, i + 1), status: { podIP: '127.0.0.1', conditions } }
    }),
  )
  const virtualServices = [virtualService('checkout', { hosts: ['checkout'], ...spec })]
  const objects = world({ objects: { pods, virtualServices } })
  const table = compileTable(objects, { namespace: 'shop', previous: null })
  const random = createRandom(3)
  const proxy = await startStreamProxy({ table: () => table, random, host: full, port: null })
  try {
    await use(proxy.port)
  } finally {
    await proxy.close()
    await Promise.all(servers.map(closeServer))
  }
}

async function ask(dispatcher: Agent, port: number): Promise<string> {
  const { body } = await request(`http://127.0.0.1:${port}`, { dispatcher })
  return body.text()
}

function askTls(port: number, servername: string): Promise<string> {
  const options = { ...shared, pskCallback: () => ({ psk, identity: 'lab' }), servername }
  return new Promise((resolve, reject) => {
    requestTls(
      { host: '127.0.0.1', port, agent: false, ...options, checkServerIdentity: () => undefined },
      (answer) => {
        answer.setEncoding('utf8').once('data', resolve)
      },
    )
      .once('error', reject)
      .end()
  })
}
