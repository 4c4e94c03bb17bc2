import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hurriedClock, type Reply, scriptedServer } from '../test/doubles/scripted-server.ts'
import { parseRetryAfter } from './answer.ts'
import { ApiError, type KubeApi, type KubeObject } from './api.ts'
import { systemClock } from './clock.ts'
import type { Credentials } from './credentials.ts'
import { leases, pods, rollouts } from './resources.ts'
import { createKubeApi, type KubeApiOptions, type RequestReport } from './transport.ts'

const key = { namespace: 'shop', name: 'checkout' }
const rollout: KubeObject = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { ...key, resourceVersion: '7' },
  spec: { template: { futureField: { kept: [1, null] } } },
}
const ok: Reply = { code: 200, json: rollout }
const status = (code: number, reason: string, message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  code,
  reason,
  message,
})

type Act = (api: KubeApi) => Promise<unknown>
const get: Act = (api) => api.get(rollouts, key)
const replace: Act = (api) => api.replace(rollouts, rollout)

async function run(script: readonly Reply[], act: Act, given: Partial<KubeApiOptions> = {}) {
  await using server = await scriptedServer(script)
  const reports: RequestReport[] = []
  const api = createKubeApi({
    server: server.url,
    clock: hurriedClock(20),
    random: () => 0,
    observer: (report) => reports.push(report),
    ...given,
  })
  try {
    const outcome = await act(api).catch((error: unknown) => error)
    return { outcome, asked: server.asked, reports, connections: server.connections() }
  } finally {
    await api.close()
  }
}

function summary(outcome: unknown): unknown {
  if (!(outcome instanceof ApiError)) return 'answered'
  return `${outcome.code} ${outcome.reason}`
}

const conflict: Reply = { code: 409, json: status(409, 'Conflict', 'object was modified') }
const busy: Reply = { code: 429, json: {}, headers: { 'retry-after': '1' } }
const away: Reply = { code: 503, text: '<html>no upstream</html>' }
const retryLater: Reply = { code: 503, json: {}, headers: { 'retry-after': '1' } }

const rows: [string, Act, Reply[], Partial<KubeApiOptions>, unknown, number][] = [
  ['a read is sent again after a reset', get, ['reset', ok], {}, 'answered', 2],
  ['a read is sent again after 500', get, [{ code: 500 }, ok], {}, 'answered', 2],
  ['a read is sent again after 503 of a proxy', get, [away, away, ok], {}, 'answered', 3],
  ['a read gives up after four exchanges', get, [away], {}, '503 Unknown', 4],
  ['a read waits out 429', get, [busy, ok], {}, 'answered', 2],
  ['a read is not sent again after 403', get, [{ code: 403 }], {}, '403 Forbidden', 1],
  ['a read of nothing is not found', get, [{ code: 404 }], {}, '404 NotFound', 1],
  ['a read does not wait past its deadline', get, [busy], { deadlineMs: 900 }, '429 Unknown', 1],
  ['a refused write waits out 429', replace, [busy, ok], {}, 'answered', 2],
  ['a refused write waits out 503', replace, [retryLater, ok], {}, 'answered', 2],
  ['a write is not sent again after a reset', replace, ['reset', ok], {}, '0 NoAnswer', 1],
  ['a write is not sent again after 500', replace, [{ code: 500 }, ok], {}, '500 Unknown', 1],
  ['a write is not sent again after a bare 503', replace, [away, ok], {}, '503 Unknown', 1],
  ['a conflict is the caller’s to decide', replace, [conflict, ok], {}, '409 Conflict', 1],
  [
    'a black hole ends at the deadline of writes',
    replace,
    ['silence'],
    { writeDeadlineMs: 1_000 },
    '0 NoAnswer',
    1,
  ],
  ['a black hole ends at the deadline', get, ['silence'], { deadlineMs: 1_000 }, '0 NoAnswer', 1],
  ['an answer over the limit is refused', get, [ok], { answerLimitBytes: 99 }, '0 BadAnswer', 1],
  ['HTML with 200 is no object', get, [{ code: 200, text: '<html>' }], {}, '0 BadAnswer', 1],
  ['JSON that is no object is refused', get, [{ code: 200, json: [] }], {}, '0 BadAnswer', 1],
]
for (const [name, act, script, given, expected, exchanges] of rows) {
  test(name, async () => {
    const { outcome, asked, reports } = await run(script, act, given)
    assert.deepEqual([summary(outcome), asked.length], [expected, exchanges])
    assert.equal(reports.length, exchanges)
  })
}

