import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type ConfigDigest,
  canonicalJson,
  configRefsOf,
  contentDigest,
  revisionOf,
} from './revision.ts'

test('equal templates have one canonical text', () => {
  const rows: [unknown, string][] = [
    [null, 'null'],
    [undefined, 'null'],
    ['é"', '"é\\""'],
    [1.0, '1'],
    [[], '[]'],
    [{}, '{}'],
    [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
    [{ a: null, b: undefined, c: 0, d: '', e: false }, '{"c":0,"d":"","e":false}'],
    [{ a: [null, { c: null }] }, '{"a":[null,{}]}'],
    [{ '10': 1, '9': 2, B: 3, a: 4 }, '{"10":1,"9":2,"B":3,"a":4}'],
  ]
  for (const [value, text] of rows) assert.equal(canonicalJson(value), text)
})

test('a revision is ten hex digits that tell templates apart', () => {
  const template = { spec: { containers: [{ name: 'web', image: 'web:1' }, { name: 'log' }] } }
  const others = [
    { spec: { containers: [{ name: 'web', image: 'web:2' }, { name: 'log' }] } },
    { spec: { containers: [{ name: 'log' }, { name: 'web', image: 'web:1' }] } },
    { spec: { containers: [{ name: 'web', image: 'web:1' }] } },
    { metadata: { labels: {} }, ...template },
  ]
  assert.match(revisionOf(template), /^[0-9a-f]{10}$/)
  assert.equal(new Set([template, ...others].map((one) => revisionOf(one))).size, 5)
})

test('a revision once given never changes, or every fleet would be replaced by an upgrade', () => {
  assert.equal(
    revisionOf({ spec: { containers: [{ name: 'web', image: 'web:1' }] } }),
    'b60e34ee58',
  )
})

test('the order of keys does not matter, at any depth', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      assert.equal(revisionOf(reversed(value)), revisionOf(value))
    }),
    { seed: 11, numRuns: 300 },
  )
})

test('configuration is part of a revision, whatever its order, and none leaves the revision as it was', () => {
  const template = { spec: { containers: [{ name: 'web', image: 'web:1' }] } }
  const env: ConfigDigest = { kind: 'ConfigMap', name: 'env', digest: '1' }
  const key: ConfigDigest = { kind: 'Secret', name: 'env', digest: '1' }
  assert.equal(revisionOf(template, []), revisionOf(template))
  assert.equal(revisionOf(template, [env, key]), revisionOf(template, [key, env]))
  const configs = [[], [env], [key], [env, key], [{ ...env, digest: '2' }]]
  assert.equal(new Set(configs.map((config) => revisionOf(template, config))).size, 5)
  assert.equal(revisionOf(template, [env]), '68dee2cfaa')
})

test('names in spec.config count once', () => {
  const env = { kind: 'ConfigMap', name: 'env' }
  const rows: [Parameters<typeof configRefsOf>[0], object[]][] = [
    [undefined, []],
    [[{ configMap: 'env' }, { configMap: 'env' }], [env]],
    [
      [{ secret: 'env' }, { configMap: 'env' }],
      [env, { kind: 'Secret', name: 'env' }],
    ],
  ]
  for (const [config, refs] of rows) assert.deepEqual(configRefsOf(config), refs)
})

test('what a ConfigMap or Secret holds has one digest in Git and in the cluster', () => {
  const map = (more: object) => contentDigest({ kind: 'ConfigMap', ...more })
  const secret = (more: object) => contentDigest({ kind: 'Secret', ...more })
  const live = { metadata: { resourceVersion: '5' }, immutable: true }
  assert.equal(map({ data: { a: '1', b: '2' } }), map({ ...live, data: { b: '2', a: '1' } }))
  assert.equal(
    secret({ stringData: { token: 'x' } }),
    secret({ ...live, type: 'Opaque', data: { token: 'eA==' } }),
  )
  const others = [
    map({}),
    map({ data: { a: '1' } }),
    map({ data: { a: '' } }),
    map({ binaryData: { a: '1' } }),
    secret({}),
    secret({ data: { a: '1' } }),
    secret({ data: { a: '1' }, type: 'kubernetes.io/tls' }),
  ]
  assert.equal(new Set(others).size, others.length)
  assert.doesNotMatch(secret({ stringData: { token: 'canary' } }), /canary|Y2FuYXJ5/)
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [key, reversed(member)])
  return Object.fromEntries(members.reverse())
}
