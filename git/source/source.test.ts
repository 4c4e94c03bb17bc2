// Definitions read from real repositories by the real git.
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openMirror } from '../repository/mirror.ts'
import { MirrorError } from '../repository/mirror-error.ts'
import {
  createRepository,
  type Files,
  type Repository,
  rolloutText,
} from '../repository/repository.fixture.ts'
import { createSource, type SourceState } from './source.ts'

const open = (repository: Repository, branch = 'main', url = repository.url) =>
  createSource({
    spec: { repository: url, branch, include: ['**/*.yaml'], exclude: ['vendor/**'] },
    namespace: 'shop',
    directory: repository.mirrorDirectory,
  })

async function withRepository(files: Files, work: (repository: Repository) => Promise<void>) {
  const repository = await createRepository()
  try {
    await repository.commit(files)
    await work(repository)
  } finally {
    repository.remove()
  }
}

const names = (state: SourceState) => state.definitions.map(({ identity }) => identity).sort()
const messages = (state: SourceState) =>
  state.errors.map(({ path, line, message }) => `${path}:${line} ${message}`)

describe('a source', { concurrency: 3 }, () => {
  it('reads definitions with the commit that last changed their value', async () => {
    await withRepository(
      { 'a.yaml': rolloutText(), 'b.yaml': rolloutText({ name: 'b' }) },
      async (repo) => {
        const first = await repo.head()
        const source = open(repo)
        const one = await source.refresh()
        assert.deepEqual(names(one), ['Rollout/shop/b', 'Rollout/shop/checkout'])
        assert.deepEqual(one.changed, names(one))
        await repo.commit({ 'a.yaml': `# only a comment\n${rolloutText()}` })
        const image = await repo.commit({ 'b.yaml': rolloutText({ name: 'b', image: 'app:2' }) })
        await repo.commit({ 'b.yaml': `# again\n${rolloutText({ name: 'b', image: 'app:2' })}` })
        const commits = (state: SourceState) =>
          Object.fromEntries(state.definitions.map(({ name, commit }) => [name, commit]))
        const two = await source.refresh()
        assert.deepEqual(two.changed, ['Rollout/shop/b'])
        assert.deepEqual(commits(two), { b: image, checkout: first })
        assert.deepEqual(commits(await open(repo).refresh()), { b: image, checkout: first })
        assert.deepEqual((await source.refresh()).changed, [])
      },
    )
  })

  it('keeps the last good definition of a document that turns bad', async () => {
    await withRepository({ 'a.yaml': rolloutText({ image: 'app:1' }) }, async (repo) => {
      const source = open(repo)
      await source.refresh()
      const bad = [
        rolloutText().replace('weight: 50', 'weight: 500'),
        rolloutText().replace('name: checkout', 'name: [checkout'),
        rolloutText().replace('kind: Rollout', 'kind: Rollout\nkind: Rollout'),
        'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
        `{{ if .x }}\n${rolloutText()}{{ end }}\n`,
        `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b]\n${rolloutText()}`,
        `${rolloutText()}# ${'x'.repeat(1024 * 1024)}\n`,
      ]
      for (const text of bad) {
        await repo.commit({ 'a.yaml': text })
        const state = await source.refresh()
        assert.deepEqual(names(state), ['Rollout/shop/checkout'])
        assert.deepEqual(state.changed, [])
        assert.ok(state.errors.length > 0, text.slice(0, 200))
        assert.ok(!state.isComplete || state.broken[0] === 'Rollout/shop/checkout')
      }
      await repo.commit({ 'a.yaml': null })
      assert.deepEqual((await source.refresh()).changed, ['Rollout/shop/checkout'])
    })
  })

  it('names the field and its place', async () => {
    const text = `apiVersion: v1\nkind: ConfigMap\n---\n${rolloutText().replace('weight: 50', 'weight: 500')}`
    await withRepository({ 'a.yaml': text }, async (repo) => {
      const { errors } = await open(repo).refresh()
      assert.equal(errors.length, 1)
      assert.equal(errors[0]?.line, text.split('\n').findIndex((line) => /500/.test(line)) + 1)
      assert.match(errors[0]?.message ?? '', /^Rollout checkout: .*weight/)
    })
  })

  it('uses neither of two documents with one identity', async () => {
    await withRepository(
      { 'a.yaml': rolloutText(), 'x.yaml': rolloutText({ name: 'x' }) },
      async (repo) => {
        const source = open(repo)
        await source.refresh()
        await repo.commit({
          'b.yaml': `---\n${rolloutText({ image: 'other' })}`,
          'z.yaml': `${rolloutText({ name: 'z' })}---\n${rolloutText({ name: 'z' })}`,
        })
        const state = await source.refresh()
        assert.deepEqual(state.changed, [])
        assert.deepEqual(names(state), ['Rollout/shop/checkout', 'Rollout/shop/x'])
        assert.deepEqual(messages(state), [
          'a.yaml:1 Rollout checkout is also written in b.yaml:2, so neither is used. Remove one',
          'b.yaml:2 Rollout checkout is also written in a.yaml:1, so neither is used. Remove one',
          'z.yaml:1 Rollout z is also written in z.yaml:20, so neither is used. Remove one',
          'z.yaml:20 Rollout z is also written in z.yaml:1, so neither is used. Remove one',
        ])
      },
    )
  })

  it('refuses symlinks, other namespaces and nothing else', async () => {
    const files = {
      'a.yaml': rolloutText().replace('metadata:', 'metadata:\n  namespace: bank'),
      'b.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n',
      'helm.yaml': '{{ if x }}\na: {{ b }}\n{{ end }}\n',
      'vendor/c.yaml': rolloutText(),
    }
    await withRepository(files, async (repo) => {
      const link = await repo.run(['hash-object', '-w', '--stdin'], { input: '/etc/passwd' })
      const entry = `120000 ${link.toString().trim()}\tlink.yaml\0`
      const environment = { GIT_INDEX_FILE: join(repo.repository, 'test-index') }
      await repo.run(['read-tree', 'main'], { environment })
      await repo.run(['update-index', '-z', '--index-info'], { environment, input: entry })
      const tree = (await repo.run(['write-tree'], { environment })).toString().trim()
      const identity = {
        GIT_AUTHOR_NAME: 'x',
        GIT_AUTHOR_EMAIL: 'x@x',
        GIT_COMMITTER_NAME: 'x',
        GIT_COMMITTER_EMAIL: 'x@x',
      }
      const commit = await repo.run(['commit-tree', '-p', 'main', '-m', 'link', tree], {
        environment: identity,
      })
      await repo.run(['update-ref', 'refs/heads/main', commit.toString().trim()])
      const state = await open(repo).refresh()
      assert.deepEqual(state.definitions, [])
      assert.equal(state.skipped, 2)
      assert.deepEqual(messages(state), [
        'a.yaml:4 Rollout checkout asks for namespace bank, but this GitSource may only write to shop. Remove metadata.namespace, or add a GitSource there',
        'link.yaml:0 is a symbolic link, which is refused. Put the file itself here',
      ])
    })
  })

  it('notices a force-push and reads everything again', async () => {
    await withRepository({ 'a.yaml': rolloutText() }, async (repo) => {
      const source = open(repo)
      await source.refresh()
      await repo.run(['update-ref', '-d', 'refs/heads/main'])
      const commit = await repo.commit({
        'a.yaml': rolloutText(),
        'c.yaml': rolloutText({ name: 'c' }),
      })
      const state = await source.refresh()
      assert.equal(state.rewritten, true)
      assert.deepEqual(state.changed, ['Rollout/shop/c'])
      assert.deepEqual(
        state.definitions.map((one) => one.commit),
        [commit, commit],
      )
    })
  })

  it('clones again when the mirror is corrupt or locked', async () => {
    await withRepository({ 'a.yaml': rolloutText() }, async (repo) => {
      const mirror = join(repo.mirrorDirectory, 'repository.git')
      const source = open(repo)
      for (const file of [
        'HEAD',
        'refs/sluice/main',
        'refs/sluice/main.lock',
        'packed-refs',
        'config',
      ]) {
        await source.refresh()
        await repo.commit({ 'a.yaml': rolloutText({ image: file.replaceAll('/', '-') }) })
        writeFileSync(join(mirror, file), 'garbage')
        assert.deepEqual((await source.refresh()).changed, ['Rollout/shop/checkout'], file)
      }
      assert.ok(!existsSync(join(mirror, 'refs/sluice/main.lock')))
    })
  })
})

