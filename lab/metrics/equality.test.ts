// One written history, told to a real Prometheus and to the embedded evaluator: same questions, same
// numbers. Times are fixed, so that a difference is a difference of semantics.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { istio } from '../../analysis/metrics/istio.ts'
import { prometheusProvider } from '../../analysis/providers/prometheus.ts'
import { groupedQuery, singleQuery } from '../../analysis/query/query.ts'
import { findProgram, startRealPrometheus } from './real-prometheus.ts'
import { createSeriesStore, labelKey, type SeriesStore } from './series.ts'
import { type Metrics, serveSeries } from './server.ts'
import { history } from './written-history.ts'

const programs = {
  prometheus: await findProgram('prometheus'),
  promtool: await findProgram('promtool'),
}
const skip =
  programs.prometheus && programs.promtool
    ? false
    : 'NOT PROVEN HERE: prometheus and promtool are not on PATH (apt-get install prometheus)'

const startMs = Date.UTC(2026, 0, 10, 12, 0, 0)
const minuteMs = 60_000
const ten = startMs + 10 * minuteMs
const target = {
  namespace: 'shop',
  name: 'checkout',
  host: 'checkout',
  revision: 'aaa',
  stable: 'bbb',
  windowMs: 120_000,
  table: istio,
}
const revisionRate = (extra: string) =>
  `sum by (destination_canonical_revision) (rate(istio_requests_total{${extra}}[2m]))`

const questions: readonly (readonly [string, readonly number[]])[] = [
  [singleQuery('requests', target), [startMs + 90_000, ten, ten + 7_000, ten + 20 * minuteMs]],
  [singleQuery('durations', target), [startMs + 90_000, ten, ten + 7_000]],
  [singleQuery('requests', { ...target, windowMs: 60_000 }), [ten, ten + 1_234]],
  [groupedQuery('requests', [target, { ...target, revision: 'ccc', stable: null }]), [ten]],
  [groupedQuery('durations', [target, { ...target, revision: 'ccc', stable: null }]), [ten]],
  ['istio_requests_total', [startMs, ten, ten + 4 * minuteMs, ten + 60 * minuteMs]],
  ['istio_requests_total{destination_canonical_revision!="aaa"}', [ten]],
  ['rate(istio_requests_total[1m])', [startMs + 30_000, startMs + 5_000, ten, ten + 3_000]],
  ['increase(istio_requests_total[5m])', [startMs + 30_000, ten, ten + 9 * minuteMs]],
  ['increase(restarted_total[5m])', [ten, ten - 90_000, startMs + 6 * minuteMs]],
  ['increase(restarted_total[1m])', [startMs + 4 * minuteMs, startMs + 4 * minuteMs + 10_000]],
  ['increase(born_total[5m])', [startMs + 5 * minuteMs + 35_000, ten]],
  ['rate(gappy_total[2m])', [startMs + 720_000, startMs + 725_000, startMs + 735_000]],
  ['gappy_total', [startMs + 6 * minuteMs, startMs + 1_000_000, startMs + 1_010_000]],
  ['rate(gappy_total[4m])', [startMs + 5 * minuteMs, startMs + 8 * minuteMs, ten]],
  ['gappy_total', [startMs + 5 * minuteMs, startMs + 9 * minuteMs, ten + 3 * minuteMs]],
  ['delta(gauge[3m])', [ten, startMs + 4 * minuteMs]],
  ['gauge', [ten, startMs + 3 * minuteMs]],
  ['gauge / 0', [ten]],
  ['sum(gauge)', [startMs + 3 * minuteMs, ten]],
  ['max(gauge) - min(gauge)', [ten]],
  ['max by (kind) (gauge)', [startMs + 3 * minuteMs, ten]],
  ['avg without (kind) (gauge)', [ten]],
  ['count(istio_requests_total) by (destination_canonical_revision)', [ten]],
  [`${revisionRate('response_code=~"5.."')} / ${revisionRate('')}`, [ten]],
  [
    `1 - ((${revisionRate('response_code=~"5.."')} or 0 * ${revisionRate('')}) / ${revisionRate('')})`,
    [ten, startMs + 2 * minuteMs],
  ],
  ['sum(rate(no_such_metric[1m])) / sum(rate(istio_requests_total[1m]))', [ten]],
  ['sum(rate(quiet_total[2m])) / sum(rate(quiet_total[2m]))', [ten]],
  [
    'histogram_quantile(0.99, sum by (le, destination_canonical_revision) (rate(istio_request_duration_milliseconds_bucket[2m])))',
    [ten, startMs + 90_000],
  ],
  ['histogram_quantile(0.5, istio_request_duration_milliseconds_bucket)', [ten]],
  ['histogram_quantile(0, istio_request_duration_milliseconds_bucket)', [ten]],
  ['histogram_quantile(1.5, istio_request_duration_milliseconds_bucket)', [ten]],
  ['histogram_quantile(0.9, odd_bucket)', [ten]],
  ['gauge > 3', [ten]],
  ['gauge > bool 3', [ten]],
  ['3 < gauge', [ten]],
  ['-gauge ^ 2', [ten]],
  ['-2 ^ 2 + 7 % 4 * 3', [ten]],
  ['2 > bool 1', [ten]],
  ['vector(3) + scalar(sum(gauge{kind="plain"}))', [ten]],
  ['gauge * on (kind) other', [ten]],
  ['gauge - ignoring (zone) other', [ten]],
  ['gauge and on (kind) other', [ten]],
  ['gauge unless on (kind) other', [ten]],
  ['sum_over_time(gauge[2m]) + count_over_time(gauge[2m])', [ten]],
  ['max_over_time(gauge[4m]) - min_over_time(gauge[4m])', [ten, startMs + 4 * minuteMs]],
  ['clamp_min(gauge, 4) / clamp_max(gauge, 2)', [ten]],
  ['{__name__=~"gau.e",kind="quo\\"te\\\\"}', [ten]],
  ["odd_bucket{le=~'5|10'} or abs(-gauge)", [ten]],
]

