// What a Rollout runs beside its own template, on a real control plane: configuration of each revision, a live
// Deployment that is taken over and given back, and pods that are replaced in place. Callers never stop.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isNotFound, type KubeApi, type KubeObject, type Resource } from '../../kube/api.ts'
import {
  configMaps,
  deployments,
  pods,
  replicaSets,
  rollouts,
  secrets,
  virtualServices,
} from '../../kube/resources.ts'
import { applyChart } from './chart.ts'
import { isSettled } from './observer.ts'
import { type Stage, setStage } from './stage.ts'

const grants = ['configMaps', 'secrets', 'deployments', 'evictions']

test('a change of configuration alone is a release, and going back brings the old one back', async (t) => {
  const stage = await begin(t, 'e2e-config')
  const { api, namespace, observer, load } = stage
  await api.create(configMaps, configMap(namespace, 'debug'))
  await api.create(secrets, {
    ...named(secrets, namespace, 'key'),
    stringData: { token: 'canary-value' },
  })
  const config = [{ configMap: 'env' }, { secret: 'key' }]
  await api.create(rollouts, rollout(namespace, { template: template('4'), config }))
  const first = await settledOn(stage, '')
  const startedAt = Date.now()
  await api.patch(configMaps, { namespace, name: 'env' }, 'merge', { data: { LEVEL: 'info' } })
  const second = await settledOn(stage, first)
  t.diagnostic(`promoted ${Date.now() - startedAt} ms after the ConfigMap changed`)
  assert.equal(load.since(startedAt).failed, 0)
  const copy = await api.get(configMaps, { namespace, name: `env-${second}` })
  assert.deepEqual([copy['immutable'], copy['data']], [true, { LEVEL: 'info' }])
  const fleet = await api.get(replicaSets, { namespace, name: `checkout-${second}` })
  const [container] = fleet['spec'].template.spec.containers
  assert.deepEqual(container.envFrom, [
    { configMapRef: { name: `env-${second}` } },
    { secretRef: { name: `key-${second}` } },
  ])
  await eventually('the copies of the first revision are gone', async () => {
    const left = await Promise.all([
      read(api, configMaps, namespace, `env-${first}`),
      read(api, secrets, namespace, `key-${first}`),
    ])
    return left.every((object) => object === null)
  })
  await api.patch(configMaps, { namespace, name: 'env' }, 'merge', { data: { LEVEL: 'debug' } })
  assert.equal(await settledOn(stage, second), first)
  assert.equal(load.since(startedAt).failed, 0)
  assert.doesNotMatch(JSON.stringify(await everything(stage)), /canary-value|Y2FuYXJ5LXZhbHVl/)

  await api.delete(configMaps, { namespace, name: 'env' })
  await observer.until('the status says what is missing', () =>
    observer.status()?.blockedBy?.message.includes('ConfigMap env is not there'),
  )
  await api.create(configMaps, configMap(namespace, 'debug'))
  await observer.until('it is found again', () => isSettled(observer.status()))
  assert.equal(observer.status()?.stable?.revision, first)
})

