// Checks that ask others than Prometheus, against a cluster of a few lines: Jobs, Secrets, hosts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metricTables } from '../analysis/metrics/tables.ts'
import { Check } from '../crds/check.ts'
import { ApiError, type KubeObject } from '../kube/api.ts'
import { createMetricSources } from './metric-sources.ts'

const rollout: KubeObject = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
}
const target = {
  ...{ namespace: 'shop', name: 'web', host: 'web', revision: 'aaaa', stable: 'bbbb' },
  ...{ windowMs: 60_000, table: metricTables.istio },
}

function startCluster(refuse?: number) {
  const created: KubeObject[] = []
  const status: { conditions?: object[] } = {}
  const sources = createMetricSources({
    clock: { now: () => 0 } as never,
    world: () => ({ rollouts: { get: () => rollout } as never }),
    hosts: 'hooks.example.com',
    api: {
      async get({ kind }, { name }) {
        const found = created.find(({ metadata }) => metadata.name === name)
        if (found && kind === 'Job') return { ...found, status }
        throw new ApiError({ code: 404, reason: 'NotFound', message: `${kind} ${name}` })
      },
      async create(_, object) {
        if (refuse) throw new ApiError({ code: refuse, reason: 'Forbidden', message: 'no' })
        created.push(object)
        return object
      },
    },
  })
  const ask = (check: object) =>
    sources.ask({ check: Check.parse({ name: 'own', ...check }), target, atMs: 1 })
  return { ask, created, status }
}

const job = { job: { spec: { template: { spec: { containers: [{ name: 'a', env: [{}] }] } } } } }

test('a Job belongs to its Rollout, is told what is on trial, and ends by itself', async () => {
  const { ask, created, status } = startCluster()
  assert.match(JSON.stringify(await ask(job)), /pending.*was started/)
  assert.match(JSON.stringify(await ask(job)), /pending.*runs/)
  assert.equal(created.length, 1)
  const [{ metadata, spec }] = created as [KubeObject]
  assert.deepEqual([metadata.namespace, metadata.ownerReferences?.[0]?.uid], ['shop', 'u1'])
  const { template, ...bounds } = spec
  assert.deepEqual(bounds, {
    ...{ activeDeadlineSeconds: 1_800, ttlSecondsAfterFinished: 3_600, backoffLimit: 0 },
  })
  assert.equal(template.spec.restartPolicy, 'Never')
  assert.deepEqual(template.spec.containers[0].env[2], { name: 'SLUICE_REVISION', value: 'aaaa' })
  status.conditions = [{ type: 'Complete', status: 'True' }]
  assert.match(JSON.stringify(await ask(job)), /"isGood":true/)
  status.conditions = [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }]
  assert.match(JSON.stringify(await ask(job)), /"isGood":false.*BackoffLimitExceeded/)
})

test('what is refused says what to change', async () => {
  const webhook = { webhook: { url: 'https://elsewhere.example.com/', max: 1 } }
  const datadog = { datadog: { query: 'a', secretRef: { name: 'dd' }, max: 1 } }
  for (const [check, message] of [
    [job, /error.*set analysis\.jobs of the chart/],
    [webhook, /error.*elsewhere\.example\.com is not among the hosts.*--analysis-hosts/],
    [datadog, /error.*there is no Secret shop\/dd/],
  ] as const) {
    assert.match(JSON.stringify(await startCluster(403).ask(check)), message)
  }
})