describe('the embedded evaluator answers like a real Prometheus', { skip }, () => {
  let directory = ''
  const metrics: Metrics[] = []
  const ask: ((query: string, atMs: number) => Promise<ReadonlyMap<string, number>>)[] = []

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-equality-'))
    const data = await writeBlocks(directory)
    const real = startRealPrometheus({
      program: programs.prometheus ?? '',
      dataDirectory: data,
      targets: () => [],
      scrapeIntervalMs: 15_000,
    })
    metrics.push(await real, await serveSeries(embedded()))
    for (const { url } of metrics) ask.push(asker(url))
  })

  after(async () => {
    for (const one of metrics) await one.close()
    await rm(directory, { recursive: true, force: true })
  })

  for (const [query, timesMs] of questions) {
    test(`to ${query}`, async () => {
      for (const atMs of timesMs) {
        const [real, embedded] = await Promise.all(ask.map((one) => one(query, atMs)))
        const seconds = (atMs - startMs) / 1_000
        assert.deepEqual(keys(embedded), keys(real), `series at ${seconds}s`)
        for (const [key, value] of real ?? []) {
          assertClose(embedded?.get(key) ?? Number.NaN, value, `${key} at ${seconds}s`)
        }
      }
    })
  }

  for (const query of [
    'rate(gauge)',
    'gauge{',
    'sum(gauge) > bool',
    '{kind=""}',
    'gauge[5m] + 1',
    'gauge / on () other',
    '1 > 2',
  ]) {
    test(`with an error to ${query}`, async () => {
      for (const one of ask) await assert.rejects(one(query, ten), { isAboutQuery: true })
    })
  }
})

function asker(url: string) {
  const provider = prometheusProvider({ url })
  return async (query: string, atMs: number) => {
    const samples = await provider.query(query, atMs)
    return new Map(samples.map(({ labels, value }) => [labelKey(labels), value]))
  }
}

function keys(answer: ReadonlyMap<string, number> | undefined): string[] {
  return [...(answer?.keys() ?? [])].sort()
}

function assertClose(actual: number, expected: number, message: string): void {
  if (Object.is(actual, expected)) return
  const isClose = Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected))
  assert.ok(isClose, `${message}: ${actual} instead of ${expected}`)
}

function embedded(): SeriesStore {
  const store = createSeriesStore({ retentionMs: 24 * 60 * minuteMs })
  for (const { labels, timeMs, value } of history(startMs)) store.append(labels, timeMs, value)
  return store
}

async function writeBlocks(directory: string): Promise<string> {
  const file = join(directory, 'history.om')
  const data = join(directory, 'data')
  const lines = history(startMs).map(({ labels, timeMs, value }) => {
    const { __name__: name, ...rest } = labels
    const pairs = Object.entries(rest).map(([label, text]) => `${label}=${JSON.stringify(text)}`)
    return `${name}{${pairs.join(',')}} ${value} ${(timeMs / 1_000).toFixed(3)}`
  })
  await writeFile(file, `${lines.join('\n')}\n# EOF\n`)
  const argv = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', file, data]
  await promisify(execFile)(programs.promtool ?? '', argv, { timeout: 30_000 })
  return data
}
