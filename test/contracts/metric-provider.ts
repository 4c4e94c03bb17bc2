// What every source of metrics must do: the same tests for a real Prometheus and for the stand-in.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAnalyst, type Subject } from '../../analysis/analyst.ts'
import type { Sample } from '../../analysis/provider.ts'
import { prometheusProvider } from '../../analysis/providers/prometheus.ts'
import { Check } from '../../crds/check.ts'
import type { Metrics, MetricsOptions } from '../../lab/metrics/server.ts'

const scrapeIntervalMs = 100

/** Starts metrics that scrape an application with a good and a bad revision, and asks them. */
export function metricProviderContract(options: {
  name: string
  start(options: MetricsOptions): Promise<Metrics>
  /** A reason why it can not be run here. */
  skip?: string | false
}): void {
  describe(`${options.name} as a metric provider`, { skip: options.skip ?? false }, () => {
    const application = startApplication()
    let metrics: Metrics | null = null
    let provider: ReturnType<typeof prometheusProvider> | null = null
    const ask = async (query: string): Promise<readonly Sample[]> =>
      (await provider?.query(query, Date.now())) ?? []

    before(async () => {
      const url = await application.url
      metrics = await options.start({
        scrapeIntervalMs,
        targets: () => [{ url, labels: { pod: 'a' } }],
      })
      provider = prometheusProvider({ url: metrics.url })
      await until(async () => ((await ask('count_over_time(up[1m])'))[0]?.value ?? 0) >= 8)
    })
    after(async () => {
      provider?.close()
      await metrics?.close()
      await application.close()
    })

    test('labels what it scraped with its target', async () => {
      const [up] = await ask('up{pod="a"}')
      const { __name__, job, pod } = up?.labels ?? {}
      assert.deepEqual([__name__, job, pod, up?.value], ['up', 'lab', 'a', 1])
    })

    test('is told apart from one that has nothing to say', async () => {
      assert.deepEqual(await ask('no_such_metric'), [])
      assert.deepEqual(
        (await ask('1 / 0 - 1 / 0')).map(({ value }) => value),
        [Number.NaN],
      )
      await assert.rejects(ask('up{'), { isAboutQuery: true })
      await assert.rejects(ask('up[1m]'), { isAboutQuery: true })
    })

    test('forgets at once what its target no longer exposes', async () => {
      assert.equal((await ask('fleeting')).length, 1)
      application.hideFleeting()
      await until(async () => (await ask('fleeting')).length === 0)
    })

    test('lets the good revision pass and the bad one fail', async () => {
      if (provider === null) throw new Error('not started')
      const analyst = createAnalyst({ provider, clock: Date, scrapeIntervalMs })
      const verdicts = await analyst.judge(['good', 'bad', 'absent'].map(subject))
      assert.deepEqual(
        [...verdicts].map(([key, { outcome }]) => [key, outcome]),
        [
          ['good', 'Passed'],
          ['bad', 'Failed'],
          ['absent', 'Inconclusive'],
        ],
      )
      assert.deepEqual(
        verdicts.get('bad')?.evidence.map(({ check, outcome }) => [check, outcome]),
        [
          ['errors', 'Failed'],
          ['latency', 'Passed'],
        ],
      )
    })

    test('answers queries of users for several revisions at once', async () => {
      if (provider === null) throw new Error('not started')
      const asked: string[] = []
      const { query, raw } = provider
      const counting: typeof provider = {
        ...provider,
        raw,
        query: (text, ...rest) => {
          asked.push(text)
          return query(text, ...rest)
        },
      }
      const failed =
        'istio_requests_total{destination_canonical_revision="{{revision}}",response_code="503"}'
      const own = Check.parse({ name: 'own', prometheus: { query: `sum(${failed})`, max: 0 } })
      const analyst = createAnalyst({ provider: counting, clock: Date, scrapeIntervalMs })
      const verdicts = await analyst.judge(
        ['good', 'bad', 'absent'].map((one) => ({ ...subject(one), checks: [own] })),
      )
      assert.deepEqual(
        [...verdicts.values()].map(({ outcome }) => outcome),
        ['Passed', 'Failed', 'Inconclusive'],
      )
      // One for all, and one about stable for the one that failed; the stand-in knows no label_replace.
      const isTogether = asked.length === 2
      assert.ok(isTogether || options.name.includes('embedded'), asked.join('\n'))
    })

    test('gives samples as they were scraped, of which a comparison lives', async () => {
      const rows = await provider?.raw('istio_requests_total{response_code="503"}[1m]', Date.now())
      assert.equal(rows?.length, 3)
      for (const { samples } of rows ?? []) {
        assert.ok(samples.length >= 5, `${samples.length} samples`)
        assert.ok(samples.every(({ atMs }, i) => i === 0 || atMs > (samples[i - 1]?.atMs ?? 0)))
      }
    })

    test('is never taken for good when it says nothing, nonsense or too much, or when it dies', async () => {
      if (provider === null) throw new Error('not started')
      const analyst = createAnalyst({ provider, clock: Date, scrapeIntervalMs })
      const checks = [
        ['no-series', 'no_such_metric'],
        ['no-number', '1 / 0 - 1 / 0'],
        ['two-series', 'vector(1) or label_replace(vector(1), "a", "b", "", "")'],
        ['no-query', 'sum(('],
        ['a-range', 'istio_requests_total[1m]'],
      ].map(([name, query]) => Check.parse({ name, prometheus: { query, max: 9 } }))
      const compare = Check.parse({ name: 'compare', compare: { metric: 'errors' } })
      const one = { ...subject('good'), checks: [...checks, compare] }
      const outcomes = async () =>
        (await analyst.judge([one])).get('good')?.evidence.map(({ outcome }) => outcome)
      assert.deepEqual((await outcomes())?.slice(0, 5), [
        ...['Inconclusive', 'Inconclusive', 'Error', 'Error', 'Error'],
      ])
      await metrics?.close()
      metrics = null
      const dead = await analyst.judge([{ ...subject('good'), key: 'good' }])
      assert.equal(dead.get('good')?.outcome, 'Error')
      assert.deepEqual(await outcomes(), new Array(6).fill('Error'))
    })
  })
}

