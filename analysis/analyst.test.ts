import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Check } from '../crds/check.ts'
import { createAnalyst, type Subject } from './analyst.ts'
import { type Provider, ProviderError, type Sample } from './provider.ts'

const nowMs = 10_000_000
const clock = { now: () => nowMs }
const scrapeIntervalMs = 1_000
const errors = Check.parse({ name: 'errors', successRate: { min: 99 } })
const latency = Check.parse({ name: 'latency', latency: { max: '500ms' } })
const own = Check.parse({ name: 'own', prometheus: { query: 'own{r="{{revision}}"}', max: 1 } })

const subject = (i: number, changes: Partial<Subject> = {}): Subject => ({
  key: `shop/app-${i}`,
  namespace: 'shop',
  name: `app-${i}`,
  host: `app-${i}`,
  revision: `canary-${i}`,
  stable: `stable-${i}`,
  step: 1,
  fromMs: nowMs - 70_000,
  final: true,
  checks: [errors],
  minRequests: 100,
  ...changes,
})
const subjects = (count: number, changes: Partial<Subject> = {}) =>
  Array.from({ length: count }, (_, i) => subject(i, changes))

/** A provider that knows the apps by number; `bad` ones fail one request of two. */
function fakeProvider(options: {
  bad?: readonly number[]
  refuse?: (query: string) => Error | null
}) {
  const asked: { query: string; size: string }[] = []
  let atOnce = 0
  let most = 0
  const provider: Provider = {
    async query(query, atMs, size = 'single') {
      asked.push({ query, size })
      atOnce += 1
      most = Math.max(most, atOnce)
      await new Promise((resolve) => setImmediate(resolve))
      atOnce -= 1
      const error = options.refuse?.(query)
      if (error) throw error
      if (query.startsWith('own')) return [{ labels: {}, value: 1, atMs }]
      const arms = [...query.matchAll(/(canary|stable)-([0-9]+)/g)]
      return arms.flatMap(([revision, arm, i]) =>
        rows(query, { revision, arm, i: Number(i) }, atMs),
      )
    },
  }
  const rows = (
    query: string,
    { revision, arm, i }: { revision: string; arm: string | undefined; i: number },
    atMs: number,
  ): Sample[] => {
    const labels = {
      destination_service_namespace: 'shop',
      destination_service_name: `app-${i}`,
      destination_canonical_revision: revision,
    }
    const isBad = arm === 'canary' && options.bad?.includes(i)
    if (query.includes('_bucket')) {
      return [
        { labels: { ...labels, le: '500' }, value: isBad ? 100 : 200, atMs },
        { labels: { ...labels, le: '+Inf' }, value: 200, atMs },
      ]
    }
    return [
      { labels: { ...labels, response_code: '200' }, value: isBad ? 100 : 200, atMs },
      ...(isBad
        ? [
            { labels: { ...labels, response_code: '503' }, value: 50, atMs },
            {
              labels: { ...labels, response_code: '200', grpc_response_status: '14' },
              value: 50,
              atMs,
            },
          ]
        : []),
    ]
  }
  return { provider, asked, most: () => most }
}

const outcomes = async (fake: ReturnType<typeof fakeProvider>, all: readonly Subject[]) => {
  const analyst = createAnalyst({ provider: fake.provider, clock, scrapeIntervalMs })
  const verdicts = await analyst.judge(all)
  assert.deepEqual(
    [...verdicts.keys()],
    all.map(({ key }) => key),
  )
  return [...verdicts.values()]
}

