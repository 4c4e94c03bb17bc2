import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { KubeObject } from '../../kube/api.ts'
import { applyConfiguration } from './apply.ts'
import { compare, fieldsOf, withParents } from './field-set.ts'
import { afterUpdate, managed, managersOf } from './managed-fields.ts'
import { objectMeta, type Schema } from './schema.ts'

const schema: Schema = {
  properties: {
    metadata: objectMeta,
    spec: {
      properties: {
        mode: {},
        list: { type: 'array' },
        tags: { type: 'array', 'x-kubernetes-list-type': 'set' },
        parts: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { properties: { name: {}, image: {}, size: {} } },
        },
        labels: { additionalProperties: {} },
      },
    },
  },
}

const letter = fc.constantFrom('a', 'b', 'c')
const part = fc.record(
  { name: letter, image: letter, size: letter },
  { requiredKeys: ['name'], noNullPrototype: true },
)
const spec = fc.record(
  {
    mode: letter,
    list: fc.array(letter, { maxLength: 2 }),
    tags: fc.uniqueArray(letter, { minLength: 1 }),
    parts: fc.uniqueArray(part, { selector: (one) => one.name, minLength: 1 }),
    labels: fc.dictionary(letter, letter, { minKeys: 1, noNullPrototype: true }),
  },
  { requiredKeys: [], noNullPrototype: true },
)
const step = fc.record(
  { by: fc.constantFrom('one', 'two', 'person'), spec },
  { noNullPrototype: true },
)

const object = (fields: object): KubeObject => ({
  apiVersion: 'test.dev/v1',
  kind: 'Widget',
  metadata: { name: 'x' },
  spec: fields,
})

/** Two managers apply, a person replaces. */
function take(live: KubeObject, { by, spec: wanted }: { by: string; spec: object }): KubeObject {
  const isPerson = by === 'person'
  const operation: 'Update' | 'Apply' = isPerson ? 'Update' : 'Apply'
  const manager = { name: by, operation, subresource: '', apiVersion: 'v1' }
  const time = '2026-01-01T00:00:00Z'
  if (!isPerson) {
    const config = object(wanted)
    return applyConfiguration({ live, config, schema, manager, force: true, time })
  }
  const after = { ...live, spec: wanted }
  return afterUpdate({ before: live, after, schema, manager, time })
}

test('whoever applies what: it holds, nobody owns what is not there, and again is no change', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
      let live = object({})
      for (const one of steps) {
        live = take(live, one)
        const stated = managed(object(one.spec))
        const missing = one.by === 'person' ? [] : missingFrom(live, stated)
        assert.deepEqual(missing, [], 'what was applied holds')
        const present = withParents(fieldsOf(managed(live), schema))
        const owned = managersOf(live).flatMap((entry) => [...entry.fields])
        assert.deepEqual(
          owned.filter((path) => !present.has(path)),
          [],
          'owned but not there',
        )
      }
      const again = take(live, steps.at(-1) ?? { by: 'one', spec: {} })
      assert.deepEqual(again, live, 'the same again changes nothing')
    }),
    { numRuns: 500 },
  )
})

/** Fields of a configuration whose value is another, or none, in the live object. */
function missingFrom(live: KubeObject, stated: Record<string, unknown>): string[] {
  const fields = fieldsOf(stated, schema)
  const { changed, removed } = compare(managed(live), stated, schema)
  const present = withParents(fieldsOf(managed(live), schema))
  const wrong = [...changed].filter((path) => fields.has(path) && !removed.has(path))
  return [...wrong, ...[...fields].filter((path) => !present.has(path))]
}