describe('a mirror that can not be fetched', () => {
  let repo: Repository
  before(async () => {
    repo = await createRepository()
    await repo.commit({ 'a.yaml': 'x' })
    await repo.commit({ 'a.yaml': 'x' }, { branch: 'next' })
  })
  after(() => repo.remove())
  const rows = [
    {
      name: 'branch',
      branch: 'none',
      reason: 'branch-missing',
      message: /no branch none: it has main, next$/,
    },
    {
      name: 'repository',
      url: 'file:///does/not/exist',
      reason: 'repository-missing',
      message: /no repository/,
    },
    {
      name: 'host',
      url: 'https://127.0.0.1:1/x',
      reason: 'unreachable',
      message: /can not be reached/,
    },
  ]
  for (const { name, branch, url, reason, message } of rows) {
    it(`says that the ${name} is missing`, async () => {
      const error = await open(repo, branch, url)
        .refresh()
        .catch((thrown: unknown) => thrown)
      assert.ok(error instanceof MirrorError)
      assert.equal(error.reason, reason)
      assert.match(error.message, message)
    })
  }
  for (const url of [
    'ext::sh -c id',
    '--upload-pack=x',
    'file://-x',
    'http://x/y',
    'https://a b',
  ]) {
    it(`refuses the URL ${url}`, () => {
      assert.throws(
        () => openMirror({ directory: repo.mirrorDirectory, url, branch: 'main' }),
        MirrorError,
      )
    })
  }
})
