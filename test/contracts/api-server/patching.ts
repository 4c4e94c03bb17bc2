// The contract of merge, JSON and strategic patches.
import assert from 'node:assert/strict'
import type { Case } from '../api-server.ts'
import { configMap, replicaSet, widget } from './client.ts'

const jsonPatch = 'application/json-patch+json'
const strategic = 'application/strategic-merge-patch+json'

const merges: readonly [name: string, target: object, patch: object, data: object | undefined][] = [
  ['null removes', { a: '1', b: '2' }, { a: null }, { b: '2' }],
  ['members merge', { a: '1' }, { b: '2' }, { a: '1', b: '2' }],
]

const operations: readonly [name: string, template: object, patch: object[], result: object][] = [
  ['add at the end', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
  ['add inserts', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
  // The RFC would refuse this one.
  [
    'replace adds what is missing',
    { a: 1 },
    [{ op: 'replace', path: '/b', value: 2 }],
    { a: 1, b: 2 },
  ],
  ['escapes', { 'a/b~c': 1 }, [{ op: 'remove', path: '/a~1b~0c' }], {}],
  ['move', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
  ['copy', { a: [1] }, [{ op: 'copy', from: '/a', path: '/b' }], { a: [1], b: [1] }],
  [
    'a test that holds',
    { a: { b: 1 } },
    [{ op: 'test', path: '/a', value: { b: 1 } }],
    { a: { b: 1 } },
  ],
]

const refusals: readonly [name: string, patch: unknown, code: number, reason: string][] = [
  ['a test that fails', [{ op: 'test', path: '/a', value: 2 }], 422, 'Invalid'],
  ['a path below what is missing', [{ op: 'replace', path: '/b/c', value: 2 }], 422, 'Invalid'],
  ['what is missing can not be removed', [{ op: 'remove', path: '/b' }], 422, 'Invalid'],
  ['an index beyond the end', [{ op: 'add', path: '/list/5', value: 2 }], 422, 'Invalid'],
  ['what is no patch', { op: 'add' }, 400, 'BadRequest'],
]

const web = { name: 'app', image: 'a', env: [{ name: 'X', value: '1' }] }

type Shown = { name: string; image: string; env?: unknown }

const strategies: readonly [name: string, patch: object, containers: Shown[]][] = [
  [
    'containers merge by name',
    {
      containers: [
        { name: 'app', image: 'b' },
        { name: 'side', image: 's' },
      ],
    },
    // What a patch adds stands first.
    [
      { name: 'app', image: 'b', env: web.env },
      { name: 'side', image: 's' },
    ],
  ],
  [
    'variables merge by name inside a container',
    { containers: [{ name: 'app', env: [{ name: 'X', value: '2' }] }] },
    [{ name: 'app', image: 'a', env: [{ name: 'X', value: '2' }] }],
  ],
  [
    '$patch: replace replaces a list',
    { containers: [{ $patch: 'replace' }, { name: 'side', image: 's' }] },
    [{ name: 'side', image: 's' }],
  ],
]

const prefixed = (patch: unknown) =>
  Array.isArray(patch)
    ? patch.map((operation) =>
        Object.fromEntries(
          Object.entries(operation).map(([name, value]) => [
            name,
            name === 'path' || name === 'from' ? `/spec/template${value}` : value,
          ]),
        ),
      )
    : patch

export const patching: readonly Case[] = [
  ...merges.map(
    ([name, target, patch, data]): Case => [
      `a merge patch: ${name}`,
      async ({ send, merge, configMaps }) => {
        await send('POST', configMaps, configMap('a', target))
        const { body } = await merge(`${configMaps}/a`, { data: patch })
        assert.deepEqual(body.data, data)
      },
    ],
  ),
  ...operations.map(
    ([name, template, patch, result]): Case => [
      `a JSON patch: ${name}`,
      async ({ send, widgets }) => {
        await send('POST', widgets, widget('a', { template }))
        const { code, body } = await send('PATCH', `${widgets}/a`, prefixed(patch), jsonPatch)
        assert.equal(code, 200, body.message)
        assert.deepEqual(body.spec.template, result)
      },
    ],
  ),
  ...refusals.map(
    ([name, patch, code, reason]): Case => [
      `a JSON patch is refused and changes nothing: ${name}`,
      async ({ send, get, widgets }) => {
        const template = { a: 1, list: [] }
        await send('POST', widgets, widget('a', { template }))
        const { body, ...reply } = await send('PATCH', `${widgets}/a`, prefixed(patch), jsonPatch)
        assert.deepEqual([reply.code, body.reason], [code, reason], body.message)
        assert.deepEqual((await get(`${widgets}/a`)).body.spec.template, template)
      },
    ],
  ),
  ...strategies.map(
    ([name, patch, expected]): Case => [
      `a strategic patch: ${name}`,
      async ({ send, replicaSets }) => {
        await send('POST', replicaSets, replicaSet('a', 0, web))
        const body = { spec: { template: { spec: patch } } }
        const patched = await send('PATCH', `${replicaSets}/a`, body, strategic)
        assert.equal(patched.code, 200, patched.body.message)
        const containers: Shown[] = patched.body.spec.template.spec.containers
        const shown = containers.map((container) => ({
          name: container.name,
          image: container.image,
          ...(container.env !== undefined && { env: container.env }),
        }))
        assert.deepEqual(shown, expected)
      },
    ],
  ),
  [
    'a patch that states a version is held to it',
    async ({ send, merge, widgets }) => {
      const { metadata } = (await send('POST', widgets, widget('a'))).body
      const { resourceVersion } = metadata
      const path = `${widgets}/a`
      assert.equal(
        (await merge(path, { metadata: { resourceVersion }, spec: { mode: 'fast' } })).code,
        200,
      )
      const stale = await merge(path, { metadata: { resourceVersion }, spec: { mode: 'slow' } })
      assert.deepEqual([stale.code, stale.body.reason], [409, 'Conflict'])
    },
  ],
  [
    'a patch of what does not exist is not found',
    async ({ merge, widgets }) => {
      assert.equal((await merge(`${widgets}/nope`, { spec: {} })).code, 404)
    },
  ],
]
