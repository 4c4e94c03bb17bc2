import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { rootSchema } from './custom-resource.ts'
import { kinds } from './kinds.ts'
import { type Structural, structural } from './structural.ts'
import { lint } from './structural-lint.ts'

test('each kind of zod schema has its structural counterpart', () => {
  const cel = [{ rule: 'self != 3', message: 'must not be 3' }]
  const rows: [string, z.ZodType, Structural][] = [
    ['text', z.string().min(1).max(9), { type: 'string', minLength: 1, maxLength: 9 }],
    ['pattern', z.string().regex(/^a\/b$/), { type: 'string', pattern: '^a/b$' }],
    ['enum', z.enum(['a', 'b']), { type: 'string', enum: ['a', 'b'] }],
    ['literal', z.literal('a'), { type: 'string', enum: ['a'] }],
    ['unbounded integer', z.int(), { type: 'integer', format: 'int64' }],
    ['small integer', z.int().min(0).max(9), int32(0, 9)],
    ['open bound', z.number().gt(0), { type: 'number', minimum: 0, exclusiveMinimum: true }],
    ['nullable', z.boolean().nullable(), { type: 'boolean', nullable: true }],
    ['default', z.boolean().default(true), { type: 'boolean', default: true }],
    ['list', z.array(z.boolean()).max(2), list({ type: 'boolean' })],
    ['map', z.record(z.string(), z.boolean()), map({ type: 'boolean' })],
    ['opaque object', z.looseObject({}), opaque],
    [
      'strict object',
      z.strictObject({ a: z.boolean() }),
      object({ a: { type: 'boolean' } }, ['a']),
    ],
    [
      'field with a default',
      z.strictObject({ a: z.boolean().default(true) }),
      object({ a: { type: 'boolean', default: true } }),
    ],
    [
      'integer or string',
      z.union([z.int().min(1), z.string()]),
      { anyOf: [{ type: 'integer' }, { type: 'string' }], 'x-kubernetes-int-or-string': true },
    ],
    [
      'rule',
      z
        .number()
        .refine((value) => value !== 3)
        .meta({ cel }),
      { type: 'number', 'x-kubernetes-validations': cel },
    ],
  ]
  for (const [name, schema, expected] of rows) {
    assert.deepEqual(structural(z.strictObject({ it: schema })).properties?.['it'], expected, name)
  }
})

test('what a structural schema can not say is refused with its path', () => {
  const variant = (kind: string) => z.strictObject({ kind: z.literal(kind) })
  const recursive = z.strictObject({
    get next() {
      return recursive.optional()
    },
  })
  const rows: [z.ZodType, RegExp][] = [
    [z.tuple([z.string()]), /^Error: \.it: tuple has no counterpart/],
    [z.string().transform(Number), /^Error: \.it: pipe has no counterpart/],
    [z.string().refine(Boolean), /^Error: \.it: a refinement without a CEL rule/],
    [z.string().meta({ cel: ['x'] }), /^Error: \.it: meta cel must be a list/],
    [z.union([variant('a'), variant('b')]), /^Error: \.it: a union is not structural/],
    [
      z.union([variant('a'), z.strictObject({ mode: z.string().default('inline') })]),
      /^Error: \.it: a default inside a union/,
    ],
    [
      z.discriminatedUnion('kind', [variant('a'), variant('b')]),
      /^Error: \.it: oneOf is not expressible|^Error: \.it: a union/,
    ],
    [z.intersection(variant('a'), z.strictObject({})), /^Error: \.it: intersection has no/],
    [z.string().regex(/a/).regex(/b/), /^Error: \.it: allOf is not expressible/],
    [recursive, /cycle/i],
    [z.date(), /[Dd]ate/],
  ]
  for (const [schema, message] of rows) {
    assert.throws(
      () => structural(z.strictObject({ it: schema })),
      (error) => message.test(String(error)) || assert.fail(String(error)),
      String(message),
    )
  }
})

test('the generated schemas have no findings and describe every field', () => {
  for (const kind of kinds) {
    const schema = rootSchema(kind)
    assert.deepEqual(lint(schema), [])
    assert.deepEqual(undescribed(schema, ''), ['.metadata'], kind.kind)
  }
})

function undescribed(schema: Structural, path: string): string[] {
  const fields = Object.entries({ ...schema.properties, ...schema.items?.properties })
  return fields.flatMap(([name, field]) => {
    const own = field.description === undefined ? [`${path}.${name}`] : []
    return [...own, ...undescribed(field, `${path}.${name}`)]
  })
}

const int32 = (minimum: number, maximum: number): Structural => ({
  type: 'integer',
  format: 'int32',
  minimum,
  maximum,
})

const list = (items: Structural): Structural => ({
  type: 'array',
  maxItems: 2,
  'x-kubernetes-list-type': 'atomic',
  items,
})

const map = (additionalProperties: Structural): Structural => ({
  type: 'object',
  additionalProperties,
})

const opaque: Structural = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

const object = (properties: Record<string, Structural>, required?: string[]): Structural => ({
  type: 'object',
  ...(required ? { required } : {}),
  properties,
})
