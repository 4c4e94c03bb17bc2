import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lint } from './structural-lint.ts'

const text = { type: 'string', maxLength: 9 }
const atomic = { type: 'array', maxItems: 9, 'x-kubernetes-list-type': 'atomic' }
const intOrString = {
  'x-kubernetes-int-or-string': true,
  anyOf: [{ type: 'integer' }, { type: 'string' }],
}
const keyed = (items: object, keys: unknown = ['name']) => ({
  type: 'array',
  maxItems: 9,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
  items,
})
const item = (name: object, required: string[] = ['name']) => ({
  type: 'object',
  required,
  properties: { name },
})

test('a bad field is found, with its path and rule', () => {
  const rows: [field: unknown, findings: string[]][] = [
    [text, []],
    [intOrString, []],
    [{ ...atomic, items: text }, []],
    [keyed(item(text)), []],
    [keyed(item({ ...text, default: 'a' }, [])), []],
    [{ type: 'object', default: {}, properties: { a: { ...text, default: 'b' } } }, []],
    [{ 'x-kubernetes-preserve-unknown-fields': true }, []],
    ['text', ['.it: must be an object']],
    [{}, ['.it: type is required']],
    [
      { type: 'null' },
      ['.it: type "null" is not one of object, array, string, integer, number, boolean'],
    ],
    [
      { ...intOrString, type: 'string', maxLength: 9 },
      ['.it: type must be absent with x-kubernetes-int-or-string'],
    ],
    [
      { 'x-kubernetes-int-or-string': true },
      ['.it: anyOf must be exactly integer, then string, with x-kubernetes-int-or-string'],
    ],
    [atomic, ['.it: items is required']],
    [{ ...atomic, items: {} }, ['.it[]: type is required']],
    [{ ...text, properties: {} }, ['.it: properties needs type object']],
    [
      { type: 'object', properties: { a: text }, additionalProperties: text, maxProperties: 9 },
      ['.it: additionalProperties must be absent beside properties'],
    ],
    [
      { type: 'object', additionalProperties: false },
      ['.it: additionalProperties must not be false'],
    ],
    [{ ...text, $ref: '#/x' }, ['.it: $ref is forbidden']],
    [{ ...text, const: 'a' }, ['.it: const is forbidden']],
    [{ ...atomic, items: text, uniqueItems: true }, ['.it: uniqueItems must not be true']],
    [
      { type: 'array', items: text },
      ['.it: x-kubernetes-list-type is required', '.it: maxItems is required'],
    ],
    [
      { ...text, 'x-kubernetes-list-type': 'atomic' },
      ['.it: x-kubernetes-list-type needs type array'],
    ],
    [
      { ...atomic, 'x-kubernetes-list-type': 'set', items: { type: 'object' } },
      ['.it: a set must hold scalars'],
    ],
    [
      { ...atomic, items: text, 'x-kubernetes-list-map-keys': ['name'] },
      ['.it: x-kubernetes-list-map-keys needs x-kubernetes-list-type map'],
    ],
    [keyed(item(text), []), ['.it: x-kubernetes-list-map-keys is required']],
    [keyed(item(text), ['id']), ['.it: list-map-key id is not a property of the items']],
    [keyed(item(text, [])), ['.it: list-map-key name must be required or have a default']],
    [keyed(item({ ...text, nullable: true })), ['.it: list-map-key name must not be nullable']],
    [keyed(item({ type: 'object' })), ['.it: list-map-key name must be a scalar']],
    [{ type: 'string' }, ['.it: maxLength is required']],
    [{ type: 'string', enum: ['a'] }, []],
    [{ type: 'object', additionalProperties: text }, ['.it: maxProperties is required']],
    [{ ...text, pattern: '^(?!a)' }, ['.it: pattern must not look around: RE2 can not']],
    [{ ...text, pattern: '(?<=a)b' }, ['.it: pattern must not look around: RE2 can not']],
    [{ ...text, pattern: '(a)\\1' }, ['.it: pattern must not refer back: RE2 can not']],
    [{ ...text, pattern: '(' }, ['.it: pattern does not compile']],
    [{ ...text, default: 3 }, ['.it: default is not valid: must be string']],
    [
      { type: 'object', required: ['a'], default: {}, properties: { a: text } },
      ["/a: default is not valid: must have required property 'a'".replace('/a', '.it')],
    ],
    [
      { type: 'object', default: { b: 1 }, properties: { a: text } },
      ['.it: default holds b, which is not a field'],
    ],
    [{ ...text, 'x-kubernetes-validations': [{ rule: 'true' }] }, ['.it: a rule needs a message']],
    [
      { ...text, 'x-kubernetes-validations': [{ rule: ' ', message: 'x' }] },
      ['.it: a rule must have text'],
    ],
    [
      { ...text, 'x-kubernetes-validations': [{ rule: 'self.all(i, x, x > i)', message: 'x' }] },
      ['.it: a rule must not use comprehensions of two variables: older servers refuse them'],
    ],
    [
      { ...text, anyOf: [{ type: 'string' }, { pattern: 'a', description: 'x' }] },
      [
        '.it.anyOf[0]: type must stand outside anyOf, oneOf, allOf and not',
        '.it.anyOf[1]: description must stand outside anyOf, oneOf, allOf and not',
      ],
    ],
    [
      { type: 'object', properties: { a: text }, not: { properties: { b: { pattern: 'x' } } } },
      ['.it.not.b: must stand outside the junctor too'],
    ],
    [{ type: 'object', properties: { a: text }, oneOf: [{ required: ['a'] }] }, []],
  ]
  for (const [field, findings] of rows) {
    const found = lint({ type: 'object', properties: { it: field } })
    assert.deepEqual(
      found.map(({ path, rule }) => `${path}: ${rule}`),
      findings,
    )
  }
})

test('the root must be an object, and its metadata is left to the API server', () => {
  assert.deepEqual(
    lint({ type: 'array', maxItems: 1, 'x-kubernetes-list-type': 'atomic', items: text }),
    [{ path: '.', rule: 'type of the root must be object' }],
  )
  const metadata = { type: 'object', properties: { name: { type: 'string' } } }
  assert.deepEqual(lint({ type: 'object', properties: { metadata } }), [])
  const described = { ...metadata, description: 'x' }
  assert.deepEqual(lint({ type: 'object', properties: { metadata: described } }), [
    { path: '.metadata', rule: 'description must be absent: only names may be constrained' },
  ])
})
