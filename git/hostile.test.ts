// Repositories made to do harm, as objects of real Git. What is refused is named, and what is well goes on.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Repository, rolloutText } from './repository/repository.fixture.ts'
import { createSource } from './source/source.ts'
import {
  bad,
  commitCount,
  good,
  hook,
  open,
  request,
  revision,
  withRepository,
} from './write/writer.fixture.ts'

interface Entry {
  readonly mode: string
  readonly type: 'blob' | 'tree' | 'commit'
  readonly id: string
  readonly name: string
}

const object = (repo: Repository, type: string, input: string | Buffer) => {
  const args = ['-C', repo.repository, 'hash-object', '-t', type, '--literally', '-w', '--stdin']
  return execFileSync('git', args, { input, encoding: 'utf8' }).trim()
}

/** Bytes as they are: no tool of Git would write such a tree. */
function tree(repo: Repository, entries: readonly Entry[]): string {
  const sorted = [...entries].sort((a, b) => Buffer.compare(keyOf(a), keyOf(b)))
  const parts = sorted.map(({ mode, name, id }) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
  )
  return object(repo, 'tree', Buffer.concat(parts))
}

const keyOf = ({ type, name }: Entry) => Buffer.from(type === 'tree' ? `${name}/` : name)

async function publish(repo: Repository, root: string, parent?: string): Promise<string> {
  const who = 'Eve <eve@example.com> 1700000000 +0000'
  const from = parent === undefined ? '' : `parent ${parent}\n`
  const text = `tree ${root}\n${from}author ${who}\ncommitter ${who}\n\nharm\n`
  const commit = object(repo, 'commit', text)
  await repo.run(['update-ref', 'refs/heads/main', commit])
  return commit
}

const refresh = (repo: Repository) =>
  createSource({
    spec: { repository: repo.url, branch: 'main', include: ['**/*.yaml'], exclude: [] },
    namespace: 'shop',
    directory: repo.mirrorDirectory,
  }).refresh()

const blob = (repo: Repository, name: string, text: string): Entry => ({
  mode: '100644',
  type: 'blob',
  id: object(repo, 'blob', text),
  name,
})

