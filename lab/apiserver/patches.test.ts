import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyJsonPatch } from './patch-json.ts'
import { applyMergePatch } from './patch-merge.ts'
import { applyStrategicPatch } from './patch-strategic.ts'
import { builtinSchema } from './schema.ts'
import { StatusError } from './status-error.ts'

const podSpec = builtinSchema('Pod').properties?.['spec']

const merges: readonly [name: string, target: unknown, patch: unknown, result: unknown][] = [
  ['null removes', { a: 1, b: 2 }, { a: null }, { b: 2 }],
  ['objects merge', { a: { x: 1 } }, { a: { y: 2 } }, { a: { x: 1, y: 2 } }],
  ['lists are replaced', { a: [1, 2] }, { a: [3] }, { a: [3] }],
  ['a scalar becomes an object without nulls', { a: 1 }, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
]

for (const [name, target, patch, result] of merges) {
  test(`merge patch: ${name}`, () => assert.deepEqual(applyMergePatch(target, patch), result))
}

const operations: readonly [name: string, target: unknown, patch: unknown, result: unknown][] = [
  ['add at the end', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
  ['add inserts', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
  ['escapes', { 'a/b~c': 1 }, [{ op: 'remove', path: '/a~1b~0c' }], {}],
  ['move', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
  ['copy', { a: [1] }, [{ op: 'copy', from: '/a', path: '/b' }], { a: [1], b: [1] }],
  [
    'test that holds',
    { a: { b: 1 } },
    [{ op: 'test', path: '/a', value: { b: 1 } }],
    { a: { b: 1 } },
  ],
]

for (const [name, target, patch, result] of operations) {
  test(`JSON patch: ${name}`, () => assert.deepEqual(applyJsonPatch(target, patch), result))
}

const refusals: readonly [name: string, patch: unknown, code: number][] = [
  ['a test that fails', [{ op: 'test', path: '/a', value: 2 }], 422],
  ['a path below what is missing', [{ op: 'replace', path: '/b/c', value: 2 }], 422],
  ['an index beyond the end', [{ op: 'add', path: '/list/5', value: 2 }], 422],
  ['what is no patch', { op: 'add' }, 400],
]

for (const [name, patch, code] of refusals) {
  test(`JSON patch: ${name} is refused and changes nothing`, () => {
    const target = { a: 1, list: [] }
    const isRefusal = (error: unknown) => error instanceof StatusError && error.code === code
    assert.throws(() => applyJsonPatch(target, patch), isRefusal)
    assert.deepEqual(target, { a: 1, list: [] })
  })
}

const web = { name: 'web', image: 'a', env: [{ name: 'X', value: '1' }] }
const strategic: readonly [name: string, target: object, patch: object, result: object][] = [
  [
    'containers merge by name',
    { containers: [web] },
    { containers: [{ name: 'web', image: 'b' }, { name: 'side' }] },
    { containers: [{ ...web, image: 'b' }, { name: 'side' }] },
  ],
  [
    'variables merge by name inside a container',
    { containers: [web] },
    { containers: [{ name: 'web', env: [{ name: 'Y', value: '2' }] }] },
    { containers: [{ ...web, env: [...web.env, { name: 'Y', value: '2' }] }] },
  ],
  [
    '$patch: delete removes an item',
    { containers: [web, { name: 'side' }] },
    { containers: [{ name: 'web', $patch: 'delete' }] },
    { containers: [{ name: 'side' }] },
  ],
  [
    '$patch: replace replaces a list',
    { containers: [web] },
    { containers: [{ $patch: 'replace' }, { name: 'side' }] },
    { containers: [{ name: 'side' }] },
  ],
  [
    '$patch: replace replaces an object',
    { securityContext: { a: 1 } },
    { securityContext: { $patch: 'replace', b: 2 } },
    { securityContext: { b: 2 } },
  ],
  [
    '$setElementOrder sorts',
    { containers: [web, { name: 'side' }] },
    { '$setElementOrder/containers': [{ name: 'side' }, { name: 'web' }] },
    { containers: [{ name: 'side' }, web] },
  ],
  [
    '$retainKeys drops the others',
    { strategy: { type: 'RollingUpdate', rollingUpdate: {} } },
    { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    { strategy: { type: 'Recreate' } },
  ],
  [
    'lists without a key are replaced',
    { tolerations: [1] },
    { tolerations: [2] },
    { tolerations: [2] },
  ],
]

for (const [name, target, patch, result] of strategic) {
  test(`strategic patch: ${name}`, () => {
    assert.deepEqual(applyStrategicPatch(target, patch, podSpec), result)
  })
}
