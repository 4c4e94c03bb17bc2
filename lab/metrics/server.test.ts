import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createSeriesStore } from './series.ts'
import { type Metrics, serveSeries } from './server.ts'
import { startMetrics } from './start.ts'

describe('the query API', () => {
  let metrics: Metrics | null = null
  before(async () => {
    const store = createSeriesStore()
    for (let i = 0; i <= 6; i += 1) store.append({ __name__: 'a', b: 'c' }, i * 10_000, i * 10)
    metrics = await serveSeries(store, () => 60_000)
  })
  after(() => metrics?.close())

  const metric = { __name__: 'a', b: 'c' }
  const bad = (error: string, errorType = 'bad_data') => ({ status: 'error', errorType, error })
  const good = (resultType: string, result: unknown) => {
    return { status: 'success', data: { resultType, result } }
  }
  for (const [path, status, body] of [
    ['query?query=a', 200, good('vector', [{ metric, value: [60, '60'] }])],
    ['query?query=a&time=35.5', 200, good('vector', [{ metric, value: [35.5, '30'] }])],
    [
      'query?query=a&time=1970-01-01T00:00:20Z',
      200,
      good('vector', [{ metric, value: [20, '20'] }]),
    ],
    ['query?query=-1/0', 200, good('scalar', [60, '-Inf'])],
    [
      'query?query=a[20s]',
      200,
      good('matrix', [
        {
          metric,
          values: [
            [40, '40'],
            [50, '50'],
            [60, '60'],
          ],
        },
      ]),
    ],
    ['query?query=a{', 400, bad('the end is no label at character 3')],
    ['query?query=', 400, bad('query is empty')],
    ['query?query=a&time=soon', 400, bad('time is not a time: soon')],
    ['query?query=a%20*%20on()%20a', 200, good('vector', [{ metric: {}, value: [60, '3600'] }])],
    [
      'query_range?query=a&start=10&end=30&step=10',
      200,
      good('matrix', [
        {
          metric,
          values: [
            [10, '10'],
            [20, '20'],
            [30, '30'],
          ],
        },
      ]),
    ],
    [
      'query_range?query=sum(a)&start=0&end=0&step=1m',
      200,
      good('matrix', [{ metric: {}, values: [[0, '0']] }]),
    ],
    ['query_range?query=a&start=0&end=60&step=0', 400, bad('step must be greater than zero')],
    [
      'query_range?query=a&start=0&end=60&step=0.001',
      400,
      bad('more than 11000 points: take a longer step'),
    ],
    ['query_range?query=a&start=9&end=1&step=1', 400, bad('end must not be before start')],
  ] as const) {
    test(`answers ${path}`, async () => {
      const response = await fetch(`${metrics?.url}/api/v1/${path}`)
      assert.deepEqual([response.status, await response.json()], [status, body])
    })
  }

  test('takes a form, says that it is ready, and knows nothing else', async () => {
    const body = new URLSearchParams({ query: 'vector(2)', time: '1' })
    const posted = await fetch(`${metrics?.url}/api/v1/query`, { method: 'POST', body })
    assert.deepEqual(await posted.json(), good('vector', [{ metric: {}, value: [1, '2'] }]))
    assert.equal((await fetch(`${metrics?.url}/-/ready`)).status, 200)
    assert.equal((await fetch(`${metrics?.url}/api/v1/admin`)).status, 404)
  })
})

test('metrics for the lab say which they are', async () => {
  const metrics = await startMetrics({ targets: () => [], scrapeIntervalMs: 50, only: 'embedded' })
  assert.deepEqual([metrics.kind, metrics.because], ['embedded', 'embedded metrics, as asked'])
  assert.equal((await fetch(`${metrics.url}/-/ready`)).status, 200)
  await metrics.close()
})
