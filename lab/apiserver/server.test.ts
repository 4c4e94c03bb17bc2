// What the contract of an API server does not state: limits and observation of the embedded one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configMap, configMaps, widget, widgets, withServer } from './testing.ts'

const merge = 'application/merge-patch+json'
const path = `${widgets}/a`

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
  [
    'a kind that is not served',
    ['GET', '/apis/test.dev/v1/namespaces/default/gadgets'],
    404,
    'NotFound',
  ],
  [
    'protobuf',
    ['POST', configMaps, 'x', 'application/vnd.kubernetes.protobuf'],
    415,
    'UnsupportedMediaType',
  ],
  ['an unknown dry run', ['POST', `${configMaps}?dryRun=Some`, configMap('a')], 400, 'BadRequest'],
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