test('a live Deployment is taken over, released through, and given back, without a failed request', async (t) => {
  const stage = await begin(t, 'e2e-adopt')
  const { api, namespace, observer, load } = stage
  await runDeployment(stage)
  const startedAt = Date.now()
  const most = watchPods(api, namespace)
  t.after(() => most.stop())
  const workloadRef = { kind: 'Deployment', name: 'checkout' }
  await api.create(rollouts, rollout(namespace, { workloadRef }, 4))
  const first = await settledOn(stage, '')
  await sized(stage, { desired: 0, ready: 0 })
  t.diagnostic(`taken over after ${Date.now() - startedAt} ms, at most ${most.count()} pods`)
  assert.ok(most.count() <= 5, `${most.count()} pods at once`)
  assert.equal(load.since(startedAt).failed, 0)
  assert.deepEqual(observer.weights(), { [first]: 100 })

  const next = { spec: { template: template('5') } }
  await api.patch(deployments, { namespace, name: 'checkout' }, 'merge', next)
  const second = await settledOn(stage, first)
  assert.notEqual(second, first)
  assert.equal(load.since(startedAt).failed, 0)

  await api.delete(rollouts, { namespace, name: 'checkout' })
  await eventually('the Rollout is gone', async () => {
    return (await read(api, rollouts, namespace, 'checkout')) === null
  })
  await sized(stage, { desired: 4, ready: 4 })
  await eventually('only pods of the Deployment are left', async () => {
    const { items } = await api.list(replicaSets, {
      namespace,
      labelSelector: 'sluice.dev/rollout',
    })
    return items.length === 0
  })
  assert.equal(load.since(startedAt).failed, 0)
  assert.equal(await read(api, virtualServices, namespace, 'checkout'), null)
  const { metadata, ...deployment } = await api.get(deployments, { namespace, name: 'checkout' })
  assert.equal(deployment['spec'].paused, undefined)
  assert.doesNotMatch(JSON.stringify([metadata.labels, metadata.annotations]), /sluice/)
})

test('a controller that is killed in the middle takes nothing from callers, on the way and back', async (t) => {
  const stage = await prepare(t, 'e2e-adopt-crash')
  const { api, namespace, load } = stage
  let current = await stage.controller('one')
  const killAt = async (desired: number, next: string) => {
    await eventually(`the Deployment is asked for ${desired} pods`, async () => {
      const { spec } = await api.get(deployments, { namespace, name: 'checkout' })
      return spec.replicas === desired
    })
    current.signal('SIGKILL')
    await current.ended
    current = await stage.controller(next)
  }
  await runDeployment(stage)
  const startedAt = Date.now()
  const workloadRef = { kind: 'Deployment', name: 'checkout' }
  await api.create(rollouts, rollout(namespace, { workloadRef }, 4))
  await killAt(3, 'two')
  await settledOn(stage, '')
  await sized(stage, { desired: 0, ready: 0 })
  await api.delete(rollouts, { namespace, name: 'checkout' })
  await killAt(1, 'three')
  await eventually('the Rollout is gone', async () => {
    return (await read(api, rollouts, namespace, 'checkout')) === null
  })
  await sized(stage, { desired: 4, ready: 4 })
  const { requests, failed } = load.since(startedAt)
  assert.equal(failed, 0)
  t.diagnostic(`2 kills, ${requests} requests, ${failed} failed`)
})

test('pods are replaced in place, one at a time, with never fewer ready than asked for', async (t) => {
  const stage = await begin(t, 'e2e-restart')
  const { api, namespace, observer, load } = stage
  await api.create(rollouts, rollout(namespace, { template: template('4') }))
  const revision = await settledOn(stage, '')
  const before = await namesOfPods(api, namespace)
  await sleep(1_100)
  const startedAt = Date.now()
  const restartAt = new Date(startedAt).toISOString().replace(/\.\d+/, '')
  await api.patch(rollouts, { namespace, name: 'checkout' }, 'merge', { spec: { restartAt } })
  await observer.until('the restart has ended', () => {
    const { restart } = observer.status() ?? {}
    return restart?.at === restartAt && restart.endedAt !== undefined
  })
  await observer.until('it is at rest', () => isSettled(observer.status()))
  const after = await namesOfPods(api, namespace)
  assert.deepEqual(
    after.filter((name) => before.includes(name)),
    [],
  )
  assert.equal(observer.status()?.stable?.revision, revision)
  assert.equal(load.since(startedAt).failed, 0)
  t.diagnostic(`${before.length} pods replaced in ${Date.now() - startedAt} ms`)
})

async function begin(t: Parameters<typeof setStage>[0], namespace: string): Promise<Stage> {
  const stage = await prepare(t, namespace)
  await stage.controller('one')
  return stage
}

