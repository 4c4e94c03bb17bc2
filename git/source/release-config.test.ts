// Releases with ConfigMaps in Git, by real repositories: which are read, which commit is theirs, what holds them.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  createRepository,
  type Files,
  type Repository,
  rolloutText,
} from '../repository/repository.fixture.ts'
import { createSource, type SourceState } from './source.ts'

const open = (repository: Repository) =>
  createSource({
    spec: { repository: repository.url, branch: 'main', include: ['**/*.yaml'], exclude: [] },
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

const named = (image = 'app:1', name = 'checkout') =>
  rolloutText({ image, name, more: '  config: [{ configMap: env }, { secret: key }]' })
const env = (rate = '1', more = '') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: env }\ndata: { RATE: "${rate}" }\n${more}`
const messages = (state: SourceState) =>
  state.errors.map(({ path, line, column, message }) => `${path}:${line}:${column} ${message}`)
const release = ({ definitions }: SourceState, name = 'checkout') => {
  const found = definitions.find((one) => one.name === name)
  return found && { commit: found.commit, paths: found.configMaps?.map(({ path }) => path) }
}

describe('a release with ConfigMaps', { concurrency: 3 }, () => {
  it('has those that it names, and none that nobody names', async () => {
    const other = env().replace('name: env', 'name: other')
    const files = { 'a.yaml': named(), 'b.yaml': other, 'c/env.yaml': `---\n${env()}` }
    await withRepository(files, async (repo) => {
      const source = open(repo)
      const state = await source.refresh()
      assert.deepEqual(messages(state), [])
      const [definition] = state.definitions
      assert.ok(definition)
      const [configMap, ...rest] = definition.configMaps ?? []
      assert.ok(configMap && rest.length === 0)
      assert.deepEqual([configMap.path, configMap.line], ['c/env.yaml', 2])
      const { data } = await source.readConfigMap(configMap)
      assert.deepEqual(data, { RATE: '1' })
    })
  })

  it('changes with either, and keeps its commit when only words around them change', async () => {
    await withRepository({ 'a.yaml': named(), 'env.yaml': env() }, async (repo) => {
      const source = open(repo)
      await source.refresh()
      const second = await repo.commit({ 'env.yaml': env('2') })
      assert.equal(release(await source.refresh())?.commit, second)
      await repo.commit({ 'env.yaml': `# two\n${env('2')}`, 'a.yaml': `# one\n${named()}` })
      const state = await source.refresh()
      assert.equal(release(state)?.commit, second)
      assert.deepEqual(state.changed, [])
      assert.equal(release(await open(repo).refresh())?.commit, second, 'after a restart, too')
      const third = await repo.commit({ 'a.yaml': named('app:2') })
      assert.equal(release(await source.refresh())?.commit, third)
      const moved = await repo.commit({ 'env.yaml': null, 'x/env.yaml': env('2') })
      const after = await source.refresh()
      assert.deepEqual(release(after)?.paths, ['x/env.yaml'])
      assert.ok([third, moved].includes(release(after)?.commit ?? ''))
    })
  })

  it('goes on without a ConfigMap that is no longer in Git', async () => {
    await withRepository({ 'a.yaml': named(), 'env.yaml': env() }, async (repo) => {
      const source = open(repo)
      await source.refresh()
      await repo.commit({ 'env.yaml': null })
      const state = await source.refresh()
      assert.deepEqual([release(state)?.paths, messages(state)], [[], []])
    })
  })

  it('belongs to the Rollout beside it in one file', async () => {
    await withRepository({ 'a.yaml': `${named()}\n---\n${env()}` }, async (repo) => {
      const source = open(repo)
      await source.refresh()
      const second = await repo.commit({ 'a.yaml': `${named()}\n---\n${env('2')}` })
      assert.equal(release(await source.refresh())?.commit, second)
    })
  })

  const held: { name: string; files: Files; says: readonly RegExp[] }[] = [
    {
      name: 'a value that is no text',
      files: { 'env.yaml': env('2').replace('"2"', '2') },
      says: [/^env\.yaml:4:9 ConfigMap env: data\.RATE must be text, found 2/],
    },
    {
      name: 'a misspelt field',
      files: { 'env.yaml': env('2').replace('\ndata:', '\ndta:') },
      says: [/^env\.yaml:4:1 ConfigMap env: unknown field dta: did you mean data/],
    },
    {
      name: 'broken YAML',
      files: { 'env.yaml': env('2').replace('"2" }', '"2"') },
      says: [/^env\.yaml:5:1 .*Correct the YAML/],
    },
    {
      name: 'a key that is written twice',
      files: { 'env.yaml': env('2').replace('RATE:', 'RATE: "1", RATE:') },
      says: [/^env\.yaml:4:.*key "RATE" twice/],
    },
    {
      name: 'the same ConfigMap in another file',
      files: { 'b/env.yaml': env('2') },
      says: [/^b\/env\.yaml:1:1 .*also written in env\.yaml:1/, /^env\.yaml:1:1 /],
    },
    {
      name: 'a file that is too large',
      files: { 'env.yaml': env('2', `# ${'x'.repeat(1024 * 1024)}`) },
      says: [/^env\.yaml:0:0 .*more than 1 MiB/, /^env\.yaml:1:1 ConfigMap env was in this file/],
    },
  ]
  for (const { name, files, says } of held) {
    it(`is held as a whole by ${name}`, async () => {
      await withRepository({ 'a.yaml': named(), 'env.yaml': env() }, async (repo) => {
        const source = open(repo)
        const before = await source.refresh()
        await repo.commit({ ...files, 'a.yaml': named('app:2') })
        const state = await source.refresh()
        assert.deepEqual(state.definitions, before.definitions)
        const found = messages(state)
        assert.equal(found.length, says.length, found.join('\n'))
        for (const [i, words] of says.entries()) assert.match(found[i] ?? '', words)
        assert.deepEqual(state.broken, ['Rollout/shop/checkout'])
        const fixed = await repo.commit({ 'b/env.yaml': null, 'env.yaml': env('3') })
        assert.equal(release(await source.refresh())?.commit, fixed)
      })
    })
  }

  it('is held by its Rollout, and another that names the same goes on', async () => {
    const files = { 'a.yaml': named(), 'b.yaml': named('app:1', 'b'), 'env.yaml': env() }
    await withRepository(files, async (repo) => {
      const source = open(repo)
      const before = await source.refresh()
      const broken = named('app:2').replace('weight: 50', 'weight: 500')
      const second = await repo.commit({ 'a.yaml': broken, 'env.yaml': env('2') })
      const state = await source.refresh()
      assert.deepEqual(release(state), release(before))
      assert.equal(release(state, 'b')?.commit, second)
    })
  })

  it('leaves to others what SOPS has sealed and what is for another namespace', async () => {
    const sealed = env('ENC[x]', 'sops: { mac: "ENC[y]" }\n')
    const foreign = env('2').replace('name: env', 'name: env, namespace: other')
    for (const text of [sealed, foreign]) {
      await withRepository({ 'a.yaml': named(), 'env.yaml': text }, async (repo) => {
        const state = await open(repo).refresh()
        assert.deepEqual([release(state)?.paths, messages(state)], [[], []])
      })
    }
  })

  it('is silent about broken files of others', async () => {
    const files = { 'a.yaml': rolloutText(), 'b.yaml': 'kind: ConfigMap\nmetadata: {{ .name }}\n' }
    await withRepository(files, async (repo) => {
      assert.deepEqual(messages(await open(repo).refresh()), [])
      await repo.commit({ 'a.yaml': named() })
      assert.deepEqual(messages(await open(repo).refresh()), [])
    })
  })
})
