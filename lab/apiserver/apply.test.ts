import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Client, widget, widgets, withServer } from './testing.ts'

const path = `${widgets}/a`

async function specAfter(client: Client): Promise<unknown> {
  return (await client.send('GET', path)).body.spec
}

async function managers(client: Client): Promise<Record<string, unknown>> {
  const { metadata } = (await client.send('GET', path)).body
  const entries = metadata.managedFields as { manager: string; fieldsV1: unknown }[]
  return Object.fromEntries(entries.map((entry) => [entry.manager, entry.fieldsV1]))
}

test('an apply creates the object and owns exactly what it states', () =>
  withServer(async (client) => {
    const spec = { mode: 'fast', steps: [{ weight: 1 }], parts: [{ name: 'x', image: 'i' }] }
    const created = await client.apply(path, 'one', widget('a', spec))
    assert.equal(created.code, 201)
    assert.equal(created.body.spec.replicas, 1)
    assert.deepEqual(await managers(client), {
      one: {
        'f:spec': {
          'f:mode': {},
          'f:steps': {},
          'f:parts': { 'k:{"name":"x"}': { '.': {}, 'f:name': {}, 'f:image': {} } },
        },
      },
    })
  }))

test('the same apply again is not a write', () =>
  withServer(async (client) => {
    const first = await client.apply(path, 'one', widget('a', { mode: 'fast' }))
    const again = await client.apply(path, 'one', widget('a', { mode: 'fast' }))
    assert.equal(again.code, 200)
    assert.deepEqual(again.body, first.body)
  }))

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

for (const [name, first, second, spec] of drops) {
  test(`what a manager stops applying goes: ${name}`, () =>
    withServer(async (client) => {
      await client.apply(path, 'one', widget('a', first))
      const dropped = await client.apply(path, 'one', widget('a', second))
      assert.equal(dropped.code, 200, dropped.body.message)
      assert.deepEqual(await specAfter(client), spec)
    }))
}

test('a field that two managers state stays until both let go', () =>
  withServer(async (client) => {
    await client.apply(path, 'one', widget('a', { mode: 'fast' }))
    await client.apply(path, 'two', widget('a', { mode: 'fast' }))
    await client.apply(path, 'one', widget('a', {}))
    assert.deepEqual(await specAfter(client), { mode: 'fast', replicas: 1 })
    await client.apply(path, 'two', widget('a', {}))
    assert.deepEqual(await specAfter(client), { replicas: 1 })
  }))

test("another manager's value is a conflict that names manager and field, until forced", () =>
  withServer(async (client) => {
    await client.apply(path, 'one', widget('a', { mode: 'fast' }))
    const refused = await client.apply(path, 'two', widget('a', { mode: 'slow' }))
    assert.equal(refused.code, 409)
    assert.equal(
      refused.body.message,
      'Apply failed with 1 conflict: conflict with "one": .spec.mode',
    )
    assert.deepEqual(refused.body.details.causes, [
      { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.mode' },
    ])
    const forced = await client.apply(path, 'two', widget('a', { mode: 'slow' }), '&force=true')
    assert.equal(forced.code, 200)
    assert.deepEqual(await managers(client), { two: { 'f:spec': { 'f:mode': {} } } })
  }))

test('an update takes what it changes, and an apply against it conflicts with the version named', () =>
  withServer(async (client) => {
    await client.apply(path, 'one', widget('a', { mode: 'fast', port: 80 }))
    await client.send('PATCH', path, { spec: { mode: 'slow' } }, 'application/merge-patch+json')
    assert.deepEqual(await managers(client), {
      one: { 'f:spec': { 'f:port': {} } },
      tester: { 'f:spec': { 'f:mode': {} } },
    })
    const refused = await client.apply(path, 'one', widget('a', { mode: 'fast', port: 80 }))
    assert.match(refused.body.message, /conflict with "tester" using test.dev\/v1: .spec.mode$/)
  }))

test('the status is applied by its own subresource, which is recorded', () =>
  withServer(async (client) => {
    await client.apply(path, 'one', { ...widget('a', { mode: 'fast' }), status: { replicas: 9 } })
    const applied = await client.apply(`${path}/status`, 'two', {
      ...widget('a', { mode: 'slow' }),
      status: { replicas: 3 },
    })
    assert.deepEqual(applied.body.status, { replicas: 3 })
    assert.equal(applied.body.spec.mode, 'fast')
    const [, entry] = applied.body.metadata.managedFields
    assert.equal(entry.subresource, 'status')
    assert.deepEqual(entry.fieldsV1, { 'f:status': { 'f:replicas': {} } })
  }))

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
    widget('a', {}, { managedFields: [] }),
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
  ['another kind', 'fieldManager=x', { ...widget('a'), kind: 'Gadget' }, 400, /does not match/],
]

for (const [name, query, body, code, shows] of refusals) {
  test(`an apply is refused: ${name}`, () =>
    withServer(async (client) => {
      const type = 'application/apply-patch+yaml'
      const refused = await client.send('PATCH', `${path}?${query}`, body, type)
      assert.equal(refused.code, code)
      assert.match(refused.body.message, shows)
    }))
}

test('an apply may state the version it expects', () =>
  withServer(async (client) => {
    await client.apply(path, 'one', widget('a', { mode: 'fast' }))
    const stale = widget('a', { mode: 'slow' }, { resourceVersion: '1' })
    const refused = await client.apply(path, 'one', stale)
    assert.equal(refused.body.reason, 'Conflict')
  }))

test('containers of built-in kinds are owned one by one', () =>
  withServer(async (client) => {
    const labels = { app: 'web' }
    const deployment = (...containers: object[]) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      },
    })
    const web = '/apis/apps/v1/namespaces/default/deployments/web'
    const port = { containerPort: 80 }
    await client.apply(web, 'one', deployment({ name: 'web', image: 'a', ports: [port] }))
    await client.apply(web, 'mesh', deployment({ name: 'proxy', image: 'b' }))
    const { body } = await client.apply(web, 'one', deployment({ name: 'web', image: 'c' }))
    assert.deepEqual(body.spec.template.spec.containers, [
      { name: 'web', image: 'c' },
      { name: 'proxy', image: 'b' },
    ])
  }))
