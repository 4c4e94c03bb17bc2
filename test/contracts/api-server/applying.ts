// The contract of server-side apply: ownership, conflicts, what goes when nobody states it any more.
import assert from 'node:assert/strict'
import type { Case } from '../api-server.ts'
import { ownership, type World, widget } from './client.ts'

const drops: readonly [name: string, first: object, second: object, spec: object][] = [
  ['a field', { mode: 'fast', port: 80 }, { mode: 'fast' }, { mode: 'fast', replicas: 1 }],
  ['an atomic list', { steps: [{ weight: 1 }] }, {}, { replicas: 1 }],
  [
    'one item of a keyed list',
    { parts: [{ name: 'x' }, { name: 'y', image: 'i' }] },
    { parts: [{ name: 'y', image: 'i' }] },
    { replicas: 1, parts: [{ name: 'y', image: 'i' }] },
  ],
  [
    'a field of an opaque object',
    { template: { a: { b: 1 }, c: 2 } },
    { template: { c: 2 } },
    { replicas: 1, template: { c: 2 } },
  ],
]

const refusals: readonly [
  name: string,
  query: string,
  body: object,
  code: number,
  shows: RegExp,
][] = [
  [
    'a field without a declared type',
    'fieldManager=x',
    widget('a', { no: 1 }),
    500,
    /\.spec\.no: field not declared in schema/,
  ],
  ['no field manager', '', widget('a'), 422, /fieldManager: Required value/],
  [
    'managed fields in the body',
    'fieldManager=x',
    widget('a', {}, { managedFields: [{ manager: 'x', operation: 'Apply', apiVersion: 'v1' }] }),
    400,
    /must be nil/,
  ],
  [
    'another name than that of the path',
    'fieldManager=x',
    widget('b'),
    400,
    /does not match the name on the URL/,
  ],
  [
    'another kind',
    'fieldManager=x',
    { ...widget('a'), kind: 'Gadget' },
    400,
    /^invalid object type: test.dev\/v1, Kind=Gadget$/,
  ],
]

const specAfter = async ({ get, widgets }: World) => (await get(`${widgets}/a`)).body.spec

