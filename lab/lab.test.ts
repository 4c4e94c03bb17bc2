// The whole lab: objects written as Sluice writes them, requests sent as callers send them.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Pool } from 'undici'
import { parse } from 'yaml'
import type { KubeApi } from '../kube/api.ts'
import { systemClock } from '../kube/clock.ts'
import {
  destinationRules,
  pods,
  replicaSets,
  services,
  virtualServices,
} from '../kube/resources.ts'
import { createKubeApi } from '../kube/transport.ts'
import { type Lab, startLab } from './lab.ts'
import { startLoad } from './load/start.ts'
import { createRandom } from './random.ts'

const namespace = 'shop'
const full = 'web.shop.svc.cluster.local'
let directory: string
let lab: Lab
let api: KubeApi & { close(): Promise<void> }
let callers: Pool

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-lab-'))
  lab = await startLab({ directory, prometheus: 'embedded', scrapeIntervalMs: 200 })
  api = createKubeApi({ server: lab.apiUrl, clock: systemClock, random: createRandom(9) })
  callers = new Pool(lab.meshUrl, { connections: 8 })
  await createService()
})

after(async () => {
  await callers.close()
  await api.close()
  await lab.close()
  await rm(directory, { recursive: true })
})

test('the kubeconfig is private and points to the API server', async () => {
  const { mode } = await stat(lab.kubeconfigPath)
  assert.equal(mode & 0o777, 0o600)
  const config: unknown = parse(await readFile(lab.kubeconfigPath, 'utf8'))
  const name = 'sluice-lab'
  assert.deepEqual(config, {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: lab.apiUrl } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
  })
})

test('two thousand requests split 90 to 10 within four sigma, and the metrics agree', async () => {
  await route({ v1: 90, v2: 10 })
  const total = 2_000
  const counts: Record<string, number> = {}
  await send(total, ({ code, revision }) => {
    const key = `${code} ${revision}`
    counts[key] = (counts[key] ?? 0) + 1
  })
  const canary = counts['200 v2'] ?? 0
  const sigma = Math.sqrt(total * 0.1 * 0.9)
  assert.ok(Math.abs(canary - total * 0.1) < 4 * sigma, `${canary} of ${total}`)
  assert.equal((counts['200 v1'] ?? 0) + canary, total)
  const text = await (await fetch(lab.mesh.metricsUrl)).text()
  const line = new RegExp(
    `^istio_requests_total\\{reporter="source",source_workload="load",.*destination_service="${full}",.*` +
      `destination_canonical_revision="v2",.*response_code="200",.*response_flags="-",.*\\} (\\d+)$`,
    'm',
  )
  assert.equal(Number(line.exec(text)?.[1]), canary)
})

test('metrics reach the query API with the names that checks ask for', async () => {
  const query = `sum by (destination_canonical_revision) (istio_requests_total{destination_service_name="web"})`
  const url = `${lab.prometheusUrl}/api/v1/query?query=${encodeURIComponent(query)}`
  const answer = await poll(async () => {
    const body: unknown = await (await fetch(url)).json()
    return JSON.stringify(body).includes('"v2"') ? body : null
  })
  assert.match(JSON.stringify(answer), /"destination_canonical_revision":"v1"/)
})

test('the share of a missing subset fails with NC and belongs to no revision', async () => {
  await route({ v1: 0, nobody: 100 })
  const codes = new Set<string>()
  await send(20, ({ code, flags }) => codes.add(`${code} ${flags}`))
  assert.deepEqual([...codes], ['503 NC'])
  const text = await (await fetch(lab.mesh.metricsUrl)).text()
  assert.match(text, /destination_canonical_revision="unknown",.*response_flags="NC".* 20$/m)
})

