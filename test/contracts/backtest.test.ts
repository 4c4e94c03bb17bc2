// A recorded half day of a service, told by the stand-in and by a real Prometheus; what `kubectl sluice backtest`
// says of it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { binomial, chances } from '../../analysis/backtest/chance.ts'
import { findProgram, startRealPrometheus } from '../../lab/metrics/real-prometheus.ts'
import { createSeriesStore, type Labels } from '../../lab/metrics/series.ts'
import { type Metrics, serveSeries } from '../../lab/metrics/server.ts'
import { run } from '../../plugin/run.fixture.ts'

const programs = {
  prometheus: await findProgram('prometheus'),
  promtool: await findProgram('promtool'),
}
const startMs = Date.UTC(2026, 0, 10)
const hours = 4
const scrapeMs = 15_000
const pods = 3

interface Written {
  readonly labels: Labels
  readonly timeMs: number
  readonly value: number
}

/** Counters of pods with 300 requests a scrape, of which one in 500 fails; the last hour has a rollout. */
function recorded(): Written[] {
  const written: Written[] = []
  for (let pod = 0; pod <= pods; pod += 1) {
    const chance = chances(pod + 1)
    const isNew = pod === pods
    const labels = {
      reporter: 'destination',
      destination_service_namespace: 'shop',
      destination_service_name: 'checkout',
      destination_canonical_revision: isNew ? 'bbbb' : 'aaaa',
      pod: `checkout-${pod}`,
    }
    let [good, bad] = [0, 0]
    const first = isNew ? ((hours - 1) * 3_600_000) / scrapeMs : 0
    for (let scrape = first; scrape <= (hours * 3_600_000) / scrapeMs; scrape += 1) {
      const failed = binomial(300, 0.002, chance)
      good += 300 - failed
      bad += failed
      const timeMs = startMs + scrape * scrapeMs + pod
      const add = (response_code: string, value: number) =>
        written.push({
          labels: { __name__: 'istio_requests_total', ...labels, response_code },
          timeMs,
          value,
        })
      add('200', good)
      add('503', bad)
    }
  }
  return written
}

async function startEmbedded(): Promise<Metrics> {
  const store = createSeriesStore({ retentionMs: 48 * 3_600_000 })
  for (const { labels, timeMs, value } of recorded()) store.append(labels, timeMs, value)
  return serveSeries(store)
}

async function startReal(directory: string): Promise<Metrics> {
  const [file, data] = [join(directory, 'history.om'), join(directory, 'data')]
  const lines = recorded().map(({ labels: { __name__: name, ...rest }, timeMs, value }) => {
    const pairs = Object.entries(rest).map(([label, text]) => `${label}=${JSON.stringify(text)}`)
    return `${name}{${pairs.join(',')}} ${value} ${(timeMs / 1_000).toFixed(3)}`
  })
  await writeFile(file, `${lines.join('\n')}\n# EOF\n`)
  const argv = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', file, data]
  await promisify(execFile)(programs.promtool ?? '', argv, { timeout: 30_000 })
  const program = programs.prometheus ?? ''
  return startRealPrometheus({
    ...{ program, dataDirectory: data, scrapeIntervalMs: scrapeMs },
    targets: () => [],
  })
}

const rollout = `apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: { name: checkout, namespace: shop }
spec:
  selector: { matchLabels: { app: checkout } }
  template: { spec: { containers: [] } }
  traffic: { istio: { host: checkout } }
  canary: { steps: [{ weight: 10, hold: 10m }] }
  analysis: { checks: [{ name: errors, compare: { metric: errors } }, { name: rate, successRate: { min: 99 } }, { name: own, prometheus: { query: 'sum(rate(istio_requests_total{destination_canonical_revision="{{revision}}"}[{{window}}]))', min: 50 }, interval: 5m }] }
`

const isReal = programs.prometheus !== null && programs.promtool !== null
const skip = isReal
  ? false
  : 'NOT PROVEN HERE: prometheus is not on PATH (apt-get install prometheus)'

for (const [name, start, why] of [
  ['the stand-in', startEmbedded, false],
  ['a real Prometheus', startReal, skip],
] as const) {
  describe(`backtest against ${name}`, { skip: why }, () => {
    let folder = ''
    let metrics: Metrics | null = null
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'backtest-'))
      metrics = await start(folder)
      await writeFile(join(folder, 'rollout.yaml'), rollout)
    })
    after(async () => {
      await metrics?.close()
      await rm(folder, { recursive: true, force: true })
    })

    const backtest = (...more: readonly string[]) =>
      run('http://127.0.0.1:1', [
        ...['backtest', '-f', join(folder, 'rollout.yaml'), '--prometheus', metrics?.url ?? ''],
        `--until=${new Date(startMs + hours * 3_600_000).toISOString()}`,
        ...['--days', String(hours / 24), ...more],
      ])

    test('tries healthy pods, and leaves the hour with a rollout out', async () => {
      const { out, err, code } = await backtest('-o', 'json')
      assert.deepEqual([err, code], ['', 0])
      const [result, bounded, own] = JSON.parse(out)
      assert.deepEqual([bounded.check, bounded.trials, bounded.aborts], ['rate', 54, 0])
      // Three pods with 20 requests a second each.
      assert.deepEqual([own.check, own.trials, own.unanswered, own.aborts], ['own', 18, 0, 0])
      assert.ok(Math.abs(own.values.median - 60) < 3, out)
      // Three hours had no rollout: eighteen windows, three pods each.
      assert.deepEqual([result.check, result.trials, result.aborts], ['errors', 54, 0])
      const found = (points: number) =>
        result.power.find((one: { risePoints: number }) => one.risePoints === points).foundPercent
      assert.ok(found(0.5) < found(5) && found(5) === 100, out)
    })

    test('tells people', async () => {
      const { out } = await backtest()
      assert.match(
        out,
        /checkout\n├─ errors\n│ {2}├─ tried {3}54 times a healthy pod as a canary, over 1 calendar day/,
      )
      assert.match(out, /aborts {2}0 \(0 %\), on 0 of the days/)
      assert.match(out, /\+50 points {3}100 %, in 30s/)
    })

    test('says when there is nothing to try', async () => {
      const { err } = await backtest('--days=0.01')
      assert.match(err, /no window with two pods/)
    })
  })
}

test('backtest says what it can not do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'backtest-'))
  const file = join(folder, 'rollout.yaml')
  const words = (...more: readonly string[]) =>
    run('http://127.0.0.1:1', ['backtest', '-f', file, ...more])
  await writeFile(file, rollout)
  assert.match((await words()).err, /--prometheus is missing/)
  assert.match(
    (await words('--prometheus=http://127.0.0.1:1')).err,
    /127\.0\.0\.1:1 cannot be reached/,
  )
  assert.match((await words('--prometheus=http://me:x@host')).err, /must not carry credentials/)
  assert.match((await words('--prometheus=http://host', '--days=x')).err, /--days must be a number/)
  await writeFile(file, rollout.replace(/checks: .*/, 'checks: [{ name: a, job: { spec: {} } }] }'))
  assert.match((await words('--prometheus=http://host')).out, /a Job of the past can not be run/)
  await rm(folder, { recursive: true })
})
