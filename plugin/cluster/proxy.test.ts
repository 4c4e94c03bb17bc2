import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { scriptedServer } from '../../test/doubles/scripted-server.ts'
import { createClient } from './kube-client.ts'
import { proxyFor } from './proxy.ts'

const env = { HTTPS_PROXY: 'http://p:3128', no_proxy: '10.0.0.0/8, .corp, in.example, h:6443' }

const rows: readonly [string, string | undefined, string | null][] = [
  ['https://api.example', undefined, 'http://p:3128/'],
  ['https://api.example', 'https://own', 'https://own/'],
  ['https://10.1.2.3:6443', undefined, null],
  ['https://11.1.2.3:6443', undefined, 'http://p:3128/'],
  ['https://a.corp', undefined, null],
  ['https://corp', undefined, 'http://p:3128/'],
  ['https://in.example', undefined, null],
  ['https://a.in.example', undefined, null],
  ['https://h:6443', undefined, null],
  ['https://h', undefined, 'http://p:3128/'],
  ['https://127.0.0.1:6443', undefined, null],
  ['https://127.0.0.1:6443', 'http://own', 'http://own/'],
  ['http://api.example', undefined, null],
]
for (const [server, own, expected] of rows) {
  test(`${server} with proxy-url ${own ?? 'unset'} goes through ${expected ?? 'no proxy'}`, () => {
    assert.equal(proxyFor(new URL(server), own, env)?.href ?? null, expected)
  })
}

test('a proxy of another protocol is refused', () => {
  assert.throws(() => proxyFor(new URL('https://a'), 'socks5://p', {}), /socks5: is not supported/)
})

test('requests go through the tunnel of a proxy that wants a password', async () => {
  await using server = await scriptedServer([{ code: 200, json: { kind: 'Ok' } }])
  const asked: unknown[] = []
  const proxy = createServer()
  proxy.on('connect', (request, socket) => {
    asked.push([request.url, request.headers['proxy-authorization']])
    const { port } = new URL(server.url)
    const upstream = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
    socket.on('error', () => upstream.destroy())
    upstream.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const client = await createClient({
    target: {
      context: 'c',
      namespace: 'n',
      cluster: {
        server: server.url,
        isInsecure: false,
        proxyUrl: `http://ann:pass@127.0.0.1:${port}`,
      },
      user: { name: 'ann', impersonation: {} },
    },
    credentials: { headers: {}, tls: { rejectUnauthorized: true } },
    env: {},
    timeoutMs: 5_000,
  })
  assert.deepEqual(await client.ask({ path: '/' }), { kind: 'Ok' })
  const login = `Basic ${Buffer.from('ann:pass').toString('base64')}`
  assert.deepEqual(asked, [[new URL(server.url).host, login]])
  proxy.close()
  proxy.closeAllConnections()
})
