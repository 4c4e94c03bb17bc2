// What the contract of an API server does not state: definitions that are refused, and their end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { objectOf, withAt } from './json.ts'
import { widget, widgetCrd, widgets, withServer } from './testing.ts'

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
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
