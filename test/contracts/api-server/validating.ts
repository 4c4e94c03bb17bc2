// The contract of custom kinds: schema, defaults, pruning, CEL, and the words of each refusal.
import assert from 'node:assert/strict'
import type { Case } from '../api-server.ts'
import { rollout, widget } from './client.ts'

const specs: readonly [name: string, spec: object, message: RegExp | null][] = [
  ['what the schema allows', { mode: 'fast', port: '80%', template: { any: { thing: 1 } } }, null],
  ['an integer where either may stand', { port: 80 }, null],
  [
    'the wrong type',
    { replicas: 'two' },
    /spec\.replicas: Invalid value: "string": spec\.replicas in body must be of type integer: "string", \.spec\.replicas: Invalid value: 0: \.spec\.replicas accessor error: two is of the type string, expected int64, <nil>: Invalid value: null: some validation rules were not checked/,
  ],
  [
    'a number below the least',
    { replicas: -1 },
    /spec\.replicas: Invalid value: -1: spec\.replicas in body should be greater than or equal to 0, \.spec\.replicas: Invalid value: -1: should be a non-negative integer\]$/,
  ],
  [
    'a word that is not listed',
    { mode: 'odd' },
    /spec\.mode: Unsupported value: "odd": supported values: "fast", "slow", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation\]$/,
  ],
  [
    'a text that is too long',
    { fixed: 'abcdef' },
    /spec\.fixed: Too long: may not be more than 5 bytes, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation\]$/,
  ],
  [
    'too many items',
    { steps: [1, 2, 3, 4].map((weight) => ({ weight })) },
    /spec\.steps: Too many: 4: must have at most 3 items, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation\]$/,
  ],
  [
    'a missing field of an item',
    { steps: [{ hold: '1s' }] },
    /spec\.steps\[0\]\.weight: Required value, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation\]$/,
  ],
  [
    'a key twice',
    { parts: [{ name: 'x' }, { name: 'x' }] },
    /spec\.parts\[1\]: Duplicate value: \{"name":"x"\}$/,
  ],
  [
    'a rule that does not hold',
    { steps: [{ weight: 2 }, { weight: 1 }] },
    /spec\.steps: Invalid value: "array": weights must not fall$/,
  ],
  [
    'unknown fields, all of them',
    { x: 1, steps: [{ weight: 1, y: 2 }] },
    /strict decoding error: unknown field "spec\.steps\[0\]\.y", unknown field "spec\.x"$/,
  ],
]

const rolloutSpecs: readonly [name: string, spec: object, message: RegExp | null][] = [
  ['what the guide shows', {}, null],
  [
    'weights that fall',
    { canary: { steps: [{ weight: 50 }, { weight: 5 }] } },
    /spec\.canary\.steps: Invalid value: .*weights must not fall/,
  ],
  [
    'a weight beyond all',
    { canary: { steps: [{ weight: 101 }] } },
    /spec\.canary\.steps\[0\]\.weight: Invalid value: 101: .*less than or equal to 100$/,
  ],
  ['no strategy', { canary: null }, /spec: Invalid value: /],
]

const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.test.dev'

export const validating: readonly Case[] = [
  ...specs.map(
    ([name, spec, message]): Case => [
      `a custom object with ${name} is ${message ? 'refused' : 'taken'}`,
      async ({ send, widgets }) => {
        const path = `${widgets}?fieldValidation=Strict`
        const { code, body } = await send('POST', path, widget('a', spec))
        if (!message) return assert.equal(code, 201, body.message)
        assert.match(body.message, message)
        assert.equal(body.code, code)
      },
    ],
  ),
  ...rolloutSpecs.map(
    ([name, spec, message]): Case => [
      `a Rollout with ${name} is ${message ? 'refused' : 'taken'}`,
      async ({ send, rollouts }) => {
        const { code, body } = await send('POST', rollouts, rollout('checkout', spec))
        if (!message) return assert.equal(code, 201, body.message)
        assert.equal(code, 422)
        assert.match(body.message, message)
      },
    ],
  ),
  [
    'a refusal names each cause with its field',
    async ({ send, widgets }) => {
      const { body } = await send('POST', widgets, widget('a', { replicas: -1, mode: 'odd' }))
      const causes: { reason: string; field: string }[] = body.details.causes
      assert.deepEqual(causes.map(({ reason, field }) => `${reason} ${field}`).sort(), [
        'FieldValueInvalid .spec.replicas',
        'FieldValueInvalid <nil>',
        'FieldValueInvalid spec.replicas',
        'FieldValueNotSupported spec.mode',
      ])
      assert.deepEqual(
        [body.details.name, body.details.group, body.details.kind],
        ['a', 'test.dev', 'Widget'],
      )
    },
  ],
  [
    'unknown fields are pruned, with a warning unless that is turned off',
    async ({ send, widgets }) => {
      const warned = await send('POST', widgets, widget('a', { no: 1 }))
      assert.equal(warned.warning, '299 - "unknown field \\"spec.no\\""')
      assert.deepEqual(warned.body.spec, { replicas: 1 })
      const silent = await send('POST', `${widgets}?fieldValidation=Ignore`, widget('b', { no: 1 }))
      assert.deepEqual([silent.warning, silent.body.spec], [null, { replicas: 1 }])
    },
  ],
  [
    'a null is dropped where a default stands',
    async ({ send, widgets }) => {
      const { code, body } = await send('POST', widgets, widget('a', { replicas: null }))
      assert.equal(code, 201, body.message)
      assert.deepEqual(body.spec, { replicas: 1 })
    },
  ],
  [
    'a null where no default stands counts as absent',
    async ({ send, widgets }) => {
      const { code, body } = await send('POST', widgets, widget('a', { mode: null }))
      assert.equal(code, 201, body.message)
      assert.deepEqual(body.spec, { replicas: 1 })
    },
  ],
  [
    'a null in a list is not the declared type',
    async ({ send, widgets }) => {
      const { code, body } = await send('POST', widgets, widget('a', { steps: [null] }))
      assert.equal(code, 422)
      assert.match(
        body.message,
        /spec\.steps\[0\]: Invalid value: "null": .*must be of type object/,
      )
    },
  ],
  [
    'a rule over the old value holds between updates, not at the first',
    async ({ send, merge, widgets }) => {
      await send('POST', widgets, widget('a', { fixed: 'x' }))
      const refused = await merge(`${widgets}/a`, { spec: { fixed: 'y' } })
      assert.match(refused.body.message, /spec\.fixed: Invalid value: "string": is immutable$/)
      assert.equal((await merge(`${widgets}/a`, { spec: { mode: 'slow' } })).code, 200)
    },
  ],
  [
    'a status of the wrong type is refused',
    async ({ send, merge, widgets }) => {
      await send('POST', widgets, widget('a'))
      const refused = await merge(`${widgets}/a/status`, { status: { replicas: 'x' } })
      assert.match(refused.body.message, /status\.replicas: Invalid value: "string"/)
    },
  ],
  [
    'a definition is established and says so',
    async ({ get }) => {
      const { conditions } = (await get(definition)).body.status
      const shown = conditions.map((c: { type: string; status: string }) => `${c.type} ${c.status}`)
      assert.deepEqual(shown.sort(), ['Established True', 'NamesAccepted True'])
    },
  ],
]
