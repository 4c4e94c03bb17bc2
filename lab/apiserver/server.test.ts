import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configMap, configMaps, widget, widgets, withServer } from './testing.ts'

const merge = 'application/merge-patch+json'
const path = `${widgets}/a`

test('a new object gets what the server owns', () =>
  withServer(async ({ send }) => {
    const { code, body } = await send('POST', widgets, { ...widget('a'), status: { replicas: 5 } })
    assert.equal(code, 201)
    assert.match(body.metadata.uid, /^[0-9a-f-]{36}$/)
    assert.match(body.metadata.resourceVersion, /^\d+$/)
    assert.equal(body.metadata.creationTimestamp, '2026-01-01T12:00:00Z')
    assert.equal(body.metadata.generation, 1)
    assert.equal(body.metadata.namespace, 'default')
    assert.equal(body.status, undefined)
  }))

test('a generated name is a prefix and a suffix', () =>
  withServer(
    async ({ send }) => {
      const { body } = await send('POST', configMaps, configMap('', {}, { generateName: 'web-' }))
      assert.equal(body.metadata.name, 'web-abcde')
    },
    { random: () => 'abcde' },
  ))

const refusals: readonly [
  name: string,
  request: [string, string, unknown?, string?],
  code: number,
  reason: string,
][] = [
  ['a name that is taken', ['POST', widgets, widget('taken')], 409, 'AlreadyExists'],
  ['a missing object', ['GET', `${widgets}/nope`], 404, 'NotFound'],
  [
    'a kind that is not served',
    ['GET', '/apis/test.dev/v1/namespaces/default/gadgets'],
    404,
    'NotFound',
  ],
  [
    'a missing namespace',
    ['POST', '/api/v1/namespaces/nope/configmaps', configMap('a')],
    404,
    'NotFound',
  ],
  [
    'another namespace than that of the path',
    ['POST', configMaps, configMap('a', {}, { namespace: 'x' })],
    400,
    'BadRequest',
  ],
  [
    'a version on a new object',
    ['POST', configMaps, configMap('a', {}, { resourceVersion: '3' })],
    400,
    'BadRequest',
  ],
  ['a bad name', ['POST', configMaps, configMap('A_b')], 422, 'Invalid'],
  ['no name', ['POST', configMaps, configMap('')], 422, 'Invalid'],
  [
    'a stale version',
    ['PUT', `${widgets}/taken`, widget('taken', {}, { resourceVersion: '1' })],
    409,
    'Conflict',
  ],
  ['a replacement without version', ['PUT', `${widgets}/taken`, widget('taken')], 422, 'Invalid'],
  [
    'a foreign uid',
    ['PATCH', `${widgets}/taken`, { metadata: { uid: 'x' } }, merge],
    409,
    'Conflict',
  ],
  ['a method on a collection', ['PUT', widgets, widget('a')], 405, 'MethodNotAllowed'],
  [
    'protobuf',
    ['POST', configMaps, 'x', 'application/vnd.kubernetes.protobuf'],
    415,
    'UnsupportedMediaType',
  ],
  [
    'a strategic patch of a custom kind',
    ['PATCH', `${widgets}/taken`, {}, 'application/strategic-merge-patch+json'],
    415,
    'UnsupportedMediaType',
  ],
  ['text that is no JSON', ['POST', configMaps, '{'], 400, 'BadRequest'],
  ['an unknown dry run', ['POST', `${configMaps}?dryRun=Some`, configMap('a')], 400, 'BadRequest'],
  ['a revision from the future', ['GET', `${configMaps}?resourceVersion=99999`], 504, 'Timeout'],
  ['a broken continue token', ['GET', `${configMaps}?continue=x`], 400, 'BadRequest'],
  [
    'a failed precondition',
    ['DELETE', `${widgets}/taken`, { preconditions: { uid: 'x' } }],
    409,
    'Conflict',
  ],
  [
    'a body that is too large',
    ['POST', configMaps, configMap('a', { x: 'x'.repeat(5000) })],
    413,
    'RequestEntityTooLarge',
  ],
]

test('refusals carry their code and reason in a Status', () =>
  withServer(
    async ({ send }) => {
      await send('POST', widgets, widget('taken'))
      for (const [name, request, code, reason] of refusals) {
        const { body, ...reply } = await send(...request)
        const { kind, status, code: stated } = body
        const shown = { code: reply.code, stated, reason: body.reason, kind, status }
        const expected = { code, stated: code, reason, kind: 'Status', status: 'Failure' }
        assert.deepEqual(shown, expected, `${name}: ${body.message}`)
      }
    },
    { bodyLimitBytes: 4000 },
  ))

