import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentDigest } from '../../crds/revision.ts'
import type { RolloutSpec } from '../../crds/rollout.ts'
import type { KubeObject } from '../../kube/api.ts'
import { ApiError } from '../../kube/api.ts'
import type { Reflector, ReflectorOptions } from '../../kube/reflector.ts'
import { createStore, keyOf } from '../../kube/store.ts'
import { createNamedWorld, lookAgainMs } from './named-world.ts'

const template = { spec: { containers: [{ name: 'app', image: 'app:1' }] } }

function rollout(name: string, what: object): KubeObject {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name, namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: 'checkout' } },
      traffic: { istio: { host: 'checkout' } },
      canary: { steps: [{ weight: 50 }] },
      ...what,
    },
  }
}

const configMap = (level: string, version: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'env', namespace: 'shop', uid: 'u', resourceVersion: version },
  data: { LEVEL: level },
})

const deployment = (rolloutName: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'checkout',
    namespace: 'shop',
    resourceVersion: '1',
    labels: { 'sluice.dev/rollout': rolloutName },
  },
  spec: { replicas: 4, template },
})

/** A world whose watches are told by hand. */
function setUp(...objects: KubeObject[]) {
  const clock = { now: 100_000 }
  const told: string[] = []
  const rollouts = createStore({})
  for (const object of objects) rollouts.put(object)
  const watches = new Map<string, ReflectorOptions & ReturnType<typeof watchOf>>()
  const watchOf = (options: Partial<ReflectorOptions>) => {
    const store = createStore({ transform: options.transform })
    const put = (object: KubeObject) => {
      for (const { key, object: next, previous } of store.put(object)) {
        options.onChange?.(key, next, previous)
      }
    }
    const remove = (object: KubeObject) => {
      for (const { key, previous } of store.remove(object)) options.onChange?.(key, null, previous)
    }
    return { store, put, remove, tell: options.observer ?? (() => undefined) }
  }
  const named = createNamedWorld({
    now: () => clock.now,
    rollouts,
    namespace: undefined,
    follow(_, resource, more) {
      const watch = watchOf(more)
      watches.set(resource.kind, { ...(more as ReflectorOptions), ...watch })
      return { store: watch.store } as unknown as Reflector
    },
    onRollout: (key) => told.push(key),
    onEvent: () => undefined,
  })
  for (const object of objects) named.changed(keyOf(object.metadata), object)
  const watch = (kind: string) => {
    const found = watches.get(kind)
    assert.ok(found, `${kind} is not followed`)
    return found
  }
  const release = (object: KubeObject) => {
    const spec = { config: undefined, ...object['spec'] } as RolloutSpec
    return named.release(keyOf(object.metadata), spec, [])
  }
  return { named, clock, told, watches, watch, release }
}

const withConfig = rollout('checkout', { template, config: [{ configMap: 'env' }] })
const key = 'shop/checkout'

test('a kind is followed only when a Rollout names one, and by its label', () => {
  assert.deepEqual([...setUp(rollout('plain', { template })).watches.keys()], [])
  const { watches, watch } = setUp(withConfig)
  assert.deepEqual([...watches.keys()], ['ConfigMap'])
  assert.equal(watch('ConfigMap').query?.labelSelector, 'sluice.dev/config')
})

test('what is not known yet is no release, what is not there is an obstacle, and what is there is one', () => {
  const { watch, release, told } = setUp(withConfig)
  assert.equal(release(withConfig), null)
  watch('ConfigMap').tell({ kind: 'listed', count: 0 })
  assert.deepEqual(told, [key])
  const missing = release(withConfig)
  assert.match(JSON.stringify(missing), /ConfigMissing.*ConfigMap env is not there/)
  watch('ConfigMap').put(configMap('debug', '5'))
  assert.deepEqual(told, [key, key])
  const { digest } = { digest: contentDigest(configMap('debug', '5')) }
  const now = { kind: 'ConfigMap', name: 'env', digest }
  const config = [{ now, before: null, changedAt: 0 }]
  assert.deepEqual(release(withConfig), { template, config, kept: [] })
})

test('changes in a row are one change, which began with the first', () => {
  const { watch, release, clock } = setUp(withConfig)
  const { put } = watch('ConfigMap')
  const shown = () => {
    const found = release(withConfig)
    return found && 'config' in found
      ? found.config.map((one) => [one.before?.digest, one.changedAt])
      : found
  }
  put(configMap('debug', '5'))
  put(configMap('debug', '6'))
  assert.deepEqual(shown(), [[undefined, 0]])
  const first = contentDigest(configMap('debug', '5'))
  put(configMap('info', '7'))
  clock.now += 500
  put(configMap('warn', '8'))
  assert.deepEqual(shown(), [[first, 100_000]])
  clock.now += 5_000
  put(configMap('error', '9'))
  assert.deepEqual(shown(), [[contentDigest(configMap('warn', '8')), 105_500]])
})

test('a kind that may not be read is said so, with the value of the chart', () => {
  const { watch, release, told } = setUp(withConfig)
  const error = new ApiError({ code: 403, reason: 'Forbidden', message: 'no' })
  watch('ConfigMap').tell({ kind: 'failed', error, retryMs: 1 })
  assert.deepEqual(told, [key])
  assert.match(JSON.stringify(release(withConfig)), /workloads\.configMaps=true/)
})

test('what nobody saw is looked for once in a while, and at once when it was taken away', () => {
  const { named, watch, clock } = setUp(withConfig)
  assert.deepEqual(named.unseen(key), [], 'not before the first list')
  watch('ConfigMap').tell({ kind: 'listed', count: 0 })
  const env = [{ kind: 'ConfigMap', name: 'env' }]
  assert.deepEqual(named.unseen(key), env)
  assert.deepEqual(named.unseen(key), [])
  clock.now += lookAgainMs
  assert.deepEqual(named.unseen(key), env)
  watch('ConfigMap').put(configMap('debug', '5'))
  assert.deepEqual(named.unseen(key), [])
  watch('ConfigMap').remove(configMap('debug', '6'))
  assert.deepEqual(named.unseen(key), env)
})

test('a Deployment is the template of the Rollout whose label it carries, and of no other', () => {
  const workloadRef = { kind: 'Deployment', name: 'checkout' }
  const own = rollout('checkout', { workloadRef })
  const other = rollout('other', { workloadRef })
  const { named, watch, release } = setUp(own, other)
  watch('Deployment').put(deployment('checkout'))
  assert.deepEqual(release(own), { template, config: [], kept: [] })
  assert.equal(named.deployment(key, own['spec'])?.desired, 4)
  assert.match(JSON.stringify(release(other)), /NotOurs.*run by Rollout checkout/)
  assert.equal(named.deployment('shop/other', other['spec']), null)
})

test('a Rollout that is gone is told nothing any more', () => {
  const { named, watch, told } = setUp(withConfig)
  named.changed(key, null)
  watch('ConfigMap').put(configMap('debug', '5'))
  assert.deepEqual(told, [])
})
