import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { staleFiles } from './generate.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('generated files are those that the sources give; if not, run npm run generate', () => {
  assert.deepEqual(staleFiles(root), [])
})

test('a file that is missing is stale', () => {
  assert.ok(staleFiles('/nonexistent').includes('crds/rollouts.yaml'))
})
