// A Rollout in a folder and a Prometheus with a past in, what `kubectl sluice backtest` and `plan` print out.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { run } from './run.fixture.ts'

const rollout = (analysis: string) => `apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: { name: checkout, namespace: shop }
spec:
  selector: { matchLabels: { app: checkout } }
  template: { metadata: { labels: { app: checkout } }, spec: { containers: [] } }
  traffic: { istio: { host: checkout } }
  canary: { steps: [{ weight: 10, hold: 10m }] }
  analysis: ${analysis}
`
const template = `apiVersion: sluice.dev/v1alpha1
kind: AnalysisTemplate
metadata: { name: usual, namespace: shop }
spec:
  args:
    - { name: most, type: number, sets: [{ check: own, field: prometheus.max }] }
  checks:
    - { name: rate, successRate: { min: 99 } }
    - name: own
      prometheus: { query: 'busy{r="{{revision}}"}', max: 1 }
      interval: 5m
    - { name: gate, webhook: { url: 'https://gate.example.com/', min: 1 } }
`

/** Three pods with 20 requests a scrape; the query of a user gives 0.5, and 3 in the second hour. */
function startPrometheus(): { readonly server: Server; readonly asked: URLSearchParams[] } {
  const asked: URLSearchParams[] = []
  const point = (seconds: number, value: number) => [seconds, String(value)]
  const every = (from: number, to: number, step: number, valueAt: (at: number) => number) => {
    const count = Math.floor((to - from) / step) + 1
    return Array.from({ length: count }, (_, i) => point(from + i * step, valueAt(from + i * step)))
  }
  const labels = {
    destination_service_namespace: 'shop',
    destination_service_name: 'checkout',
    destination_canonical_revision: 'aaaaaaaaaa',
  }
  const rowsOf = (given: URLSearchParams) => {
    const number = (name: string) => Number(given.get(name))
    const query = given.get('query') ?? ''
    if (given.has('step')) {
      const second = number('end') - 3_600
      const own = (at: number) => (query.startsWith('busy') && at > second ? 3 : 0.5)
      const values = every(number('start'), number('end'), number('step'), own)
      return [{ metric: query.startsWith('busy') ? {} : labels, values }]
    }
    const to = number('time')
    const from = to - Number(/\[(\d+)s\]/.exec(query)?.[1])
    return ['a', 'b', 'c'].flatMap((pod) =>
      ['200', '503'].map((code) => ({
        metric: { ...labels, pod, response_code: code },
        values: every(Math.ceil(from / 15) * 15, to, 15, (at) => (code === '200' ? at : 0)),
      })),
    )
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const given = new URLSearchParams(body)
      asked.push(given)
      const data = { resultType: 'matrix', result: rowsOf(given) }
      response.end(JSON.stringify({ status: 'success', data }))
    })
  })
  return { server, asked }
}

describe('backtest', () => {
  const { server, asked } = startPrometheus()
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'backtest-'))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  })
  after(async () => {
    server.close()
    server.closeAllConnections()
    await rm(folder, { recursive: true })
  })

  const file = () => join(folder, 'rollout.yaml')
  const backtest = async (analysis: string, ...more: readonly string[]) => {
    await writeFile(file(), rollout(analysis))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return run('http://127.0.0.1:1', [
      ...['backtest', '-f', file(), '--prometheus', url, '--days', '0.1'],
      ...['--until', '2026-01-10T12:00:00Z', ...more],
    ])
  }
  const named = '{ templateRef: { name: usual, args: { most: "2" } } }'

  test('replays all checks of a Rollout and of the template beside it, and names what it can not', async () => {
    await writeFile(join(folder, 'template.yaml'), template)
    const { out, err } = await backtest(named, '-o', 'json')
    assert.equal(err, '')
    const results: readonly Record<string, unknown>[] = JSON.parse(out)
    const told = results.map(({ check, replayed, trials, aborts, failed, because }) => {
      return { check, replayed, trials, aborts, failed, because }
    })
    assert.deepEqual(JSON.parse(JSON.stringify(told)), [
      { check: 'rate', replayed: 'pods', trials: 42, aborts: 0 },
      { check: 'own', replayed: 'values', trials: 14, aborts: 6, failed: 6, because: null },
      {
        check: 'gate',
        replayed: 'nothing',
        because: 'a webhook can not be asked about the past',
      },
    ])
    assert.ok(asked.some((given) => given.get('query') === 'busy{r="aaaaaaaaaa"}'))
  })

  test('draws them for people', async () => {
    await writeFile(join(folder, 'template.yaml'), template)
    const { out } = await backtest(named)
    const lines = out.split('\n').filter((line) => /own|asked|aborts {2}6|beyond|gate/.test(line))
    assert.equal(lines.length, 6, out)
  })

  test('says where it looked for a template', async () => {
    const { err, code } = await backtest('{ templateRef: { name: other } }')
    assert.match(err, /AnalysisTemplate other stands neither in the files nor beside them, and the/)
    assert.equal(code, 1)
  })

  test('leaves its plan to the same checks', async () => {
    await writeFile(file(), rollout(named))
    await writeFile(join(folder, 'template.yaml'), template)
    const { out } = await run('http://127.0.0.1:1', ['plan', '-f', folder, '--rps', '100'])
    assert.match(out, /the checks rate, own, gate/)
    assert.match(out, /1 rate .*needs 100 requests/)
  })
})
