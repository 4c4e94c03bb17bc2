// `revert --dry-run` and `restore` on repositories in a folder, without any cluster.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { run } from './run.fixture.ts'

const path = 'shop/rollout.yaml'
const example = new URL('../examples/canary-istio/rollout.yaml', import.meta.url)

async function withRepository(check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'reverting-'))
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' }
  const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: folder, env })
  const commit = async (text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
    await git('add', '-A')
    await git('-c', 'user.name=ann', '-c', 'user.email=ann@example.com', 'commit', '-q', '-m', 'x')
  }
  try {
    await git('init', '-q', '-b', 'main')
    const text = await readFile(example, 'utf8')
    await commit(text)
    await commit(text.replace(/image: .*/, 'image: checkout:bad'))
    await check(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const offline = 'http://127.0.0.1:1'

test('revert and restore show the commit that they would make, as the controller does', () =>
  withRepository(async (repo) => {
    const common = ['--repo', repo, '--json']
    const asked = ['--rollout', 'shop/checkout', '--bad', 'HEAD', '--good', 'HEAD~1']
    const reverted = await run(offline, ['revert', '--dry-run', ...common, ...asked])
    const restored = await run(offline, ['restore', 'checkout', '--at', 'HEAD~1', ...common])
    const [first, second] = [JSON.parse(reverted.out), JSON.parse(restored.out)]
    assert.deepEqual([reverted.code, restored.code], [0, 0])
    assert.deepEqual([first.decision, first.paths], ['commit', [path]])
    assert.deepEqual([second.decision, second.branch, second.tree], ['commit', null, first.tree])
    const shown = await run(offline, ['revert', '--dry-run', '--repo', repo, ...asked])
    assert.match(shown.out, /^commit: restores spec\.template.*\ntree [0-9a-f]{40}\ndiff --git/)
    assert.match(shown.out, /^- {10}image: checkout:bad$/m)
  }))

test('what can not be decided, and what is misused, is said in a sentence', () =>
  withRepository(async (repo) => {
    const rows: [argv: string[], code: number, said: RegExp][] = [
      [['revert', '--rollout', 'a/b'], 2, /only --dry-run is done here/],
      [['revert', '--dry-run', '--repo', repo], 2, /--rollout is missing/],
      [['revert', '--dry-run', '--rollout', 'checkout'], 2, /"checkout" is not NAMESPACE\/NAME/],
      [
        ['revert', '--dry-run', '--repo', repo, '--rollout=a/b', '--bad=nowhere', '--good=HEAD'],
        1,
        /has no commit nowhere/,
      ],
      [['restore', '--at', '2h'], 2, /the name of a rollout is missing/],
      [['restore', 'checkout', '--repo', repo], 2, /--at is missing/],
      [['restore', 'checkout', '--repo', join(repo, 'none'), '--at', '2h'], 1, /error: /],
    ]
    for (const [argv, code, said] of rows) {
      const ran = await run(offline, argv)
      assert.equal(ran.code, code, `${argv.join(' ')}: ${ran.err}`)
      assert.match(ran.err, said)
    }
  }))