test('a write that waited while the process stood still is not sent any more', async () => {
  let stoodStillMs = 0
  const clock = {
    now: () => systemClock.now() + stoodStillMs,
    monotonic: () => systemClock.monotonic() + stoodStillMs,
    // The timer of the deadline is the later one: both are due, and this one fires first.
    sleep: (ms: number, signal?: AbortSignal) => {
      if (ms > 4_000) return systemClock.sleep(ms, signal)
      stoodStillMs += 60_000
      return Promise.resolve()
    },
  }
  const given = { clock, writeDeadlineMs: 5_000 }
  const { outcome, asked } = await run([busy, ok], replace, given)
  assert.deepEqual([summary(outcome), asked.length], ['429 Unknown', 1])
})

test('errors say what was asked and what came', async () => {
  const said = async (reply: Reply, act = get) => {
    const { outcome } = await run([reply], act, { attempts: 1 })
    return outcome instanceof ApiError ? outcome.message : outcome
  }
  assert.deepEqual(await Promise.all([said(conflict, replace), said(away)]), [
    'replace rollouts shop/checkout: object was modified',
    'get rollouts shop/checkout: status 503, text/html: <html>no upstream</html>',
  ])
})

test('what is sent to a subresource comes back, since the server answers with a status', async () => {
  const { outcome } = await run([{ code: 201, json: { kind: 'Status', metadata: {} } }], (api) =>
    api.create(pods, rollout, { subresource: 'eviction' }),
  )
  assert.equal(outcome, rollout)
})

test('requests carry method, path, content type, manager and body', async () => {
  const calls: [Act, string][] = [
    [
      (api) => api.create(rollouts, rollout),
      'POST /apis/sluice.dev/v1alpha1/namespaces/shop/rollouts',
    ],
    [(api) => api.replace(rollouts, rollout, { subresource: 'status' }), 'PUT …/status'],
    [(api) => api.patch(rollouts, key, 'merge', {}), 'PATCH'],
    [(api) => api.patch(rollouts, key, 'json', []), 'PATCH'],
    [(api) => api.patch(rollouts, key, 'apply', {}, { force: true, fieldManager: 'me' }), 'PATCH'],
    [(api) => api.create(pods, rollout, { subresource: 'eviction' }), 'POST …/eviction'],
    [(api) => api.delete(pods, key, { uid: 'u1' }), 'DELETE'],
  ]
  const lines = await Promise.all(
    calls.map(async ([act]) => {
      const { asked } = await run([ok], act)
      const { method, path, parameters, headers, body } = asked[0]!
      const sent = method === 'DELETE' ? ` ${body}` : ''
      return `${method} ${path} ${headers['content-type']} ${JSON.stringify(parameters)}${sent}`
    }),
  )
  const collection = '/apis/sluice.dev/v1alpha1/namespaces/shop/rollouts'
  const sluice = '{"fieldManager":"sluice"}'
  assert.deepEqual(lines, [
    `POST ${collection} application/json ${sluice}`,
    `PUT ${collection}/checkout/status application/json ${sluice}`,
    `PATCH ${collection}/checkout application/merge-patch+json ${sluice}`,
    `PATCH ${collection}/checkout application/json-patch+json ${sluice}`,
    `PATCH ${collection}/checkout application/apply-patch+yaml {"fieldManager":"me","force":"true"}`,
    `POST /api/v1/namespaces/shop/pods/checkout/eviction application/json ${sluice}`,
    `DELETE /api/v1/namespaces/shop/pods/checkout application/json {} ${JSON.stringify({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid: 'u1' },
      propagationPolicy: 'Background',
    })}`,
  ])
})

test('fields that nobody here knows come back as they were sent', async () => {
  const { outcome } = await run([ok], get)
  assert.deepEqual(outcome, rollout)
})

test('a write without a version to hold it to is not sent', async () => {
  const { resourceVersion: _, ...metadata } = rollout.metadata
  const { outcome, asked } = await run([ok], (api) =>
    api.replace(rollouts, { ...rollout, metadata }),
  )
  assert.deepEqual([asked.length, outcome instanceof ApiError], [0, false])
})

test('a name cannot leave its path', async () => {
  for (const name of ['..', 'a/b', '', 'a%2fb']) {
    const { outcome, asked } = await run([ok], (api) => api.get(leases, { ...key, name }))
    assert.deepEqual([asked.length, outcome instanceof Error], [0, true], name)
  }
})

test('a hundred reads at once share the bounded connections', async () => {
  const all: Act = (api) => Promise.all(Array.from({ length: 100 }, () => get(api)))
  const { outcome, asked, connections } = await run([ok], all, { connections: 4 })
  assert.deepEqual([Array.isArray(outcome), asked.length, connections <= 4], [true, 100, true])
})

test('a 401 reads the token again, once', async () => {
  const credentials = (): Credentials & { token: number } => ({
    server: '',
    token: 1,
    async headers(refresh) {
      if (refresh) this.token += 1
      return { authorization: `Bearer ${this.token}` }
    },
  })
  const refused: Reply = { code: 401 }
  const given = { credentials: credentials() }
  const { outcome, asked } = await run([refused, ok], replace, given)
  assert.equal(summary(outcome), 'answered')
  assert.deepEqual(
    asked.map(({ headers }) => headers.authorization),
    ['Bearer 1', 'Bearer 2'],
  )
  const twice = await run([refused], replace, { credentials: credentials() })
  assert.deepEqual([summary(twice.outcome), twice.asked.length], ['401 Unauthorized', 2])
})