async function prepare(t: Parameters<typeof setStage>[0], namespace: string): Promise<Stage> {
  const stage = await setStage(t, namespace)
  const { plane, api } = stage
  const values = grants.map((name) => `workloads.${name}=true`)
  if (plane.helm !== null)
    await applyChart(plane, api, { namespace, component: 'controller', values })
  return stage
}

function named({ apiVersion, kind }: Resource, namespace: string, name: string): KubeObject {
  return { apiVersion, kind, metadata: { namespace, name } }
}

async function runDeployment(stage: Stage): Promise<void> {
  const { api, namespace } = stage
  await api.create(deployments, {
    ...named(deployments, namespace, 'checkout'),
    spec: { replicas: 4, selector: { matchLabels: { app: 'checkout' } }, template: template('4') },
  })
  await sized(stage, { desired: 4, ready: 4 })
}

function configMap(namespace: string, level: string): KubeObject {
  return { ...named(configMaps, namespace, 'env'), data: { LEVEL: level } }
}

function template(latencyMs: string) {
  return {
    metadata: { labels: { app: 'checkout' } },
    spec: {
      containers: [
        {
          name: 'app',
          image: 'registry.example/checkout:1',
          ports: [{ containerPort: 8080 }],
          env: [{ name: 'LATENCY_MS', value: latencyMs }],
          envFrom: [{ configMapRef: { name: 'env' } }, { secretRef: { name: 'key' } }],
        },
      ],
    },
  }
}

function rollout(namespace: string, what: object, replicas = 3): KubeObject {
  return {
    ...named(rollouts, namespace, 'checkout'),
    spec: {
      replicas,
      selector: { matchLabels: { app: 'checkout' } },
      ...what,
      traffic: { istio: { host: 'checkout' }, settle: '500ms', drain: '1s' },
      progressDeadline: '60s',
      canary: { steps: [{ weight: 50, hold: '1s' }] },
    },
  }
}

/** The revision that all traffic is on, once it is another than this one. */
function settledOn({ observer }: Stage, before: string): Promise<string> {
  return observer.until(`another revision than ${before} is at rest`, () => {
    const status = observer.status()
    const revision = status?.stable?.revision ?? ''
    return (
      revision !== before && isSettled(status) && observer.weights()[revision] === 100 && revision
    )
  })
}

async function sized(
  { api, namespace }: Stage,
  { desired, ready }: { readonly desired: number; readonly ready: number },
): Promise<void> {
  await eventually(`the Deployment has ${ready} of ${desired} pods`, async () => {
    const { spec, status } = await api.get(deployments, { namespace, name: 'checkout' })
    return spec.replicas === desired && (status?.availableReplicas ?? 0) === ready
  })
}

/** Most pods that were there and not told to end, at one time. */
function watchPods(api: KubeApi, namespace: string) {
  const stop = new AbortController()
  let most = 0
  void (async () => {
    while (!stop.signal.aborted) {
      most = Math.max(most, (await namesOfPods(api, namespace).catch(() => [])).length)
      await sleep(40)
    }
  })()
  return { count: () => most, stop: () => stop.abort() }
}

async function namesOfPods(api: KubeApi, namespace: string): Promise<string[]> {
  const { items } = await api.list(pods, { namespace })
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name)
}

async function everything({ api, namespace }: Stage): Promise<unknown> {
  const kinds = [rollouts, replicaSets, pods, configMaps, virtualServices]
  return Promise.all(kinds.map((resource) => api.list(resource, { namespace })))
}

async function read(api: KubeApi, resource: Resource, namespace: string, name: string) {
  try {
    return await api.get(resource, { namespace, name })
  } catch (error) {
    if (isNotFound(error)) return null
    throw error
  }
}

async function eventually(what: string, test: () => Promise<boolean>): Promise<void> {
  const deadlineAtMs = Date.now() + 60_000
  while (!(await test())) {
    if (Date.now() > deadlineAtMs) throw new Error(`waited in vain until ${what}`)
    await sleep(100)
  }
}
