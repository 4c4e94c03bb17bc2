import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Client,
  configMap,
  configMaps,
  noonMs,
  widget,
  widgets,
  withServer,
} from './testing.ts'

const merge = 'application/merge-patch+json'
const path = `${widgets}/a`

test('an object with finalizers waits for them', () =>
  withServer(async ({ send }) => {
    await send('POST', widgets, widget('a', {}, { finalizers: ['test.dev/hold'] }))
    const marked = await send('DELETE', path)
    assert.equal(marked.body.metadata.deletionTimestamp, '2026-01-01T12:00:00Z')
    await send('PATCH', path, { metadata: { finalizers: null } }, merge)
    assert.equal((await send('GET', path)).code, 404)
  }))

const cascades: readonly [policy: string, ownerLeft: boolean, dependentLeft: boolean][] = [
  ['Background', false, false],
  ['Foreground', false, false],
  ['Orphan', false, true],
]

for (const [policy, ownerLeft, dependentLeft] of cascades) {
  test(`propagation ${policy} leaves ${dependentLeft ? 'the dependent' : 'nothing'}`, () =>
    withServer(async (client) => {
      await ownedPair(client)
      await client.send('DELETE', path, { propagationPolicy: policy })
      const left = [
        (await client.send('GET', path)).code === 200,
        (await client.send('GET', `${configMaps}/owned`)).code === 200,
      ]
      assert.deepEqual(left, [ownerLeft, dependentLeft])
    }))
}

async function ownedPair({ send }: Client): Promise<void> {
  const { uid } = (await send('POST', widgets, widget('a'))).body.metadata
  const owner = { apiVersion: 'test.dev/v1', kind: 'Widget', name: 'a', uid }
  await send('POST', configMaps, configMap('owned', {}, { ownerReferences: [owner] }))
}

test('a namespace takes its content along, and admits nothing while it leaves', () =>
  withServer(async ({ send }) => {
    const shop = '/api/v1/namespaces/shop'
    const held = configMap('held', {}, { finalizers: ['test.dev/hold'] })
    await send('POST', '/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'shop' },
    })
    await send('POST', `${shop}/configmaps`, configMap('free'))
    await send('POST', `${shop}/configmaps`, held)
    await send('DELETE', shop)
    assert.equal((await send('GET', shop)).body.status.phase, 'Terminating')
    assert.equal(
      (await send('POST', `${shop}/configmaps`, configMap('late'))).body.reason,
      'Forbidden',
    )
    const merged = { metadata: { finalizers: null } }
    await send('PATCH', `${shop}/configmaps/held`, merged, merge)
    assert.equal((await send('GET', shop)).code, 404)
  }))

test('a pod on a node is given its time to end; one without goes at once', () =>
  withServer(async ({ send }) => {
    const pods = '/api/v1/namespaces/default/pods'
    const pod = (name: string, spec: object) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec,
    })
    await send('POST', pods, pod('free', {}))
    await send('POST', pods, pod('placed', { nodeName: 'n1', terminationGracePeriodSeconds: 10 }))
    await send('DELETE', `${pods}/free`)
    const marked = await send('DELETE', `${pods}/placed`)
    assert.equal((await send('GET', `${pods}/free`)).code, 404)
    assert.equal(
      marked.body.metadata.deletionTimestamp,
      new Date(noonMs + 10_000).toISOString().replace('.000', ''),
    )
    await send('DELETE', `${pods}/placed`, { gracePeriodSeconds: 0 })
    assert.equal((await send('GET', `${pods}/placed`)).code, 404)
  }))