test('items of a list learn their kind, and the next page its token', async () => {
  const json = {
    metadata: { resourceVersion: '9', continue: 'more' },
    items: [{ metadata: { name: 'p' } }],
  }
  const query = { namespace: 'shop', labelSelector: 'app in (a,b)', limit: 1, continue: 'x y' }
  const { outcome, asked } = await run([{ code: 200, json }], (api) => api.list(pods, query))
  assert.deepEqual(outcome, {
    resourceVersion: '9',
    continue: 'more',
    items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } }],
  })
  assert.deepEqual(asked[0]?.parameters, {
    labelSelector: 'app in (a,b)',
    limit: '1',
    continue: 'x y',
  })
})

const at = Date.UTC(2026, 0, 1, 12)
const waits: [string | undefined, number | undefined][] = [
  ['3', 3_000],
  ['Thu, 01 Jan 2026 12:00:05 GMT', 5_000],
  ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
  ['soon', undefined],
  [undefined, undefined],
]
for (const [header, waitMs] of waits) {
  test(`Retry-After ${header} is ${waitMs} ms`, () => {
    assert.equal(parseRetryAfter(header, at), waitMs)
  })
}

async function watched(reply: Reply, given: Partial<KubeApiOptions> = {}, stopAfter = Infinity) {
  const seen: string[] = []
  const stop = new AbortController()
  const query = { resourceVersion: '5', timeoutSeconds: 1 }
  const { outcome, asked } = await run(
    [reply],
    async (api) => {
      for await (const event of api.watch(rollouts, query, stop.signal)) {
        seen.push(event.type)
        if (seen.length >= stopAfter) stop.abort()
      }
    },
    given,
  )
  return { seen: seen.join(' '), ended: outcome === undefined ? 'ended' : summary(outcome), asked }
}

const added = { type: 'ADDED', object: rollout }
const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } }
const gone = { type: 'ERROR', object: status(410, 'Expired', 'too old') }
const watchRows: [string, Reply, Partial<KubeApiOptions>, string, string][] = [
  ['a clean end', { lines: [added, bookmark], last: 'end' }, {}, 'ADDED BOOKMARK', 'ended'],
  ['a reset', { lines: [added], last: 'reset' }, {}, 'ADDED', '0 NoAnswer'],
  ['an ERROR event', { lines: [gone], last: 'end' }, {}, 'ERROR', 'ended'],
  ['410 as status', { code: 410, json: status(410, 'Expired', 'old') }, {}, '', '410 Expired'],
  [
    'a garbled line',
    { lines: [added, '{"type":"MOD\n'], last: 'stay' },
    {},
    'ADDED',
    '0 BadAnswer',
  ],
  ['half a line', { lines: [added, '{"type":"MODIF'], last: 'end' }, {}, 'ADDED', '0 BadAnswer'],
  ['a line too long', { lines: [added], last: 'stay' }, { lineLimitBytes: 9 }, '', '0 NoAnswer'],
  ['a server that never ends', { lines: [added], last: 'stay' }, {}, 'ADDED', '0 NoAnswer'],
  ['a server that never starts', 'silence', { deadlineMs: 1_000 }, '', '0 NoAnswer'],
  ['an unknown event', { lines: ['{"type":"X"}\n'], last: 'stay' }, {}, '', '0 BadAnswer'],
]
for (const [name, reply, given, seen, ended] of watchRows) {
  test(`a watch meets ${name}`, async () => {
    const result = await watched(reply, given)
    assert.deepEqual([result.seen, result.ended], [seen, ended])
  })
}

test('a watch asks for bookmarks and ends quietly when its caller does', async () => {
  const { seen, ended, asked } = await watched({ lines: [added], last: 'stay' }, {}, 1)
  assert.deepEqual([seen, ended], ['ADDED', 'ended'])
  assert.deepEqual(asked[0]?.parameters, {
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: '5',
    timeoutSeconds: '1',
  })
})

test('a multi-byte character split between chunks is whole again', async () => {
  const { lines } = await import('./lines.ts')
  const bytes = Buffer.from('{"a":"é€"}\n{"b":1}\n')
  const single = async function* () {
    for (const byte of bytes) yield Uint8Array.of(byte)
  }
  const seen: string[] = []
  for await (const line of lines(single(), 100)) seen.push(line)
  assert.deepEqual(seen, ['{"a":"é€"}', '{"b":1}'])
})

test('the system clock sleeps until it is told to stop', async () => {
  const stop = new AbortController()
  const slept = systemClock.sleep(1e12, stop.signal)
  stop.abort()
  await slept
  await systemClock.sleep(5, stop.signal)
})
