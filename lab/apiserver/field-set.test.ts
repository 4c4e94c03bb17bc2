import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare, fieldsOf, fromFieldsV1, showPath, toFieldsV1, withoutTrees } from './field-set.ts'
import type { Schema } from './schema.ts'

const schema: Schema = {
  properties: {
    name: {},
    atomic: { type: 'array' },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set' },
    parts: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      items: { properties: { port: {}, protocol: { default: 'TCP' }, name: {} } },
    },
    labels: { additionalProperties: {} },
    whole: { type: 'object', 'x-kubernetes-map-type': 'atomic' },
  },
}

const rows: readonly [name: string, value: object, fields: object][] = [
  ['scalars and structs', { name: 'x' }, { 'f:name': {} }],
  ['atomic lists', { atomic: [1, 2] }, { 'f:atomic': {} }],
  ['sets', { tags: ['a'] }, { 'f:tags': { 'v:"a"': {} } }],
  [
    'keyed lists, with defaults in their keys',
    { parts: [{ port: 80, name: 'web' }] },
    { 'f:parts': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:name': {} } } },
  ],
  ['maps', { labels: { a: '1' } }, { 'f:labels': { 'f:a': {} } }],
  ['empty maps', { labels: {} }, { 'f:labels': {} }],
  ['atomic objects', { whole: { a: { b: 1 } } }, { 'f:whole': {} }],
]

for (const [name, value, fields] of rows) {
  test(`the fields of ${name}`, () => {
    const set = fieldsOf(value, schema)
    assert.deepEqual(toFieldsV1(set), fields)
    assert.deepEqual(fromFieldsV1(toFieldsV1(set)), set)
  })
}

test('a comparison tells what was changed and what was removed, item by item', () => {
  const before = {
    name: 'x',
    tags: ['a', 'b'],
    parts: [{ port: 80, name: 'web' }],
    whole: { a: 1 },
  }
  const after = { name: 'y', tags: ['b', 'c'], parts: [{ port: 80, name: 'api' }] }
  const { changed, removed } = compare(before, after, schema)
  assert.deepEqual([...changed].map(showPath).sort(), [
    '.name',
    '.parts[port=80,protocol="TCP"].name',
    '.tags[="c"]',
  ])
  assert.deepEqual([...removed].map(showPath).sort(), ['.tags[="a"]', '.whole'])
})

test('an added container is owned itself, so that its owner can remove it', () => {
  const { changed } = compare({}, { labels: { a: '1' } }, schema)
  assert.deepEqual(toFieldsV1(changed), { 'f:labels': { '.': {}, 'f:a': {} } })
})

test('removing a tree removes all below it', () => {
  const set = fromFieldsV1({ 'f:a': { 'f:b': {}, 'f:c': {} }, 'f:ab': {} })
  assert.deepEqual(withoutTrees(set, new Set(['f:a'])), new Set(['f:ab']))
})
