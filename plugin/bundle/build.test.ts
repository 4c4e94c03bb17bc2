import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildPlugin } from './build.ts'

const limitBytes = 300_000

test('the plugin is one small file that works by itself, schemas and all', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'build-'))
  try {
    const program = join(folder, 'kubectl-sluice')
    const { bytes } = await buildPlugin(program)
    assert.ok(bytes <= limitBytes, `${bytes} bytes; remedy: find the import that brought a library`)
    const examples = fileURLToPath(new URL('../../examples/canary-istio', import.meta.url))
    const { stderr } = await promisify(execFile)(
      process.execPath,
      [program, 'lint', '-f', examples],
      { cwd: folder },
    )
    assert.match(stderr, /nothing is wrong/)
    const revert = ['revert', '--dry-run', '--repo', folder, '--rollout=a/b', '--bad=x', '--good=y']
    await assert.rejects(
      promisify(execFile)(process.execPath, [program, ...revert]),
      /error: .* is no Git repository/,
    )
  } finally {
    await rm(folder, { recursive: true })
  }
})