export const applying: readonly Case[] = [
  [
    'an apply creates the object and owns exactly what it states',
    async (world) => {
      const path = `${world.widgets}/a`
      const spec = { mode: 'fast', steps: [{ weight: 1 }], parts: [{ name: 'x', image: 'i' }] }
      const created = await world.apply(path, 'one', widget('a', spec))
      assert.equal(created.code, 201, created.body.message)
      assert.equal(created.body.spec.replicas, 1)
      assert.deepEqual(await ownership(world, path), {
        one: {
          'f:spec': {
            'f:mode': {},
            'f:steps': {},
            'f:parts': { 'k:{"name":"x"}': { '.': {}, 'f:name': {}, 'f:image': {} } },
          },
        },
      })
    },
  ],
  [
    'the same apply again is not a write',
    async ({ apply, widgets }) => {
      const first = await apply(`${widgets}/a`, 'one', widget('a', { mode: 'fast' }))
      const again = await apply(`${widgets}/a`, 'one', widget('a', { mode: 'fast' }))
      assert.equal(again.code, 200)
      assert.deepEqual(again.body, first.body)
    },
  ],
  ...drops.map(
    ([name, first, second, spec]): Case => [
      `what a manager stops applying goes: ${name}`,
      async (world) => {
        const path = `${world.widgets}/a`
        await world.apply(path, 'one', widget('a', first))
        const dropped = await world.apply(path, 'one', widget('a', second))
        assert.equal(dropped.code, 200, dropped.body.message)
        assert.deepEqual(await specAfter(world), spec)
      },
    ],
  ),
  [
    'a field that two managers state stays until both let go',
    async (world) => {
      const path = `${world.widgets}/a`
      await world.apply(path, 'one', widget('a', { mode: 'fast' }))
      await world.apply(path, 'two', widget('a', { mode: 'fast' }))
      await world.apply(path, 'one', widget('a', {}))
      assert.deepEqual(await specAfter(world), { mode: 'fast', replicas: 1 })
      await world.apply(path, 'two', widget('a', {}))
      assert.deepEqual(await specAfter(world), { replicas: 1 })
    },
  ],
  [
    "another manager's value is a conflict that names manager and field, until forced",
    async (world) => {
      const path = `${world.widgets}/a`
      await world.apply(path, 'one', widget('a', { mode: 'fast' }))
      const refused = await world.apply(path, 'two', widget('a', { mode: 'slow' }))
      assert.equal(refused.code, 409)
      assert.equal(
        refused.body.message,
        'Apply failed with 1 conflict: conflict with "one": .spec.mode',
      )
      assert.deepEqual(refused.body.details.causes, [
        { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.mode' },
      ])
      const forced = await world.apply(path, 'two', widget('a', { mode: 'slow' }), '&force=true')
      assert.equal(forced.code, 200)
      const owned = await ownership(world, path)
      assert.deepEqual(owned['two'], { 'f:spec': { 'f:mode': {} } })
    },
  ],
  [
    'an update takes what it changes, and an apply against it conflicts with the version named',
    async (world) => {
      const path = `${world.widgets}/a`
      await world.apply(path, 'one', widget('a', { mode: 'fast', port: 80 }))
      await world.merge(path, { spec: { mode: 'slow' } })
      assert.deepEqual(await ownership(world, path), {
        one: { 'f:spec': { 'f:port': {} } },
        tester: { 'f:spec': { 'f:mode': {} } },
      })
      const refused = await world.apply(path, 'one', widget('a', { mode: 'fast', port: 80 }))
      assert.match(
        refused.body.message,
        /conflict with "tester" using test.dev\/v1( at [^:]+:\d\d:\d\dZ)?: .spec.mode$/,
      )
    },
  ],
  [
    'the status is applied by its own subresource, which is recorded',
    async (world) => {
      const path = `${world.widgets}/a`
      await world.apply(path, 'one', { ...widget('a', { mode: 'fast' }), status: { replicas: 9 } })
      const applied = await world.apply(`${path}/status`, 'two', {
        ...widget('a', { mode: 'slow' }),
        status: { replicas: 3 },
      })
      assert.deepEqual(applied.body.status, { replicas: 3 })
      assert.equal(applied.body.spec.mode, 'fast')
      const [, entry] = applied.body.metadata.managedFields
      assert.equal(entry.subresource, 'status')
      assert.deepEqual(entry.fieldsV1, { 'f:status': { 'f:replicas': {} } })
    },
  ],
  ...refusals.map(
    ([name, query, body, code, shows]): Case => [
      `an apply is refused: ${name}`,
      async ({ send, widgets }) => {
        const type = 'application/apply-patch+yaml'
        const refused = await send('PATCH', `${widgets}/a?${query}`, body, type)
        assert.equal(refused.code, code, refused.body.message)
        assert.match(refused.body.message, shows)
      },
    ],
  ),
  [
    'an apply may state the version it expects',
    async ({ apply, widgets }) => {
      await apply(`${widgets}/a`, 'one', widget('a', { mode: 'fast' }))
      const stale = widget('a', { mode: 'slow' }, { resourceVersion: '1' })
      const refused = await apply(`${widgets}/a`, 'one', stale)
      assert.equal(refused.body.reason, 'Conflict')
    },
  ],
  [
    'containers of built-in kinds are owned one by one',
    async ({ apply, namespace }) => {
      const labels = { app: 'web' }
      const deployment = (...containers: object[]) => ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web' },
        spec: {
          replicas: 0,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers } },
        },
      })
      const web = `/apis/apps/v1/namespaces/${namespace}/deployments/web`
      const port = { containerPort: 80, protocol: 'TCP' }
      await apply(web, 'one', deployment({ name: 'web', image: 'a', ports: [port] }))
      await apply(web, 'mesh', deployment({ name: 'proxy', image: 'b' }))
      const { body } = await apply(web, 'one', deployment({ name: 'web', image: 'c' }))
      const containers: { name: string; image: string; ports?: unknown }[] =
        body.spec.template.spec.containers
      assert.deepEqual(
        containers.map(({ name, image, ports }) => [name, image, ports]),
        [
          ['web', 'c', undefined],
          ['proxy', 'b', undefined],
        ],
      )
    },
  ],
]
