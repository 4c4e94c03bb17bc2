import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { customResource, customResourceYaml } from './custom-resource.ts'
import { staleFiles } from './generate.ts'
import { kinds } from './kinds.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('generated files are those that the sources give; if not, run npm run generate', () => {
  assert.deepEqual(staleFiles(root), [])
})

test('a file that is missing is stale', () => {
  assert.ok(staleFiles('/nonexistent').includes('crds/rollouts.yaml'))
})

test('the YAML of a CRD means the same to readers of YAML 1.1, such as kubectl, and of 1.2', () => {
  for (const kind of kinds) {
    const expected = JSON.parse(JSON.stringify(customResource(kind)))
    for (const version of ['1.1', '1.2'] as const) {
      assert.deepEqual(parse(customResourceYaml(kind, ''), { version }), expected)
    }
  }
})
