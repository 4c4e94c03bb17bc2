// The contract of deletion: finalizers, preconditions, owners and what they leave.
import assert from 'node:assert/strict'
import type { Case } from '../api-server.ts'
import { configMap, type World, widget } from './client.ts'

const policies: readonly [policy: string, isDependentLeft: boolean][] = [
  ['Background', false],
  ['Foreground', false],
  ['Orphan', true],
]

async function ownedPair({ send, widgets, configMaps }: World, more: object = {}): Promise<void> {
  const { uid } = (await send('POST', widgets, widget('a'))).body.metadata
  const owner = { apiVersion: 'test.dev/v1', kind: 'Widget', name: 'a', uid, ...more }
  const owned = configMap('owned', {}, { ownerReferences: [owner] })
  const { code, body } = await send('POST', configMaps, owned)
  assert.equal(code, 201, body.message)
}

export const deleting: readonly Case[] = [
  [
    'a deletion answers with a Status that names what went',
    async ({ send, widgets }) => {
      const { uid } = (await send('POST', widgets, widget('a'))).body.metadata
      const { code, body } = await send('DELETE', `${widgets}/a`)
      assert.equal(code, 200)
      assert.deepEqual([body.kind, body.status], ['Status', 'Success'])
      assert.deepEqual(body.details, { name: 'a', group: 'test.dev', kind: 'widgets', uid })
    },
  ],
  [
    'an object with finalizers is marked, waits for them, and goes with the last',
    async ({ send, get, merge, widgets }) => {
      const path = `${widgets}/a`
      await send('POST', widgets, widget('a', {}, { finalizers: ['test.dev/hold'] }))
      const marked = await send('DELETE', path)
      assert.equal(marked.code, 200)
      assert.match(marked.body.metadata.deletionTimestamp, /^\d{4}-.*Z$/)
      assert.equal(marked.body.metadata.deletionGracePeriodSeconds, 0)
      assert.equal(marked.body.metadata.generation, 2)
      const added = await merge(path, {
        metadata: { finalizers: ['test.dev/hold', 'test.dev/more'] },
      })
      assert.deepEqual([added.code, added.body.reason], [422, 'Invalid'])
      await merge(path, { metadata: { finalizers: null } })
      assert.equal((await get(path)).code, 404)
    },
  ],
  [
    'a deletion is held to the version and uid that it states',
    async ({ send, merge, widgets }) => {
      const path = `${widgets}/a`
      const { uid, resourceVersion } = (await send('POST', widgets, widget('a'))).body.metadata
      await merge(path, { spec: { mode: 'fast' } })
      const stale = await send('DELETE', path, { preconditions: { uid, resourceVersion } })
      assert.deepEqual([stale.code, stale.body.reason], [409, 'Conflict'])
      const { code } = await send('DELETE', path, { preconditions: { uid } })
      assert.equal(code, 200)
    },
  ],
  [
    'an eviction ends the pod that it names, if it is that one',
    async ({ send, get, pods, untilCode }) => {
      const spec = { containers: [{ name: 'app', image: 'app:1' }] }
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec }
      const made = await send('POST', pods, pod)
      assert.equal(made.code, 201, made.body.message)
      const evict = (uid: string) =>
        send('POST', `${pods}/a/eviction`, {
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: { name: 'a' },
          deleteOptions: { preconditions: { uid } },
        })
      assert.equal((await evict('00000000-0000-0000-0000-000000000000')).code, 409)
      assert.equal((await get(`${pods}/a`)).code, 200)
      const { code, body } = await evict(made.body.metadata.uid)
      assert.deepEqual([code, body.kind, body.status], [201, 'Status', 'Success'])
      await untilCode(`${pods}/a`, 404)
      assert.equal((await evict(made.body.metadata.uid)).code, 404)
    },
  ],
  ...policies.map(
    ([propagationPolicy, isDependentLeft]): Case => [
      `with propagation ${propagationPolicy} ${isDependentLeft ? 'the dependent stays' : 'both go'}`,
      async (world) => {
        await ownedPair(world)
        const { code } = await world.send('DELETE', `${world.widgets}/a`, { propagationPolicy })
        assert.equal(code, 200)
        await world.untilCode(`${world.widgets}/a`, 404)
        if (!isDependentLeft) return world.untilCode(`${world.configMaps}/owned`, 404)
        const { body } = await world.get(`${world.configMaps}/owned`)
        assert.equal(body.metadata?.ownerReferences, undefined)
      },
    ],
  ),
  [
    'in the foreground the owner waits for dependents that block it',
    async (world) => {
      await ownedPair(world, { blockOwnerDeletion: true })
      const { widgets, configMaps, merge, send, get, untilCode } = world
      await merge(`${configMaps}/owned`, { metadata: { finalizers: ['test.dev/hold'] } })
      await send('DELETE', `${widgets}/a`, { propagationPolicy: 'Foreground' })
      const { metadata } = (await get(`${widgets}/a`)).body
      assert.deepEqual(metadata.finalizers, ['foregroundDeletion'])
      await merge(`${configMaps}/owned`, { metadata: { finalizers: null } })
      await untilCode(`${widgets}/a`, 404)
      await untilCode(`${configMaps}/owned`, 404)
    },
  ],
  [
    'an object whose owner never was is collected',
    async ({ send, untilCode, configMaps }) => {
      const owner = { apiVersion: 'test.dev/v1', kind: 'Widget', name: 'x', uid: 'no-such-uid' }
      await send('POST', configMaps, configMap('lost', {}, { ownerReferences: [owner] }))
      await untilCode(`${configMaps}/lost`, 404)
    },
  ],
  [
    'an object with one owner left stays',
    async ({ send, get, untilCode, widgets, configMaps }) => {
      const owners = []
      for (const name of ['a', 'b']) {
        const { uid } = (await send('POST', widgets, widget(name))).body.metadata
        owners.push({ apiVersion: 'test.dev/v1', kind: 'Widget', name, uid })
      }
      await send('POST', configMaps, configMap('owned', {}, { ownerReferences: owners }))
      await send('DELETE', `${widgets}/a`)
      assert.equal((await get(`${configMaps}/owned`)).code, 200)
      await send('DELETE', `${widgets}/b`)
      await untilCode(`${configMaps}/owned`, 404)
    },
  ],
  [
    'a collection is deleted by selector',
    async ({ send, get, widgets }) => {
      await send('POST', widgets, widget('a', {}, { labels: { tier: 'gold' } }))
      await send('POST', widgets, widget('b'))
      await send('DELETE', `${widgets}?labelSelector=tier%3Dgold`)
      const { items } = (await get(widgets)).body
      assert.deepEqual(
        items.map((item: { metadata: { name: string } }) => item.metadata.name),
        ['b'],
      )
    },
  ],
  [
    'a namespace takes its content along, and admits nothing while it leaves',
    async ({ send, merge, get, untilCode, namespace }) => {
      const own = `/api/v1/namespaces/${namespace}-leaving`
      const name = `${namespace}-leaving`
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
      await send('POST', '/api/v1/namespaces', body)
      await send('POST', `${own}/configmaps`, configMap('free'))
      const held = configMap('held', {}, { finalizers: ['test.dev/hold'] })
      await send('POST', `${own}/configmaps`, held)
      await send('DELETE', own)
      assert.equal((await get(own)).body.status.phase, 'Terminating')
      const late = await send('POST', `${own}/configmaps`, configMap('late'))
      assert.equal(late.body.reason, 'Forbidden')
      await untilCode(`${own}/configmaps/free`, 404)
      await merge(`${own}/configmaps/held`, { metadata: { finalizers: null } })
      await untilCode(own, 404)
    },
  ],
  [
    'a pod on a node is given its time to end; one without goes at once',
    async ({ send, get, pods }) => {
      const pod = (name: string, spec: object) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: {
          containers: [{ name: 'app', image: 'app:1' }],
          automountServiceAccountToken: false,
          ...spec,
        },
      })
      await send('POST', pods, pod('free', {}))
      await send('POST', pods, pod('placed', { nodeName: 'n1', terminationGracePeriodSeconds: 10 }))
      await send('DELETE', `${pods}/free`)
      assert.equal((await get(`${pods}/free`)).code, 404)
      const marked = await send('DELETE', `${pods}/placed`)
      assert.equal(marked.body.metadata.deletionGracePeriodSeconds, 10)
      const aheadMs = Date.parse(marked.body.metadata.deletionTimestamp) - Date.now()
      assert.ok(aheadMs > 5_000 && aheadMs <= 10_000, `${aheadMs} ms ahead`)
      await send('DELETE', `${pods}/placed`, { gracePeriodSeconds: 0 })
      assert.equal((await get(`${pods}/placed`)).code, 404)
    },
  ],
]
