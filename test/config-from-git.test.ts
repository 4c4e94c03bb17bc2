// ConfigMaps that a GitSource brings with the Rollouts that name them: what it writes, and what it never writes over.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isNotFound, type KubeObject } from '../kube/api.ts'
import { configMaps, rollouts } from '../kube/resources.ts'
import { type Cluster, startCluster } from './fixtures/cluster.ts'

const path = 'apps/checkout.yaml'
const text = (version: string, names: string) => `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: { name: checkout }
spec:
  replicas: 0
  selector: { matchLabels: { app: checkout } }
  template:
    metadata: { labels: { app: checkout } }
    spec: { containers: [{ name: app, image: "checkout:${version}" }] }
  traffic: { istio: { host: checkout } }
  canary: { steps: [{ weight: 50 }] }
  revert: { mode: "off" }
  config: [${names}]
`
const config = (name: string, more: string) =>
  `---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n${more}\n`

const live = (cluster: Cluster, name: string): Promise<KubeObject | null> =>
  cluster.api.get(configMaps, { namespace: 'shop', name }).catch((error: unknown) => {
    if (isNotFound(error)) return null
    throw error
  })
const imageOf = async (cluster: Cluster) => {
  const rollout = await cluster.api
    .get(rollouts, { namespace: 'shop', name: 'checkout' })
    .catch(() => null)
  return rollout?.['spec'].template.spec.containers[0].image
}
const errors = (cluster: Cluster) =>
  cluster.until('errors', async () => {
    const found = (await cluster.source())?.errors ?? []
    return (
      found.length > 0 && found.map(({ path: at, line, message }) => `${at}:${line} ${message}`)
    )
  })

describe('a ConfigMap from Git', { concurrency: 2 }, () => {
  it('has what Git says: not marks of ours, nor keys that kubectl left, but those of others', async () => {
    await using cluster = await startCluster()
    const key = { namespace: 'shop', name: 'env' }
    const body = (data: Record<string, string>) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: key,
      data,
    })
    const by = { fieldManager: 'kubectl-client-side-apply' }
    await cluster.api.patch(configMaps, key, 'apply', body({ OLD: '1', RATE: '1' }), by)
    const injector = { fieldManager: 'injector' }
    await cluster.api.patch(configMaps, key, 'apply', body({ CA: 'x' }), injector)
    const marks = '{ name: env, labels: { team: shop, sluice.dev/rollout: other } }'
    const written = config('env', 'data: { RATE: "2" }').replace('{ name: env }', marks)
    await cluster.repository.commit('v1', {
      [path]: `${text('v1', '{ configMap: env }')}${written}`,
    })
    await cluster.follow()
    const found = await cluster.until('it is written', async () => {
      const one = await live(cluster, 'env')
      return one?.['data'].RATE === '2' && !('OLD' in one['data']) && one
    })
    assert.deepEqual(found['data'], { RATE: '2', CA: 'x' })
    assert.deepEqual(found.metadata.labels, { team: 'shop', 'sluice.dev/config': 'named' })
    assert.equal(found.metadata.annotations?.['sluice.dev/path'], path)
  })

  it('comes back when somebody deletes it, and stays when Git does', async () => {
    await using cluster = await startCluster()
    const both = `${text('v1', '{ configMap: env }')}${config('env', 'data: { RATE: "1" }')}`
    await cluster.repository.commit('v1', { [path]: both })
    await cluster.follow()
    await cluster.until('it is written', () => live(cluster, 'env'))
    await cluster.until('it is stable', async () => (await cluster.rollout('checkout'))?.stable)
    await cluster.api.delete(configMaps, { namespace: 'shop', name: 'env' })
    await cluster.until('it is back', () => live(cluster, 'env'))
    const commit = await cluster.repository.commit('v1', {
      [path]: text('v1', '{ configMap: env }'),
    })
    await cluster.until('it is read', async () => (await cluster.source())?.commit === commit)
    assert.ok(await live(cluster, 'env'))
  })

  it('that the API server refuses holds its release, and no other', async () => {
    await using cluster = await startCluster()
    const names = '{ configMap: env }, { configMap: more }'
    const files = (version: string, rate: string) => ({
      [path]: text(version, names),
      'env.yaml': config('env', `immutable: true\ndata: { RATE: "${rate}" }`),
      'more.yaml': config('more', `data: { RATE: "${rate}" }`),
      'other.yaml': text(version, '').replaceAll('checkout', 'other'),
    })
    await cluster.repository.commit('v1', files('v1', '1'))
    await cluster.follow()
    await cluster.until('it is written', async () => (await imageOf(cluster)) === 'checkout:v1')
    await cluster.repository.commit('v2', files('v2', '2'))
    const [first, ...rest] = await errors(cluster)
    assert.match(
      first ?? '',
      /^env\.yaml:2 ConfigMap env: .*immutable.*Rollouts that name it wait$/,
    )
    assert.deepEqual(rest, [])
    assert.equal(await imageOf(cluster), 'checkout:v1')
    await cluster.until('the other goes on', async () => {
      const other = await cluster.api.get(rollouts, { namespace: 'shop', name: 'other' })
      return other['spec'].template.spec.containers[0].image === 'other:v2'
    })
  })

  it('is never written over a copy of a revision, nor over what somebody makes', async () => {
    await using cluster = await startCluster()
    const create = (metadata: KubeObject['metadata']) => {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', data: { A: '1' } }
      return cluster.api.create(configMaps, {
        ...object,
        metadata: { ...metadata, namespace: 'shop' },
      })
    }
    const labels = { 'sluice.dev/rollout': 'other' }
    const { metadata } = await create({ name: 'copied', labels })
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'copied', uid: metadata.uid ?? '' }
    await create({ name: 'made', ownerReferences: [{ ...owner, controller: true }] })
    const marks = ['copied', 'made']
    const both = marks.map((name) => config(name, 'data: { A: "2" }')).join('')
    const names = marks.map((name) => `{ configMap: ${name} }`).join(', ')
    await cluster.repository.commit('v1', { [path]: `${text('v1', names)}${both}` })
    await cluster.follow()
    const [first, second, ...rest] = (await errors(cluster)).toSorted()
    assert.match(first ?? '', /ConfigMap copied: it is the copy that a revision runs with/)
    assert.match(second ?? '', /ConfigMap made: it is made by ConfigMap copied/)
    assert.deepEqual(rest, [])
    for (const name of marks) assert.deepEqual((await live(cluster, name))?.['data'], { A: '1' })
  })
})
