// Every provider against HTTP servers that behave and that do not.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { scriptedServer } from '../../test/doubles/scripted-server.ts'
import { allowedHosts, isInside } from './allowed-hosts.ts'
import { commit, newsFor, specOf } from './notify.fixture.ts'
import { type Answer, post } from './post.ts'
import { messageOf } from './provider.ts'

const secretRef = { name: 'receiver' }
const secrets = (url: string) => (key: string) => (key === 'url' ? `${url}/hook/s3cret` : 's3cret')
const everywhere = (url: string, timeoutMs = 5_000) => ({
  hosts: allowedHosts(url),
  signal: new AbortController().signal,
  timeoutMs,
})

const providers: Readonly<Record<string, (url: string) => object>> = {
  slack: () => ({ slack: { secretRef } }),
  teams: () => ({ teams: { secretRef } }),
  webhook: (url) => ({ webhook: { url: `${url}/events`, secretRef } }),
  github: (api) => ({ github: { repository: 'https://github.com/shop/web.git', api, secretRef } }),
  gitlab: (api) => ({ gitlab: { repository: 'https://gitlab.com/shop/web', api, secretRef } }),
}

const sent: Readonly<Record<string, readonly [path: string, body: unknown]>> = {
  slack: ['/hook/s3cret', { text: 'shop/checkout: Aborted. 5 &lt; 99' }],
  teams: [
    '/hook/s3cret',
    {
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          contentUrl: null,
          content: {
            $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
            type: 'AdaptiveCard',
            version: '1.4',
            body: [
              { type: 'TextBlock', text: 'shop/checkout: Aborted. 5 \\< 99', wrap: true },
              {
                type: 'FactSet',
                facts: [
                  { title: 'revision', value: '77ab01cdef' },
                  { title: 'commit', value: commit },
                  { title: 'step', value: '2/4' },
                  { title: 'weight', value: '0 %' },
                ],
              },
            ],
          },
        },
      ],
    },
  ],
  webhook: [
    '/events',
    {
      specversion: '1.0',
      id: newsFor('Aborted').id,
      source: '/apis/sluice.dev/v1alpha1/namespaces/shop/rollouts/checkout',
      type: 'dev.sluice.rollout.aborted',
      subject: 'shop/checkout',
      time: '2026-01-01T12:00:00.000Z',
      datacontenttype: 'application/json',
      data: {
        kind: 'Rollout',
        namespace: 'shop',
        name: 'checkout',
        uid: 'u-1',
        reason: 'Aborted',
        because: '5 < 99',
        at: '2026-01-01T12:00:00.000Z',
        phase: 'Aborted',
        progress: '2/4',
        stable: { revision: '11aa22bb33', commit: 'f00d'.padEnd(40, '0') },
        release: { revision: '77ab01cdef', commit },
      },
    },
  ],
  github: [
    `/repos/shop/web/statuses/${commit}`,
    { state: 'failure', context: 'sluice/shop.checkout', description: 'Aborted: 5 < 99' },
  ],
  gitlab: [
    `/projects/shop%2Fweb/statuses/${commit}`,
    { state: 'failed', name: 'sluice/shop.checkout', description: 'Aborted: 5 < 99' },
  ],
}

const deliver = (name: string, url: string, more: { reason?: string; timeoutMs?: number } = {}) => {
  const { reason = 'Aborted', timeoutMs } = more
  const spec = specOf(providers[name]?.(url) ?? {})
  const message = messageOf(spec, newsFor(reason, '5 < 99'), secrets(url))
  assert.ok(message)
  return post(message, everywhere(url, timeoutMs))
}

const inTwoMinutes = {
  date: 'Thu, 01 Jan 2026 00:00:00 GMT',
  'retry-after': 'Thu, 01 Jan 2026 00:02:00 GMT',
}

for (const name of Object.keys(providers)) {
  test(`${name} gets what it understands, and its secret where it belongs`, async () => {
    await using server = await scriptedServer([{ code: 200, text: 'ok' }])
    assert.deepEqual(await deliver(name, server.url), { kind: 'delivered' })
    const [asked] = server.asked
    assert.deepEqual([asked?.path, JSON.parse(asked?.body ?? '')], sent[name])
    const { authorization, 'private-token': token } = asked?.headers ?? {}
    const tokens: Record<string, unknown> = {
      webhook: ['Bearer s3cret', undefined],
      github: ['Bearer s3cret', undefined],
      gitlab: [undefined, 's3cret'],
    }
    assert.deepEqual([authorization, token], tokens[name] ?? [undefined, undefined])
  })

  test(`${name} that does not behave is told apart, and no secret is in what is said of it`, async () => {
    const rows: [unknown, Answer['kind'], string][] = [
      [{ code: 500, text: 's3cret' }, 'later', 'HOST answered 500'],
      [{ code: 429, text: '', headers: { 'retry-after': '7' } }, 'later', 'HOST answered 429'],
      [{ code: 404, text: 's3cret' }, 'refused', 'HOST answered 404: look at the address'],
      [{ code: 422, text: 's3cret' }, 'never', 'HOST answered 422: it does not take this'],
      [
        { code: 302, text: '', headers: { location: 'http://127.0.0.1:1/s3cret' } },
        'refused',
        'HOST answered 302: redirects are not followed',
      ],
      [{ code: 429, text: '', headers: inTwoMinutes }, 'later', '"retryAfterMs":120000'],
      [{ code: 200, text: 'x'.repeat(1_000_000) }, 'delivered', ''],
      [{ lines: [{ ok: true }], last: 'stay' }, 'delivered', ''],
      [{ lines: [{ ok: true }], last: 'reset' }, 'delivered', ''],
      ['silence', 'later', 'HOST could not be told: it took too long'],
      ['reset', 'later', 'HOST could not be told: ECONNRESET'],
    ]
    for (const [reply, kind, because] of rows) {
      await using server = await scriptedServer([reply as never])
      const answer = await deliver(name, server.url, reply === 'silence' ? { timeoutMs: 50 } : {})
      assert.equal(answer.kind, kind, because)
      const said = JSON.stringify(answer).replaceAll(new URL(server.url).host, 'HOST')
      assert.ok(said.includes(because), `${said} lacks ${because}`)
      assert.ok(!said.includes('s3cret'), said)
      assert.equal(server.asked.length, 1)
    }
  })
}

