// The contract of tables and partial objects, which kubectl prints and others list by.
import assert from 'node:assert/strict'
import type { Case } from '../api-server.ts'
import { replicaSet, rollout, type World, widget } from './client.ts'

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io'
const partial = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'

interface Column {
  readonly name: string
  readonly type: string
  readonly format: string
  readonly priority: number
}

const shown = ({ name, type, format, priority }: Column) =>
  [name, type, ...(format ? [format] : []), ...(priority ? [priority] : [])].join(' ')

const age = /^\d+s$/

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    containers: [{ name: 'app', image: 'app:1' }],
    automountServiceAccountToken: false,
  },
})

/** Cells but the ages. */
async function cellsOf({ get }: World, path: string): Promise<unknown[][]> {
  const rows: { cells: unknown[] }[] = (await get(path, table)).body.rows
  return rows.map(({ cells }) => cells.map((cell) => (age.test(String(cell)) ? 'AGE' : cell)))
}

export const tables: readonly Case[] = [
  [
    'a custom kind prints its own columns',
    async (world) => {
      const { send, get, widgets } = world
      await send('POST', widgets, widget('a', { replicas: 3 }))
      const { body } = await get(widgets, table)
      assert.deepEqual([body.kind, body.apiVersion], ['Table', 'meta.k8s.io/v1'])
      assert.deepEqual(body.columnDefinitions.map(shown), [
        'Name string name',
        'Size integer',
        'Ready string',
      ])
      assert.deepEqual(await cellsOf(world, widgets), [['a', 3, null]])
      assert.equal(body.rows[0].object.kind, 'PartialObjectMetadata')
      assert.equal(body.rows[0].object.metadata.name, 'a')
    },
  ],
  [
    'a Rollout prints its phase, step and weight',
    async (world) => {
      const { send, get, merge, rollouts } = world
      await send('POST', rollouts, rollout('checkout'))
      await merge(`${rollouts}/checkout/status`, {
        status: { phase: 'Progressing', progress: '1/2', weight: 5, because: 'it is so' },
      })
      const { body } = await get(rollouts, table)
      assert.deepEqual(body.columnDefinitions.map(shown), [
        'Name string name',
        'Phase string',
        'Step string',
        'Weight integer',
        'Stable string',
        'Canary string',
        'Blocked-By string',
        'Age date',
        'Because string 1',
      ])
      assert.deepEqual(await cellsOf(world, rollouts), [
        ['checkout', 'Progressing', '1/2', 5, null, null, null, 'AGE', 'it is so'],
      ])
    },
  ],
  [
    'a pod prints as people know it',
    async (world) => {
      const { send, get, pods } = world
      await send('POST', pods, pod('web'))
      const { body } = await get(pods, table)
      assert.deepEqual(body.columnDefinitions.map(shown), [
        'Name string name',
        'Ready string',
        'Status string',
        'Restarts string',
        'Age string',
        'IP string 1',
        'Node string 1',
        'Nominated Node string 1',
        'Readiness Gates string 1',
      ])
      assert.deepEqual(await cellsOf(world, pods), [
        ['web', '0/1', 'Pending', '0', 'AGE', '<none>', '<none>', '<none>', '<none>'],
      ])
    },
  ],
  [
    'a ReplicaSet prints wanted, current and ready',
    async (world) => {
      await world.send('POST', world.replicaSets, replicaSet('web'))
      assert.deepEqual(await cellsOf(world, world.replicaSets), [
        ['web', 0, 0, 0, 'AGE', 'app', 'app:1', 'app=web'],
      ])
    },
  ],
  [
    'one object is a table of one row',
    async (world) => {
      await world.send('POST', world.widgets, widget('a'))
      assert.deepEqual(await cellsOf(world, `${world.widgets}/a`), [['a', 1, null]])
    },
  ],
  [
    'a list of partial objects has metadata only',
    async ({ send, get, widgets }) => {
      await send('POST', widgets, widget('a'))
      const { body } = await get(widgets, partial)
      assert.deepEqual(
        [body.kind, body.apiVersion],
        ['PartialObjectMetadataList', 'meta.k8s.io/v1'],
      )
      const [item] = body.items
      assert.deepEqual(Object.keys(item).sort(), ['apiVersion', 'kind', 'metadata'])
      assert.equal(item.kind, 'PartialObjectMetadata')
    },
  ],
]