test('generation counts changes of what is wanted, and nothing else', () =>
  withServer(async ({ send }) => {
    await send('POST', widgets, widget('a'))
    const steps: [target: string, patch: object, generation: number][] = [
      [path, { metadata: { labels: { a: 'b' } } }, 1],
      [path, { spec: { replicas: 2 } }, 2],
      [path, { status: { replicas: 2 } }, 2],
      [`${path}/status`, { status: { replicas: 2 }, spec: { replicas: 50 } }, 2],
      [`${path}/scale`, { spec: { replicas: 4 } }, 3],
    ]
    for (const [target, patch, generation] of steps) {
      await send('PATCH', target, patch, merge)
      const { body } = await send('GET', path)
      assert.equal(body.metadata.generation, generation, JSON.stringify(patch))
    }
    const { body } = await send('GET', path)
    assert.deepEqual([body.spec, body.status], [{ replicas: 4 }, { replicas: 2 }])
  }))

test('a write that changes nothing keeps the version', () =>
  withServer(async ({ send, server }) => {
    const { body } = await send('POST', widgets, widget('a', { mode: 'fast' }))
    const before = server.store.revision()
    await send('PATCH', path, { spec: { mode: 'fast' } }, merge)
    await send('PUT', path, body)
    assert.equal(server.store.revision(), before)
  }))

test('a dry run answers as if, and stores nothing', () =>
  withServer(async ({ send, server }) => {
    const before = server.store.revision()
    assert.equal((await send('POST', `${widgets}?dryRun=All`, widget('a'))).code, 201)
    assert.equal(server.store.revision(), before)
  }))

test('pages of a list come from one revision, until it is forgotten', () =>
  withServer(async ({ send, server }) => {
    for (const name of ['a', 'b', 'c']) await send('POST', configMaps, configMap(name))
    const first = (await send('GET', `${configMaps}?limit=2`)).body
    assert.equal(first.metadata.remainingItemCount, 1)
    await send('POST', configMaps, configMap('bb'))
    await send('DELETE', `${configMaps}/c`)
    const next = `${configMaps}?limit=2&continue=${first.metadata.continue}`
    const second = (await send('GET', next)).body
    const names = [...first.items, ...second.items].map((item) => item.metadata.name)
    assert.deepEqual(names, ['a', 'b', 'c'])
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
    server.compact()
    const gone = (await send('GET', next)).body
    assert.deepEqual([gone.code, gone.reason], [410, 'Expired'])
    const rest = await send('GET', `${configMaps}?continue=${gone.metadata.continue}`)
    assert.deepEqual(
      rest.body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ['bb'],
    )
  }))

test('an event is one object in both of its versions', () =>
  withServer(async ({ send }) => {
    const events = '/apis/events.k8s.io/v1/namespaces/default/events'
    const regarding = { kind: 'Pod', name: 'web', namespace: 'default' }
    const metadata = { name: 'e' }
    await send('POST', events, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata,
      regarding,
      note: 'hello',
    })
    const query = 'fieldSelector=involvedObject.name=web'
    const { items } = (await send('GET', `/api/v1/namespaces/default/events?${query}`)).body
    assert.deepEqual(
      [items[0].apiVersion, items[0].message, items[0].involvedObject],
      ['v1', 'hello', regarding],
    )
    assert.equal((await send('GET', `${events}/e`)).body.note, 'hello')
  }))

test('a token, when wanted, is asked for, and requests are observed', () => {
  const seen: string[] = []
  return withServer(
    async ({ send }) => {
      assert.equal((await send('GET', configMaps)).code, 401)
      assert.deepEqual(seen, ['document   401'])
    },
    {
      token: 'secret',
      onRequest: (o) => seen.push([o.verb, o.group, o.resource, o.code].join(' ')),
    },
  )
})

test('a scale is a Scale', () =>
  withServer(async ({ send }) => {
    await send('POST', widgets, widget('a', { replicas: 3 }))
    const { body } = await send('GET', `${path}/scale`)
    const { kind, apiVersion, spec, status } = body
    assert.deepEqual(
      { kind, apiVersion, spec, status },
      {
        kind: 'Scale',
        apiVersion: 'autoscaling/v1',
        spec: { replicas: 3 },
        status: { replicas: 0 },
      },
    )
  }))
