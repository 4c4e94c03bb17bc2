// The contract of lists: pages from one revision, selectors, and what a revision in a query means.
import assert from 'node:assert/strict'
import type { Case } from '../api-server.ts'
import { configMap, type Reply, replicaSet, type World, widget } from './client.ts'

const namesOf = ({ body }: Reply): string[] =>
  (body.items ?? []).map((item: { metadata: { name: string } }) => item.metadata.name)

const byLabel: readonly [selector: string, names: string[]][] = [
  ['tier=gold', ['a']],
  ['tier==gold', ['a']],
  ['tier!=gold', ['b', 'c']],
  ['tier', ['a', 'b']],
  ['!tier', ['c']],
  ['tier in (gold,silver)', ['a', 'b']],
  ['tier notin (gold)', ['b', 'c']],
  ['tier,tier!=gold', ['b']],
]

async function labelled({ send, widgets }: World): Promise<void> {
  await send('POST', widgets, widget('a', {}, { labels: { tier: 'gold' } }))
  await send('POST', widgets, widget('b', {}, { labels: { tier: 'silver' } }))
  await send('POST', widgets, widget('c'))
}

const refusals: readonly [name: string, query: string, code: number, reason: string][] = [
  ['a selector that makes no sense', 'labelSelector=a%20b%20c', 400, 'BadRequest'],
  ['a field that is not selectable', 'fieldSelector=spec.mode=fast', 400, 'BadRequest'],
  ['a broken continue token', 'continue=x', 400, 'BadRequest'],
  ['a revision from the future', 'resourceVersion=999999999', 504, 'Timeout'],
  ['a version that is no number', 'resourceVersion=x', 400, 'BadRequest'],
]

export const listing: readonly Case[] = [
  [
    'a list is named after its kind and carries the revision it was read at',
    async ({ get, send, widgets }) => {
      const before = (await get(widgets)).body
      assert.deepEqual([before.kind, before.apiVersion], ['WidgetList', 'test.dev/v1'])
      assert.deepEqual(before.items, [])
      const { metadata } = (await send('POST', widgets, widget('a'))).body
      const after = (await get(widgets)).body
      assert.ok(BigInt(after.metadata.resourceVersion) >= BigInt(metadata.resourceVersion))
      assert.deepEqual([after.items[0].kind, after.items[0].apiVersion], ['Widget', 'test.dev/v1'])
    },
  ],
  [
    'items of a built-in list have no kind of their own',
    async ({ get, send, configMaps }) => {
      await send('POST', configMaps, configMap('a'))
      const { items } = (await get(`${configMaps}?fieldSelector=metadata.name=a`)).body
      assert.deepEqual([items[0].kind, items[0].apiVersion], [undefined, undefined])
    },
  ],
  [
    'pages of a list come from one revision, in the order of names',
    async ({ get, send, widgets }) => {
      for (const name of ['c', 'a', 'b']) await send('POST', widgets, widget(name))
      const first = await get(`${widgets}?limit=2`)
      assert.equal(first.body.metadata.remainingItemCount, 1)
      await send('POST', widgets, widget('bb'))
      await send('DELETE', `${widgets}/c`)
      const next = `${widgets}?limit=2&continue=${first.body.metadata.continue}`
      const second = await get(next)
      assert.deepEqual([...namesOf(first), ...namesOf(second)], ['a', 'b', 'c'])
      assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion)
      assert.equal(second.body.metadata.continue ?? '', '')
    },
  ],
  [
    'a page whose revision is forgotten is gone, and says how to go on',
    async ({ get, send, widgets, subject }) => {
      for (const name of ['a', 'b', 'c']) await send('POST', widgets, widget(name))
      const first = await get(`${widgets}?limit=2`)
      await send('POST', widgets, widget('bb'))
      await subject.compact()
      const gone = await get(`${widgets}?limit=2&continue=${first.body.metadata.continue}`)
      assert.deepEqual([gone.code, gone.body.reason], [410, 'Expired'])
      const rest = await get(`${widgets}?continue=${gone.body.metadata.continue}`)
      assert.deepEqual(namesOf(rest), ['bb', 'c'])
    },
  ],
  ...byLabel.map(
    ([selector, names]): Case => [
      `labels ${selector} select ${names}`,
      async (world) => {
        await labelled(world)
        const query = `labelSelector=${encodeURIComponent(selector)}`
        assert.deepEqual(namesOf(await world.get(`${world.widgets}?${query}`)), names)
      },
    ],
  ),
  [
    'fields select by name and, for pods, by phase and node',
    async ({ get, send, pods, widgets }) => {
      const pod = (name: string, nodeName?: string) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: {
          containers: [{ name: 'app', image: 'app:1' }],
          automountServiceAccountToken: false,
          ...(nodeName && { nodeName }),
        },
      })
      for (const one of [pod('free'), pod('placed', 'n1')]) {
        const { code, body } = await send('POST', pods, one)
        assert.equal(code, 201, body.message)
      }
      const select = async (selector: string) =>
        namesOf(await get(`${pods}?fieldSelector=${encodeURIComponent(selector)}`))
      assert.deepEqual(await select('spec.nodeName=n1'), ['placed'])
      assert.deepEqual(await select('status.phase=Pending'), ['free', 'placed'])
      assert.deepEqual(await select('status.phase!=Pending'), [])
      assert.deepEqual(await select('metadata.name=free'), ['free'])
      await send('POST', widgets, widget('a'))
      assert.deepEqual(namesOf(await get(`${widgets}?fieldSelector=metadata.name%3Da`)), ['a'])
      // No kubelet ends the one that is on a node.
      await send('DELETE', `${pods}/placed`, { gracePeriodSeconds: 0 })
    },
  ],
  [
    'any revision will do for a list from 0, and no older one for a list not older than it',
    async ({ get, send, widgets }) => {
      const { metadata } = (await send('POST', widgets, widget('a'))).body
      const query = `resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=NotOlderThan`
      assert.deepEqual(namesOf(await get(`${widgets}?${query}`)), ['a'])
      assert.equal((await get(`${widgets}?resourceVersion=0`)).code, 200)
    },
  ],
  ...refusals.map(
    ([name, query, code, reason]): Case => [
      `a list is refused: ${name}`,
      async ({ get, widgets }) => {
        const { body, ...reply } = await get(`${widgets}?${query}`)
        assert.deepEqual([reply.code, body.reason], [code, reason], body.message)
      },
    ],
  ),
  [
    'a list over all namespaces has those of each',
    async ({ get, send, replicaSets, namespace }) => {
      await send('POST', replicaSets, replicaSet('everywhere'))
      const { items } = (await get('/apis/apps/v1/replicasets')).body
      const found = items.some(
        ({ metadata }: { metadata: { namespace: string } }) => metadata.namespace === namespace,
      )
      assert.ok(found)
    },
  ],
]