describe('a hostile repository', { concurrency: 3 }, () => {
  it('has its odd paths, links and submodules refused by name, and the rest is read', async () => {
    await withRepository(async (repo) => {
      const evil = blob(repo, 'evil.yaml', rolloutText({ name: 'evil' }))
      const inside = { mode: '40000', type: 'tree', id: tree(repo, [evil]) } as const
      const odd = [
        '.git',
        '.GIT',
        'git~1',
        '.g\u200cit',
        '.git ',
        '..',
        '.',
        'a\\b',
        'a\nb',
        'a\u202eb',
        'a\u034fb',
        'a\u3164b',
        'a\u00a0b',
      ]
      await publish(
        repo,
        tree(repo, [
          blob(repo, 'checkout.yaml', rolloutText()),
          ...odd.map((name) => ({ ...inside, name })),
          { mode: '120000', type: 'blob', id: object(repo, 'blob', '/etc/passwd'), name: 'l.yaml' },
          { mode: '160000', type: 'commit', id: 'a'.repeat(40), name: 'module.yaml' },
        ]),
      )
      const state = await refresh(repo)
      const names = state.definitions.map(({ identity }) => identity)
      // Only characters that hide nothing are left: the look-alikes and the way out are refused.
      assert.equal(state.errors.length, odd.length + 2, JSON.stringify(state.errors))
      assert.deepEqual(names, ['Rollout/shop/checkout'])
      assert.ok(state.errors.some(({ path, message }) => path === 'l.yaml' && /link/.test(message)))
      assert.ok(state.errors.some(({ message }) => /submodule/.test(message)))
      assert.equal(readdirSync(repo.mirrorDirectory).includes('evil.yaml'), false)
    })
  })

  it('can not fill memory with one blob, one file or one tree of aliases', async () => {
    await withRepository(async (repo) => {
      const big = join(repo.repository, 'big')
      writeFileSync(big, '')
      truncateSync(big, 104_857_600)
      const id = execFileSync('git', ['-C', repo.repository, 'hash-object', '-w', big], {
        encoding: 'utf8',
      }).trim()
      rmSync(big)
      const many = `${rolloutText()}---\n`.repeat(2_000)
      const aliases = `a: &a [x, x]\n${Array.from({ length: 90 }, (_, i) => `k${i}: [*a]`).join('\n')}\n# sluice.dev/`
      await publish(
        repo,
        tree(repo, [
          blob(repo, 'checkout.yaml', rolloutText()),
          { mode: '100644', type: 'blob', id, name: 'big.yaml' },
          blob(repo, 'documents.yaml', '---\na: sluice.dev/\n'.repeat(10_000)),
          blob(repo, 'rollouts.yaml', many.slice(0, 1_000_000)),
          blob(repo, 'aliases.yaml', aliases),
        ]),
      )
      const state = await refresh(repo)
      assert.deepEqual(
        state.definitions.map(({ path }) => path),
        ['checkout.yaml'],
      )
      const said = new Map(state.errors.map(({ path, message }) => [path, message]))
      assert.match(said.get('big.yaml') ?? '', /has 104857600 bytes, more than 1 MiB/)
      assert.match(said.get('documents.yaml') ?? '', /more than 1000 documents/)
      assert.match(said.get('rollouts.yaml') ?? '', /more than 1000 documents/)
      assert.match(said.get('aliases.yaml') ?? '', /alias/)
    })
  })

  it('can not pass a tag, or a branch that looks like an option, for the branch', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'a.yaml': rolloutText() })
      const other = await repo.commit({ 'a.yaml': rolloutText({ name: 'evil' }) }, { branch: 'x' })
      for (const ref of ['refs/tags/main', 'refs/heads/refs/heads/main', 'refs/heads/--exec=x']) {
        writeFileSync(join(repo.repository, 'packed-refs'), `${other} ${ref}\n`, { flag: 'a' })
      }
      const state = await refresh(repo)
      assert.deepEqual(
        state.definitions.map(({ identity }) => identity),
        ['Rollout/shop/checkout'],
      )
    })
  })

  it('never makes a revert write through a link', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-canary-'))
    await withRepository(async (repo) => {
      const path = 'checkout.yaml'
      await repo.commit({ [path]: good })
      const parent = await repo.commit({ [path]: bad })
      const target = join(directory, 'target')
      const link = {
        mode: '120000',
        type: 'blob',
        id: object(repo, 'blob', target),
        name: path,
      } as const
      await publish(repo, tree(repo, [link]), parent)
      const result = await open(repo).writer.revert(request({ path }))
      assert.ok(['NeedsHuman', 'Superseded'].includes(result.state), result.because)
      assert.equal(await commitCount(repo), '3')
      assert.deepEqual(readdirSync(directory), [])
    })
    rmSync(directory, { recursive: true })
  })

  it('whose hook refuses one release of a group takes the others', async () => {
    await withRepository(async (repo) => {
      const other = (image: string) => rolloutText({ name: 'other', image })
      await repo.commit({ 'checkout.yaml': good, 'other.yaml': other('app:1') })
      await repo.commit({ 'checkout.yaml': bad, 'other.yaml': other('app:2') })
      hook(
        repo,
        'update',
        'git log --format=%s "$2..$3" | grep -q shop/other && { echo "frozen: other" >&2; exit 1; }; exit 0',
      )
      const { writer } = open(repo)
      const second = request({
        rollout: { namespace: 'shop', name: 'other', uid: 'u2' },
        bad: { revision: revision(other('app:2'), 'other') },
        good: { revision: revision(other('app:1'), 'other') },
        key: 'u2/1/x',
        path: 'other.yaml',
      })
      const [one, two] = await Promise.all([writer.revert(request()), writer.revert(second)])
      assert.equal(one.state, 'Committed', one.because)
      assert.equal(two.state, 'NeedsHuman', two.because)
      assert.match(two.because, /frozen: other/)
      assert.equal(await repo.read('checkout.yaml'), good)
      assert.equal(await repo.read('other.yaml'), other('app:2'))
    })
  })
})
