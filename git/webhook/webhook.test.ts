// Messages as the hosts sign them, and as nobody should: only what the secret signed gives a hint.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type Headers,
  isSameRepository,
  maxWebhookBytes,
  verifyWebhook,
  type WebhookKind,
  webhookKinds,
} from './webhook.ts'
import { createWebhookHandler } from './webhook-handler.ts'

const secret = "It's a Secret to Everybody"
const nowMs = 1_700_000_000_000
const hmac = (body: string, key: string | Buffer = secret) => createHmac('sha256', key).update(body)

const repository = {
  clone_url: 'https://git.example.com/shop/environments.git',
  ssh_url: 'git@git.example.com:shop/environments.git',
}
const push = JSON.stringify({ ref: 'refs/heads/main', repository })
const gitlabPush = JSON.stringify({
  object_kind: 'push',
  ref: 'refs/heads/main',
  project: { git_http_url: repository.clone_url, git_ssh_url: repository.ssh_url },
})
const cloudPush = JSON.stringify({
  push: { changes: [{ new: { type: 'branch', name: 'main' }, old: null }] },
  repository: { links: { html: { href: 'https://git.example.com/shop/environments' } } },
})
const centerPush = JSON.stringify({
  changes: [{ refId: 'refs/heads/main', type: 'UPDATE' }],
  repository: { links: { clone: [{ name: 'http', href: repository.clone_url }] } },
})

