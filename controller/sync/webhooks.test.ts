import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import type { KubeObject } from '../../kube/api.ts'
import { ApiError } from '../../kube/api.ts'
import { serveWebhooks } from './webhook-server.ts'
import { createWebhooks, type Webhooks } from './webhooks.ts'

const secret = 'CANARY-webhook-secret'
const source: KubeObject = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'GitSource',
  metadata: { name: 'shop', namespace: 'shop' },
  spec: {
    repository: 'https://git.example/shop/environments.git',
    webhook: { kind: 'github', secretRef: { name: 'hook' } },
  },
}

function desk({ isLeading = true, hasSecret = true } = {}) {
  const seen: string[] = []
  const webhooks = createWebhooks({
    api: {
      get: async (_, { name }) => {
        seen.push(`get ${name}`)
        if (!hasSecret) throw new ApiError({ code: 404, reason: 'NotFound', message: 'no' })
        const data = { 'webhook-secret': Buffer.from(secret).toString('base64') }
        return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data }
      },
      patch: async (_, key, __, body) => {
        seen.push(`patch ${key.name} ${Object.keys(Object(body).metadata.annotations)}`)
        return source
      },
    },
    // Only one object is asked for.
    world: {
      sources: { get: (_: string, name: string) => (name === 'shop' ? source : undefined) },
    } as never,
    clock: { now: () => 1_000, monotonic: () => 0, sleep: async () => undefined },
    isLeading: () => isLeading,
    onHint: (namespace, name) => void seen.push(`hint ${namespace}/${name}`),
    onError: (error) => void seen.push(`error ${error}`),
  })
  return { webhooks, seen }
}

const repository = { clone_url: source['spec'].repository }
const push = { ref: 'refs/heads/main', repository }

function message(payload: unknown, more: { key?: string; path?: string; id?: string } = {}) {
  const body = Buffer.from(JSON.stringify(payload))
  const { key = secret, path = '/webhooks/shop/shop', id = '1' } = more
  const digest = createHmac('sha256', key).update(body).digest('hex')
  const headers = { 'x-hub-signature-256': `sha256=${digest}`, 'x-github-delivery': id }
  return { path, headers, body }
}

describe('a message of a host', () => {
  it('is a hint to look at the GitSource, once the host has its answer', async () => {
    const { webhooks, seen } = desk()
    const answer = await webhooks(message(push))
    assert.equal(answer.status, 202)
    assert.deepEqual(seen, ['get hook'])
    await answer.afterwards?.()
    assert.deepEqual(seen, ['get hook', 'hint shop/shop'])
    assert.equal((await webhooks(message(push))).status, 200, 'it came before')
  })

  it('reaches the leader by an annotation, without what the message said', async () => {
    const { webhooks, seen } = desk({ isLeading: false })
    await (await webhooks(message(push))).afterwards?.()
    assert.deepEqual(seen, ['get hook', 'patch shop sluice.dev/hint'])
  })

  const rows = [
    { says: 'of a stranger', sent: message(push, { key: 'guess' }), status: 401 },
    { says: 'to no GitSource', sent: message(push, { path: '/webhooks/shop/other' }), status: 404 },
    { says: 'to another path', sent: message(push, { path: '/webhooks/shop' }), status: 404 },
    { says: 'of another branch', sent: message({ ...push, ref: 'refs/heads/x' }), status: 200 },
    {
      says: 'of another repository',
      sent: message({ ...push, repository: { clone_url: 'https://git.example/other.git' } }),
      status: 200,
    },
  ]
  for (const { says, sent, status } of rows) {
    it(`${says} is answered ${status} and nothing is done`, async () => {
      const { webhooks, seen } = desk()
      const answer = await webhooks(sent)
      assert.equal(answer.status, status, answer.because)
      assert.equal(answer.afterwards, undefined)
      assert.ok(!seen.some((one) => one.startsWith('hint')))
    })
  }

  it('never reaches the API server more than once a minute, and not without a Secret', async () => {
    const { webhooks, seen } = desk({ hasSecret: false })
    for (let i = 0; i < 50; i += 1) {
      assert.equal((await webhooks(message(push, { key: 'guess', id: `${i}` }))).status, 404)
    }
    assert.equal(seen.filter((one) => one === 'get hook').length, 1)
    assert.match(seen[1] ?? '', /error SecretProblem: there is no Secret shop\/hook/)
  })
})

async function withServer(webhooks: Webhooks, work: (url: string) => Promise<void>) {
  const errors: unknown[] = []
  const onError = (error: unknown) => void errors.push(error)
  const at = { host: '127.0.0.1', port: 0 }
  const server = await serveWebhooks({ ...at, webhooks, onAnswer: () => undefined, onError })
  try {
    await work(server.url)
    assert.deepEqual(errors, [])
  } finally {
    await server.close()
  }
}

describe('the listener for hosts', () => {
  it('answers with the status alone, before the work', async () => {
    const { webhooks, seen } = desk()
    await withServer(webhooks, async (url) => {
      const { path, headers, body } = message(push)
      const answer = await fetch(`${url}${path}?a=b`, { method: 'POST', headers, body })
      assert.deepEqual([answer.status, await answer.text()], [202, '202\n'])
      assert.ok(seen.includes('hint shop/shop'))
      assert.equal((await fetch(`${url}${path}`)).status, 404, 'only POST is taken')
    })
  })

  it('refuses more than 1 MiB, also when its length is not told', async () => {
    const { webhooks } = desk()
    await withServer(webhooks, async (url) => {
      const body = new Uint8Array(1024 * 1024 + 1)
      const target = `${url}/webhooks/shop/shop`
      assert.equal((await fetch(target, { method: 'POST', body })).status, 413)
      const stream = new Blob([body]).stream()
      const init = { method: 'POST', body: stream, duplex: 'half' } as RequestInit
      const status = await fetch(target, init).then(
        (answer) => answer.status,
        () => 413,
      )
      assert.equal(status, 413)
    })
  })

  it('outlives a client that breaks off', async () => {
    const { webhooks } = desk()
    await withServer(webhooks, async (url) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1')
      socket.write('POST /webhooks/shop/shop HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc')
      await new Promise((resolve) => setTimeout(resolve, 20))
      socket.destroy()
      const { path, headers, body } = message(push)
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body })
      assert.equal(answer.status, 202)
    })
  })
})
