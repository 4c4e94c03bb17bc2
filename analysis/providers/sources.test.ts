// Each source against a local server that answers as the real one does: what is sent, and what answers mean.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { describe, test } from 'node:test'
import { Check } from '../../crds/check.ts'
import type { Reading } from '../judge/reading.ts'
import { metricTables } from '../metrics/tables.ts'
import { signed } from './aws-signature.ts'
import type { SourceContext } from './context.ts'
import { createSources } from './sources.ts'

interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body: unknown
}

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const atMs = Date.parse('2026-01-31T12:00:00Z')
const target = {
  ...{ namespace: 'shop', name: 'web', host: 'web', revision: 'aaaa', stable: 'bbbb' },
  ...{ windowMs: 60_000, table: metricTables.istio },
}

/** Asks one check of a server that gives this reply. */
async function ask(
  make: (url: string) => object,
  reply: Reply | null,
  over: Partial<SourceContext> = {},
): Promise<{ reading: Reading; seen: Seen[]; url: string }> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method, url, headers } = request
    seen.push({ method, url, headers, body })
    if (reply === null) return void request.socket.destroy()
    response.writeHead(reply.status ?? 200, reply.headers)
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const sources = createSources({
    secret: async ({ namespace, name, key }) => {
      if (key === 'session-token') throw new Error(`Secret ${namespace}/${name} has no ${key}`)
      return `${namespace}-${name}-${key}`
    },
    hosts: {
      refusal: (asked) => (asked.hostname === '127.0.0.1' ? null : `${asked.host} is not allowed`),
      lookupFor: () => () => assert.fail('an address needs no look-up'),
    },
    jobs: { state: async () => ({ kind: 'absent' }), start: async () => {} },
    now: () => atMs,
    addresses: { datadog: url, cloudWatch: url },
    ...over,
  })
  try {
    const check = Check.parse({ name: 'own', ...make(url) })
    return { reading: await sources.ask({ check, target, atMs }), seen, url }
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

const datadog = () => ({
  datadog: { query: 'avg:errors{version:{{revision}}}', secretRef: { name: 'dd' }, max: 1 },
})
const points = (...values: (number | null)[]) => ({
  pointlist: values.map((value, i) => [i * 1_000, value]),
})
const cloudWatch = () => ({
  cloudWatch: {
    region: 'eu-central-1',
    secretRef: { name: 'aws' },
    max: 1,
    queries: [
      { id: 'rate', expression: 'bad / all' },
      {
        ...{ id: 'bad', namespace: 'AWS/ELB', metricName: 'Errors', stat: 'Sum' },
        dimensions: [{ name: 'Target', value: '{{host}}-{{revision}}' }],
      },
    ],
  },
})
const result = (over: object) => ({
  MetricDataResults: [{ Id: 'rate', StatusCode: 'Complete', ...over }],
})
const webhook = (over: object) => (url: string) => ({
  webhook: { url: `${url}/gate/{{revision}}?of={{host}}`, max: 1, ...over },
})

const rows: readonly [string, (url: string) => object, Reply | null, Reading | RegExp][] = [
  [
    'datadog: the last point counts',
    datadog,
    { body: { status: 'ok', series: [points(1, 0.5, null)] } },
    { kind: 'value', value: 0.5 },
  ],
  [
    'datadog: no series',
    datadog,
    { body: { status: 'ok', series: [] } },
    /inconclusive.*no points/,
  ],
  [
    'datadog: empty points',
    datadog,
    { body: { series: [points(null)] } },
    /inconclusive.*no points/,
  ],
  ['datadog: two series', datadog, { body: { series: [points(1), points(2)] } }, /error.*2 series/],
  [
    'datadog: an error',
    datadog,
    { body: { status: 'error', error: 'Rule does not parse' } },
    /error.*Datadog: Rule does not parse/,
  ],
  ['datadog: a wrong key', datadog, { status: 403, body: '' }, /error.*refuses access \(403\)/],
  ['datadog: HTML', datadog, { body: '<html>' }, /error.*does not answer JSON/],
  ['datadog: another JSON', datadog, { body: { series: 7 } }, /error.*not answer as Datadog/],
  ['datadog: dead', datadog, null, /error.*can not be reached/],
  [
    'cloudWatch: the newest point counts',
    cloudWatch,
    { body: result({ Timestamps: [100, 300, 200], Values: [1, 3, 2] }) },
    { kind: 'value', value: 3 },
  ],
  ['cloudWatch: no points', cloudWatch, { body: result({}) }, /inconclusive.*rate found no points/],
  [
    'cloudWatch: an internal error',
    cloudWatch,
    { body: result({ StatusCode: 'InternalError' }) },
    /error.*ended with InternalError/,
  ],
  [
    'cloudWatch: a refused query',
    cloudWatch,
    { status: 400, body: { __type: 'ValidationError', message: 'Error in expression' } },
    /error.*CloudWatch: Error in expression/,
  ],
  ['webhook: a number', webhook({ path: '$.a[1].b' }), { body: { a: [0, { b: 4 }] } }, /value.*4/],
  ['webhook: true', webhook({}), { body: { value: true } }, { kind: 'value', value: 1 }],
  ['webhook: nothing there', webhook({}), { body: { values: 1 } }, /inconclusive.*\$\.value/],
  ['webhook: null', webhook({}), { body: { value: null } }, /inconclusive/],
  ['webhook: a text', webhook({}), { body: { value: '1' } }, /error.*no number at \$\.value/],
  [
    'webhook: a method of objects',
    webhook({ path: '$.constructor' }),
    { body: {} },
    /inconclusive/,
  ],
  ['webhook: status 500', webhook({}), { status: 500, body: {} }, /error.*status 500/],
  [
    'webhook: a redirect',
    webhook({}),
    { status: 302, headers: { location: 'http://169.254.169.254/' }, body: '' },
    /error.*redirects \(302\)/,
  ],
  [
    'webhook: too much',
    webhook({}),
    { body: 'x'.repeat(2_000_000) },
    /error.*more than 1048576 by/,
  ],
  [
    'webhook: a host that is not allowed',
    () => ({ webhook: { url: 'http://169.254.169.254/latest', max: 1 } }),
    { body: {} },
    /error.*169\.254\.169\.254 is not allowed/,
  ],
]

describe('a source', () => {
  for (const [what, make, reply, expected] of rows) {
    test(`reads ${what}`, async () => {
      const { reading } = await ask(make, reply)
      if (expected instanceof RegExp) assert.match(JSON.stringify(reading), expected)
      else assert.deepEqual(reading, expected)
      assert.doesNotMatch(JSON.stringify(reading), /shop-(dd|aws)/)
    })
  }

  test('asks Datadog for the window, with the keys of the Secret', async () => {
    const { seen } = await ask(datadog, { body: { series: [] } })
    const url = new URL(seen[0]?.url ?? '', 'http://x')
    assert.equal(url.pathname, '/api/v1/query')
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      from: String(atMs / 1_000 - 60),
      to: String(atMs / 1_000),
      query: 'avg:errors{version:aaaa}',
    })
    const { 'dd-api-key': apiKey, 'dd-application-key': appKey } = seen[0]?.headers ?? {}
    assert.deepEqual([apiKey, appKey], ['shop-dd-api-key', 'shop-dd-app-key'])
  })

  test('asks CloudWatch with a signed request', async () => {
    const { seen } = await ask(cloudWatch, { body: result({}) })
    const [{ headers, body }] = seen as [Seen]
    assert.equal(headers['x-amz-target'], 'GraniteServiceVersion20100801.GetMetricData')
    assert.match(
      headers.authorization ?? '',
      /^AWS4-HMAC-SHA256 Credential=shop-aws-access-key-id\/20260131\/eu-central-1\/monitoring\/aws4_request, SignedHeaders=content-encoding;content-type;host;x-amz-date;x-amz-target, Signature=[0-9a-f]{64}$/,
    )
    assert.deepEqual(JSON.parse(body), {
      StartTime: atMs / 1_000 - 60,
      EndTime: atMs / 1_000,
      ScanBy: 'TimestampDescending',
      MetricDataQueries: [
        { Id: 'rate', ReturnData: true, Expression: 'bad / all', Period: 60 },
        {
          Id: 'bad',
          ReturnData: false,
          MetricStat: {
            Metric: {
              Namespace: 'AWS/ELB',
              MetricName: 'Errors',
              Dimensions: [{ Name: 'Target', Value: 'web-aaaa' }],
            },
            Period: 60,
            Stat: 'Sum',
          },
        },
      ],
    })
  })

  test('posts to a webhook what is on trial, with headers from Secrets', async () => {
    const headers = [
      { name: 'X-Team', value: 'shop' },
      { name: 'Authorization', secretRef: { name: 'hook', key: 'token' } },
    ]
    const { seen } = await ask(webhook({ method: 'POST', headers }), { body: { value: 0 } })
    const [{ url, headers: sent, body }] = seen as [Seen]
    assert.equal(url, '/gate/aaaa?of=web')
    assert.deepEqual([sent['x-team'], sent.authorization], ['shop', 'shop-hook-token'])
    assert.deepEqual(JSON.parse(body), {
      ...{ revision: 'aaaa', stable: 'bbbb', namespace: 'shop', name: 'web', host: 'web' },
      ...{ window: '60s', windowSeconds: 60, at: '2026-01-31T12:00:00.000Z' },
    })
    const own = webhook({ method: 'POST', body: '{"r": "{{revision}}"}' })
    assert.equal((await ask(own, { body: {} })).seen[0]?.body, '{"r": "aaaa"}')
  })

  test('starts a Job once, and waits for its end', async () => {
    const started: { name: string; env: object }[] = []
    const jobs = {
      state: async () => (started.length > 0 ? ({ kind: 'running' } as const) : absent),
      start: async (job: (typeof started)[number]) => void started.push(job),
    }
    const absent = { kind: 'absent' } as const
    const make = () => ({ job: { spec: { template: {} } } })
    const first = await ask(make, null, { jobs })
    const second = await ask(make, null, { jobs })
    assert.deepEqual([first.reading.kind, second.reading.kind], ['pending', 'pending'])
    assert.match(started[0]?.name ?? '', /^web-own-[0-9a-f]{10}$/)
    assert.deepEqual(started[0]?.env, {
      ...{ SLUICE_NAMESPACE: 'shop', SLUICE_ROLLOUT: 'web', SLUICE_HOST: 'web' },
      ...{ SLUICE_REVISION: 'aaaa', SLUICE_STABLE: 'bbbb' },
    })
    for (const [state, isGood] of [
      [{ kind: 'succeeded' }, true],
      [{ kind: 'failed', because: 'BackoffLimitExceeded' }, false],
    ] as const) {
      const { reading } = await ask(make, null, { jobs: { ...jobs, state: async () => state } })
      assert.deepEqual([reading.kind, 'isGood' in reading && reading.isGood], ['ended', isGood])
    }
  })
})

test('a signature is the one of the example in the documents of AWS', () => {
  const { Authorization } = signed(
    {
      ...{ method: 'GET', body: '', region: 'us-east-1', service: 'iam' },
      url: new URL('https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08'),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' },
      atMs: Date.parse('2015-08-30T12:36:00Z'),
    },
    {
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    },
  )
  assert.match(
    Authorization ?? '',
    /SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7$/,
  )
})