function subject(revision: string): Subject {
  return {
    key: revision,
    namespace: 'shop',
    name: 'checkout',
    host: 'checkout',
    revision,
    stable: 'old',
    step: 0,
    fromMs: Date.now() - 1_000,
    final: true,
    checks: [
      Check.parse({ name: 'errors', successRate: { min: 99 } }),
      Check.parse({ name: 'latency', latency: { max: '100ms' } }),
    ],
    minRequests: 10,
  }
}

function startApplication() {
  let scrapes = 0
  let isFleeting = true
  const server = createServer((_, response) => {
    scrapes += 1
    response.end(`${exposition(scrapes)}${isFleeting ? 'fleeting 1\n' : ''}`)
  })
  server.listen(0, '127.0.0.1')
  const url = once(server, 'listening').then(() => {
    const address = server.address()
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/metrics`
  })
  return {
    url,
    hideFleeting() {
      isFleeting = false
    },
    async close() {
      await url
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Each scrape finds 100 requests more to each revision; half of those to the bad one fail. */
function exposition(scrapes: number): string {
  const lines = ['# TYPE istio_requests_total counter']
  for (const [revision, failed] of [
    ['old', 0],
    ['good', 0],
    ['bad', 50],
  ] as const) {
    const labels = `reporter="source",destination_service_namespace="shop",destination_service_name="checkout",destination_canonical_revision="${revision}"`
    const count = 1_000 + 100 * scrapes
    lines.push(
      `istio_requests_total{${labels},response_code="200"} ${count - failed * scrapes}`,
      `istio_requests_total{${labels},response_code="503"} ${failed * scrapes}`,
      `istio_request_duration_milliseconds_bucket{${labels},response_code="200",le="50"} ${count}`,
      `istio_request_duration_milliseconds_bucket{${labels},response_code="200",le="100"} ${count}`,
      `istio_request_duration_milliseconds_bucket{${labels},response_code="200",le="+Inf"} ${count}`,
    )
  }
  return `${lines.join('\n')}\n`
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 15_000
  while (!(await isSo())) {
    if (Date.now() > deadlineMs) throw new Error('it did not come true within 15s')
    await sleep(50)
  }
}
