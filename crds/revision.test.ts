import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, revisionOf } from './revision.ts'

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
  assert.equal(new Set([template, ...others].map(revisionOf)).size, 5)
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

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [key, reversed(member)])
  return Object.fromEntries(members.reverse())
}