const signingKey = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`
const standard = (body: string, seconds: number, key = signingKey) => ({
  'webhook-id': 'msg_1',
  'webhook-timestamp': String(seconds),
  'webhook-signature': `v1,${createHmac('sha256', Buffer.from(key.slice(6), 'base64'))
    .update(`msg_1.${seconds}.${body}`)
    .digest('base64')}`,
})

interface Row {
  readonly name: string
  readonly kind: WebhookKind
  readonly body: string
  readonly headers: Headers
  readonly secret?: string
}

const good: Row[] = [
  {
    name: 'GitHub',
    kind: 'github',
    body: push,
    headers: { 'x-hub-signature-256': `sha256=${hmac(push).digest('hex')}` },
  },
  {
    name: 'GitLab with a token',
    kind: 'gitlab',
    body: gitlabPush,
    headers: { 'x-gitlab-token': secret },
  },
  {
    name: 'GitLab with a signing key',
    kind: 'gitlab',
    body: gitlabPush,
    headers: standard(gitlabPush, nowMs / 1_000 - 60),
    secret: signingKey,
  },
  {
    name: 'Gitea',
    kind: 'gitea',
    body: push,
    headers: { 'x-gitea-signature': hmac(push).digest('hex') },
  },
  {
    name: 'Forgejo',
    kind: 'gitea',
    body: push,
    headers: { 'x-forgejo-signature': hmac(push).digest('hex') },
  },
  {
    name: 'Bitbucket Cloud',
    kind: 'bitbucket',
    body: cloudPush,
    headers: { 'x-hub-signature': `sha256=${hmac(cloudPush).digest('hex')}` },
  },
  {
    name: 'Bitbucket Data Center',
    kind: 'bitbucket',
    body: centerPush,
    headers: { 'x-hub-signature': `sha256=${hmac(centerPush).digest('hex')}` },
  },
]

const verify = (row: Row, more: Partial<Row & { nowMs: number }> = {}) => {
  const all = { ...row, ...more }
  return verifyWebhook({
    kind: all.kind,
    secret: all.secret ?? secret,
    headers: all.headers,
    body: Buffer.from(all.body),
    nowMs: more.nowMs ?? nowMs,
  })
}
const statusOf = (...args: Parameters<typeof verify>) => {
  const result = verify(...args)
  return result.ok ? 202 : result.status
}

describe('a message of a host', () => {
  it('has the signature of the documentation of GitHub', () => {
    const body = 'Hello, World!'
    const value = '757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
    const headers = { 'x-hub-signature-256': `sha256=${value}` }
    // Signed, but no JSON.
    assert.equal(statusOf({ name: '', kind: 'github', body, headers }), 400)
  })

  for (const row of good) {
    it(`of ${row.name} gives its repository and branch`, () => {
      const result = verify(row)
      assert.ok(result.ok, JSON.stringify(result))
      assert.equal(result.hint?.branch, 'main')
      assert.ok(
        result.hint?.repositories.some((url) => isSameRepository(url, repository.clone_url)),
      )
    })

    it(`of ${row.name} is refused when anything about it is wrong`, () => {
      assert.equal(statusOf(row, { secret: '' }), 404, 'no secret')
      assert.equal(statusOf(row, { secret: 'other' }), 401, 'other secret')
      assert.equal(statusOf(row, { headers: {} }), 401, 'no header')
      if (!('x-gitlab-token' in row.headers)) {
        assert.equal(statusOf(row, { body: `${row.body} ` }), 401, 'other body')
      }
      for (const [name, value] of Object.entries(row.headers)) {
        const text = String(value)
        const changed = text.slice(0, -2) + (text.at(-2) === '0' ? '1' : '0') + text.slice(-1)
        for (const wrong of [changed, '', text.slice(0, -1), `${text}0`, [text, text]]) {
          const headers = { ...row.headers, [name]: wrong }
          assert.equal(statusOf(row, { headers }), 401, `${name}: ${wrong}`)
        }
      }
      const large = { body: ' '.repeat(maxWebhookBytes + 1) }
      assert.equal(statusOf(row, large), 413)
    })

    it(`of ${row.name} is none of another kind`, () => {
      for (const kind of webhookKinds.filter((one) => one !== row.kind)) {
        assert.equal(statusOf(row, { kind }), 401, kind)
      }
    })
  }

  it('with an old or a future time is refused', () => {
    const row = good[2]
    assert.ok(row)
    for (const ms of [6 * 60_000, -6 * 60_000]) {
      assert.equal(statusOf(row, { nowMs: nowMs - 60_000 + ms }), 401)
    }
  })

  it('that is signed but odd gives no hint, and never throws', () => {
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.record({ ref: fc.jsonValue(), repository: fc.jsonValue() }),
    )
    fc.assert(
      fc.property(odd, (value) => {
        const body = JSON.stringify(value)
        const headers = { 'x-hub-signature-256': `sha256=${hmac(body).digest('hex')}` }
        const result = verify({ name: '', kind: 'github', body, headers })
        assert.ok(result.ok ? result.hint === null : result.status === 400)
      }),
      { numRuns: 300 },
    )
  })

  it('is acted on once', async () => {
    let time = nowMs
    const handler = createWebhookHandler({ kind: 'github', secret: () => secret, now: () => time })
    const send = (delivery: string) =>
      handler(
        {
          'x-hub-signature-256': `sha256=${hmac(push).digest('hex')}`,
          'x-github-delivery': delivery,
        },
        Buffer.from(push),
      )
    const statuses = async (ids: string[]) =>
      Promise.all(ids.map(async (id) => (await send(id)).status))
    assert.deepEqual(await statuses(['a', 'a', 'b']), [202, 200, 202])
    time += 2 * 60 * 60_000
    assert.deepEqual(await statuses(['a']), [202])
    const many = await statuses(Array.from({ length: 700 }, (_, i) => `n${i}`))
    assert.deepEqual([...new Set(many)], [202, 429])
  })

  it('names a repository in any of its spellings', () => {
    const same = [
      'https://git.example.com/shop/environments.git',
      'https://GIT.example.com/shop/environments/',
      'ssh://git@git.example.com:2222/shop/environments.git',
      'git@git.example.com:shop/environments.git',
    ]
    for (const one of same) assert.ok(isSameRepository(one, same[0] ?? ''), one)
    for (const other of ['https://evil.example.com/shop/environments', 'x', '']) {
      assert.ok(!isSameRepository(other, same[0] ?? ''), other)
    }
  })
})