test('a receiver that is gone is tried later', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  await new Promise((resolve) => server.close(resolve))
  const answer = await deliver('slack', url)
  assert.ok(answer.kind === 'later' && answer.because.endsWith('nobody listens there'))
})

test('GitLab refuses a state that the commit has, which is no failure', async () => {
  await using server = await scriptedServer([{ code: 400, text: 'Cannot transition' }])
  assert.equal((await deliver('gitlab', server.url, { reason: 'Started' })).kind, 'delivered')
  assert.equal((await deliver('gitlab', server.url)).kind, 'never')
})

test('a Secret that is meant for something else is not sent away', () => {
  const gitSource = (key: string) => {
    if (key !== 'token') throw new Error(`Secret git has no key "${key}"`)
    return 's3cret'
  }
  for (const provider of Object.values(providers)) {
    const spec = specOf(provider('http://127.0.0.1:1'))
    assert.throws(() => messageOf(spec, newsFor('Aborted'), gitSource), /has no key/)
  }
})

test('a release without a commit has no status to write', () => {
  const spec = specOf(providers['github']?.('http://127.0.0.1:1') ?? {})
  const news = newsFor('Aborted', '', { canary: { revision: '77ab01cdef' } })
  assert.equal(messageOf(spec, news, secrets('')), null)
})

test('only what the operator lists may be called', () => {
  const rows: [list: string, url: string, isAllowed: boolean][] = [
    ['hooks.slack.com', 'https://hooks.slack.com/services/x', true],
    ['hooks.slack.com', 'https://hooks.slack.com./services/x', true],
    ['hooks.slack.com', 'http://hooks.slack.com/services/x', false],
    ['hooks.slack.com', 'https://hooks.slack.com:8443/', false],
    ['hooks.slack.com', 'https://evil.com/hooks.slack.com', false],
    ['hooks.slack.com', 'https://hooks.slack.com.evil.com/', false],
    ['hooks.slack.com:8443', 'https://hooks.slack.com:8443/', true],
    ['*.example.com', 'https://a.b.example.com/', true],
    ['*.example.com', 'https://example.com/', false],
    ['*.example.com', 'https://notexample.com/', false],
    ['http://relay.tools:8080, x.y', 'http://relay.tools:8080/', true],
    ['http://127.0.0.1:80', 'http://2130706433/', true],
    ['hooks.slack.com', 'http://2130706433/', false],
    ['*.1', 'https://127.0.0.1/', false],
    ['', 'https://hooks.slack.com/', false],
  ]
  for (const [list, url, isAllowed] of rows) {
    assert.equal(allowedHosts(list).refusal(new URL(url)) === null, isAllowed, `${list} ${url}`)
  }
  for (const list of ['a b', 'https://a.b/c', 'a.*.b', '*', 'a:99999', 'user@a.b']) {
    assert.throws(() => allowedHosts(list), /must list host/, list)
  }
})

test('a name under a wildcard that points into the own network is not called', async () => {
  const url = 'http://localhost.localdomain:80'
  const message = { url, headers: {}, body: {} }
  const options = { ...everywhere('http://*.localdomain:80') }
  const lookup = options.hosts.lookupFor(new URL(url))
  const { promise, resolve } = Promise.withResolvers<string>()
  lookup('localhost', { all: true }, (error) => resolve(error?.message ?? 'found'))
  assert.equal(await promise, 'inside')
  assert.notEqual((await post(message, options)).kind, 'delivered')
})

test('addresses of the own network are known in every form', () => {
  const inside = [
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '192.168.0.1',
    '172.31.0.1',
    '0.0.0.0',
  ]
  const hidden = ['::1', '::', '::ffff:10.0.0.1', '64:ff9b::a9fe:a9fe', 'fd00::1', 'fe80::1']
  for (const address of [...inside, ...hidden]) assert.equal(isInside(address), true, address)
  for (const address of ['8.8.8.8', '172.32.0.1', '2606:4700::1111']) {
    assert.equal(isInside(address), false, address)
  }
})
