import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { objectOf, withAt } from './json.ts'
import { widget, widgetCrd, widgets, withServer } from './testing.ts'

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const strict = `${widgets}?fieldValidation=Strict`

const specs: readonly [name: string, spec: object, message: RegExp | null][] = [
  ['what the schema allows', { mode: 'fast', port: '80%', template: { any: { thing: 1 } } }, null],
  ['an integer where either may stand', { port: 80 }, null],
  [
    'the wrong type',
    { replicas: 'two' },
    /spec\.replicas: Invalid value: "string": spec\.replicas in body must be of type integer: "string"$/,
  ],
  [
    'a number below the least',
    { replicas: -1 },
    /spec\.replicas: Invalid value: -1: spec\.replicas in body should be greater than or equal to 0$/,
  ],
  [
    'a word that is not listed',
    { mode: 'odd' },
    /spec\.mode: Unsupported value: "odd": supported values: "fast", "slow"$/,
  ],
  [
    'a text that is too long',
    { fixed: 'abcdef' },
    /spec\.fixed: Too long: may not be more than 5 bytes$/,
  ],
  [
    'too many items',
    { steps: [1, 2, 3, 4].map((weight) => ({ weight })) },
    /spec\.steps: Too many: 4: must have at most 3 items$/,
  ],
  [
    'a missing field of an item',
    { steps: [{ hold: '1s' }] },
    /spec\.steps\[0\]\.weight: Required value$/,
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
    /strict decoding error: unknown field "spec\.x", unknown field "spec\.steps\[0\]\.y"$/,
  ],
]

for (const [name, spec, message] of specs) {
  test(`a custom object with ${name} is ${message ? 'refused' : 'taken'}`, () =>
    withServer(async ({ send }) => {
      const { code, body } = await send('POST', strict, widget('a', spec))
      if (!message) return assert.equal(code, 201, body.message)
      assert.match(body.message, message)
    }))
}

test('unknown fields are pruned, with a warning unless that is turned off', () =>
  withServer(async ({ send }) => {
    const warned = await send('POST', widgets, widget('a', { no: 1 }))
    assert.equal(warned.warning, '299 - "unknown field \\"spec.no\\""')
    assert.deepEqual(warned.body.spec, { replicas: 1 })
    const silent = await send('POST', `${widgets}?fieldValidation=Ignore`, widget('b', { no: 1 }))
    assert.deepEqual([silent.warning, silent.body.spec], [null, { replicas: 1 }])
  }))

test('a rule over the old value holds between updates, not at the first', () =>
  withServer(async ({ send }) => {
    const merge = 'application/merge-patch+json'
    await send('POST', widgets, widget('a', { fixed: 'x' }))
    const refused = await send('PATCH', `${widgets}/a`, { spec: { fixed: 'y' } }, merge)
    assert.match(refused.body.message, /spec\.fixed: Invalid value: "y": is immutable$/)
    assert.equal((await send('PATCH', `${widgets}/a`, { spec: { mode: 'slow' } }, merge)).code, 200)
  }))

const schemaPath = ['spec', 'versions', '0', 'schema', 'openAPIV3Schema', 'properties', 'spec']

/** The definition with its spec schema extended. */
function definition(schema: object): unknown {
  const body = objectOf(JSON.parse(JSON.stringify(parse(widgetCrd))))
  const spec = objectOf(body['spec'])
  const [version] = Array.isArray(spec['versions']) ? spec['versions'] : []
  const changed = Object.entries(schema).reduce(
    (whole, [keyword, value]) => withAt(whole, [...schemaPath.slice(3), keyword], value),
    objectOf(version),
  )
  return { ...body, metadata: { name: 'widgets.test.dev' }, spec: { ...spec, versions: [changed] } }
}

const broken: readonly [name: string, schema: object, message: RegExp][] = [
  [
    'a rule that is no CEL',
    { 'x-kubernetes-validations': [{ rule: 'self.a ==' }] },
    /properties\[spec\]\.x-kubernetes-validations\[0\]\.rule: .*compilation failed/,
  ],
  [
    'a rule that names nothing known',
    { 'x-kubernetes-validations': [{ rule: 'other == 1' }] },
    /Unknown variable: other/,
  ],
  [
    'a rule with a function that is not there',
    { 'x-kubernetes-validations': [{ rule: 'self.a.frobnicate(1)' }] },
    /no matching overload/,
  ],
  ['a field without type', { properties: { x: {} } }, /properties\[x\]\.type: .*must not be empty/],
]

for (const [name, schema, message] of broken) {
  test(`a definition is refused with the path of ${name}`, () =>
    withServer(
      async ({ send }) => {
        const { code, body } = await send('POST', definitions, definition(schema))
        assert.equal(code, 422)
        assert.match(body.message, message)
      },
      { crds: [] },
    ))
}

test('a definition is established, serves its kind, and takes the objects along when it goes', () =>
  withServer(async ({ send, server }) => {
    const one = `${definitions}/widgets.test.dev`
    const { conditions } = (await send('GET', one)).body.status
    const shown = conditions.map((c: { type: string; status: string }) => `${c.type} ${c.status}`)
    assert.deepEqual(shown, ['NamesAccepted True', 'Established True'])
    await send('POST', widgets, widget('a'))
    await send('DELETE', one)
    assert.equal((await send('GET', widgets)).code, 404)
    assert.equal(server.store.count('widgets.test.dev'), 0)
    assert.equal((await send('GET', '/apis/test.dev/v1')).code, 404)
  }))