describe('an analyst', () => {
  test('asks few queries for thousands of subjects, never more than sixteen at once', async () => {
    const fake = fakeProvider({ bad: [7, 4_999] })
    const verdicts = await outcomes(fake, subjects(5_000, { checks: [errors, latency] }))
    const failed = verdicts.flatMap(({ outcome, revision }) =>
      outcome === 'Failed' ? [revision] : [],
    )
    assert.deepEqual(failed, ['canary-7', 'canary-4999'])
    assert.equal(verdicts.filter(({ outcome }) => outcome === 'Passed').length, 4_998)
    assert.equal(fake.asked.length, 50)
    assert.equal(fake.most(), 16)
    assert.ok(fake.asked.every(({ size }) => size === 'grouped'))
  })

  test('gives the whole verdict with a query that a person may paste', async () => {
    const [verdict] = await outcomes(fakeProvider({ bad: [0] }), subjects(2))
    assert.deepEqual(verdict, {
      revision: 'canary-0',
      step: 1,
      from: nowMs - 70_000,
      at: nowMs,
      outcome: 'Failed',
      because: 'errors: success rate 50.00 % of 200 requests is below 99 %; stable has 100.00 %',
      evidence: [
        {
          check: 'errors',
          outcome: 'Failed',
          because: 'success rate 50.00 % of 200 requests is below 99 %; stable has 100.00 %',
          query:
            'sum by (destination_service_namespace, destination_service_name, destination_canonical_revision, response_code, grpc_response_status) ' +
            '(increase(istio_requests_total{reporter=~"source|waypoint",response_code!="0",destination_service_namespace="shop",' +
            'destination_service_name=~"app-0|app-0-canary-0|app-0-stable-0",destination_canonical_revision=~"canary-0|stable-0"}[64s]))',
          value: 50,
          stable: 100,
          samples: 200,
          min: 99,
          windowSeconds: 64,
          at: new Date(nowMs).toISOString(),
        },
      ],
      observed: { canary: 200, stable: 200 },
    })
  })

  test('asks a group for each window, and an own query once', async () => {
    const fake = fakeProvider({})
    const verdicts = await outcomes(fake, [
      ...subjects(3),
      ...subjects(3, { fromMs: nowMs - 40_000 }).map((one) => ({
        ...one,
        key: `${one.key}-young`,
      })),
      subject(9, { checks: [own] }),
      subject(9, { checks: [own, { ...own, name: 'twice' }], key: 'again' }),
    ])
    assert.ok(verdicts.every(({ outcome }) => outcome === 'Passed'))
    assert.deepEqual(
      fake.asked.map(({ size }) => size),
      ['grouped', 'grouped', 'single'],
    )
  })

  test('falls back to single queries, so that one bad apple spoils only itself', async () => {
    const refuse = (query: string) =>
      query.includes('canary-1')
        ? new ProviderError('too many samples', { isAboutQuery: true })
        : null
    const fake = fakeProvider({ bad: [2], refuse })
    const verdicts = await outcomes(fake, subjects(4))
    assert.deepEqual(
      verdicts.map(({ outcome }) => outcome),
      ['Passed', 'Error', 'Failed', 'Passed'],
    )
    assert.equal(verdicts[1]?.because, 'errors: too many samples')
    assert.equal(fake.asked.length, 5)
  })

  test('stops asking a provider that is down', async () => {
    const refuse = () =>
      new ProviderError('metrics:9090 can not be reached', { isAboutQuery: false })
    const fake = fakeProvider({ refuse })
    const verdicts = await outcomes(fake, subjects(5_000, { final: false }))
    assert.ok(verdicts.every(({ outcome }) => outcome === 'Error'))
    assert.ok(fake.asked.length <= 31, `${fake.asked.length} queries`)
  })

  test('waits for four scrapes after the weight was live', async () => {
    const fake = fakeProvider({})
    const early = { fromMs: nowMs - 4_999 }
    const [running, late, ready] = await outcomes(fake, [
      subject(1, { ...early, final: false, key: 'a' }),
      subject(1, { ...early, key: 'b' }),
      subject(1, { fromMs: nowMs - 5_000, key: 'c' }),
    ])
    assert.deepEqual(
      [running?.outcome, late?.outcome, ready?.outcome],
      ['Running', 'Inconclusive', 'Passed'],
    )
    assert.equal(late?.because, 'errors: too early: the weight is live for 4s, and 5s are needed')
    assert.equal(fake.asked.length, 1)
  })

  for (const [name, answer, outcome, because] of [
    ['nothing', [], 'Inconclusive', 'own: the query found no series'],
    [
      'two series',
      [1, 1],
      'Error',
      'own: the query gave 2 series where one number is needed: aggregate them',
    ],
    ['NaN', [Number.NaN], 'Inconclusive', 'own: the query gave NaN, which is no number'],
    [
      'infinity',
      [Number.POSITIVE_INFINITY],
      'Inconclusive',
      'own: the query gave Infinity, which is no number',
    ],
  ] as const) {
    test(`never passes an own query that finds ${name}`, async () => {
      const provider: Provider = {
        query: async (_, atMs) => answer.map((value) => ({ labels: {}, value, atMs })),
      }
      const analyst = createAnalyst({ provider, clock, scrapeIntervalMs })
      const verdict = (await analyst.judge([subject(1, { checks: [own] })])).get('shop/app-1')
      assert.deepEqual([verdict?.outcome, verdict?.because], [outcome, because])
    })
  }

  test('never passes a built-in check whose numbers are broken or belong to another', async () => {
    const labels = {
      destination_service_namespace: 'shop',
      destination_service_name: 'app-1',
      destination_canonical_revision: 'canary-1',
      response_code: '200',
    }
    for (const [sample, because] of [
      [{ labels, value: Number.NaN, atMs: 0 }, 'errors: the metrics contain NaN'],
      [{ labels, value: -1, atMs: 0 }, 'errors: the metrics contain -1'],
      [
        { labels: { ...labels, destination_service_namespace: 'other' }, value: 900, atMs: 0 },
        'errors: no requests to the canary in the last 64s',
      ],
    ] as const) {
      const provider: Provider = { query: async () => [sample] }
      const analyst = createAnalyst({ provider, clock, scrapeIntervalMs })
      const verdict = (await analyst.judge([subject(1)])).get('shop/app-1')
      assert.deepEqual([verdict?.outcome, verdict?.because], ['Inconclusive', because])
    }
  })
})
