// The alerts and the dashboard of the chart in, whether every metric and label that they ask for is one of the
// controller out. Where promtool is at hand, it checks the alerts and when each of them fires.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFile(join(root, path), 'utf8')

interface Panel {
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

it('alerts and the dashboard ask for metrics and labels that there are', async () => {
  const known = await metricsOf()
  const { groups } = parse(await read('charts/sluice/files/alerts.yaml'))
  const rules: { alert: string; expr: string }[] = groups[0].rules
  const { panels }: { panels: Panel[] } = JSON.parse(
    await read('charts/sluice/files/dashboard.json'),
  )
  const asked = [
    ...rules.map(({ alert, expr }) => [alert, expr]),
    ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr])),
  ]
  assert.ok(asked.length > 25)
  for (const [who = '', expr = ''] of asked) {
    const selectors = [...expr.matchAll(/(sluice_[a-z_]+)(?:\{([^}]*)\})?/g)]
    assert.ok(
      selectors.length > 0 || expr.startsWith('absent(up'),
      `${who} asks for nothing of ours`,
    )
    for (const [, name = '', matchers = ''] of selectors) {
      const labels = known.get(name.replace(/_(count|sum|bucket)$/, ''))
      assert.ok(labels, `${who}: there is no ${name}`)
      const wanted = [...matchers.matchAll(/(\w+)=~?"|(\w+)!=/g)].map(([, one, two]) => one ?? two)
      const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) =>
        list.split(', '),
      )
      for (const label of [...wanted, ...grouped]) {
        const isKnown = labels.has(label ?? '') || label === 'job' || label === 'le'
        assert.ok(isKnown, `${who}: ${name} has no label ${label}`)
      }
    }
  }
})

it('no metric is left out of the dashboard', async () => {
  const text = await read('charts/sluice/files/dashboard.json')
  const missing = [...(await metricsOf()).keys()].filter((name) => !text.includes(name))
  assert.deepEqual(missing, [], 'remedy: give it a panel')
})

it('promtool takes the alerts, and each fires when it should and at no other time', async (t) => {
  const promtool = async (...args: string[]) => {
    try {
      await promisify(execFile)('promtool', args, { cwd: root })
      return ''
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
      return error instanceof Error && 'stderr' in error
        ? `${'stdout' in error ? error.stdout : ''}${error.stderr}`
        : String(error)
    }
  }
  const checked = await promtool('check', 'rules', 'charts/sluice/files/alerts.yaml')
  if (checked === null) return t.skip('there is no promtool')
  assert.equal(checked, '')
  assert.equal(await promtool('test', 'rules', 'test/alerts/alerts.test.yaml'), '')
})

it('every alert is tried, both when it fires and when it does not', async () => {
  const { groups } = parse(await read('charts/sluice/files/alerts.yaml'))
  const { tests } = parse(await read('test/alerts/alerts.test.yaml'))
  const names = groups[0].rules.map(({ alert }: { alert: string }) => alert)
  for (const { name, alert_rule_test } of tests) {
    const tried = new Set(alert_rule_test.map(({ alertname }: { alertname: string }) => alertname))
    assert.deepEqual(
      names.filter((alert: string) => !tried.has(alert)),
      [],
      name,
    )
  }
})

/** Metrics of the reference, which a test compares with the code, and their labels. */
async function metricsOf(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = (await read('docs/reference/metrics.md')).matchAll(
    /^\| `(\w+)` \| \w+ \| ([^|]*) \|/gm,
  )
  return new Map(
    [...rows].map(([, name = '', labels = '']) => [name, new Set(labels.trim().split(', '))]),
  )
}