test('nobody notices when a fleet is scaled down after its weight went to 0', async () => {
  await route({ v1: 50, v2: 50 })
  const hosts = [{ host: 'web', requestsPerSecond: 300 }]
  const load = startLoad({ url: lab.meshUrl, hosts, clock: systemClock, longestMs: 10_000 })
  await systemClock.sleep(300)
  const before = (await api.list(pods, { namespace, labelSelector: 'sluice.dev/revision=v2' }))
    .items
  await route({ v1: 100, v2: 0 })
  await api.patch(replicaSets, { namespace, name: 'web-v2' }, 'merge', { spec: { replicas: 0 } })
  await poll(async () => {
    const { items } = await api.list(pods, { namespace, labelSelector: 'sluice.dev/revision=v2' })
    return items.length === 0 ? true : null
  })
  const removedAtMs = Date.now()
  await systemClock.sleep(300)
  await load.stop()
  const { failed, byRevision } = load.snapshot()
  assert.equal(failed, 0)
  assert.ok((byRevision['v2']?.requests ?? 0) > 0)
  const removals = new Map(before.map((pod) => [pod.metadata.name, removedAtMs]))
  assert.equal(load.servedByRemoved(removals), 0)
})

async function createService(): Promise<void> {
  const metadata = { name: 'web', namespace }
  await api.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8087 }] },
  })
  const subsets = ['v1', 'v2'].map((name) => ({ name, labels: { 'sluice.dev/revision': name } }))
  await api.create(destinationRules, {
    apiVersion: destinationRules.apiVersion,
    kind: 'DestinationRule',
    metadata,
    spec: { host: full, subsets },
  })
  await api.create(virtualServices, {
    apiVersion: virtualServices.apiVersion,
    kind: 'VirtualService',
    metadata,
    spec: { hosts: ['web'], http: [{ route: [{ destination: { host: full, subset: 'v1' } }] }] },
  })
  await Promise.all([createFleet('v1'), createFleet('v2')])
}

async function createFleet(revision: string): Promise<void> {
  const stamps = {
    'sluice.dev/revision': revision,
    'service.istio.io/canonical-revision': revision,
  }
  const labels = { app: 'web', ...stamps }
  const env = [
    { name: 'STARTUP_MS', value: '10' },
    { name: 'LATENCY_MS', value: '2' },
  ]
  const ports = [{ containerPort: 8087 }]
  const containers = [{ name: 'web', image: `web:${revision}`, env, ports }]
  const name = `web-${revision}`
  await api.create(replicaSets, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  })
  await poll(async () => {
    const { status } = await api.get(replicaSets, { namespace, name })
    return status.availableReplicas === 2 ? true : null
  })
}

/** Writes the weights and waits until the mesh obeys them. */
async function route(weights: Record<string, number>): Promise<void> {
  const destinations = Object.entries(weights).map(([subset, weight]) => ({
    destination: { host: full, subset },
    weight,
  }))
  const { metadata } = await api.patch(virtualServices, { namespace, name: 'web' }, 'merge', {
    spec: { http: [{ route: destinations }] },
  })
  await poll(async () => {
    const { inForce } = lab.mesh.table()
    const isObeyed = inForce.some(
      (object) => object.metadata.resourceVersion === metadata.resourceVersion,
    )
    return isObeyed ? true : null
  })
}

interface Seen {
  readonly code: number
  readonly revision: unknown
  readonly flags: unknown
}

/** Eight callers that take turns. */
async function send(total: number, see: (seen: Seen) => void): Promise<void> {
  let left = total
  const call = async () => {
    while (left > 0) {
      left -= 1
      const headers = { host: 'web.shop' }
      const answer = await callers.request({ path: '/', method: 'GET', headers })
      await answer.body.dump()
      const { 'x-revision': revision, 'x-response-flags': flags } = answer.headers
      see({ code: answer.statusCode, revision, flags })
    }
  }
  await Promise.all(Array.from({ length: 8 }, call))
}

async function poll<T>(look: () => Promise<T | null>): Promise<T> {
  for (let attempt = 0; attempt < 250; attempt += 1) {
    const found = await look()
    if (found !== null) return found
    await systemClock.sleep(20)
  }
  throw new Error('it did not happen within 5 s')
}
