import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openGit } from '../../controller/sync/open-git.ts'
import { GitSource } from '../../crds/git-source.ts'
import { createTeamRepository } from '../../lab/demo/repository.ts'
import { createChoices } from '../sim/choices.ts'
import { createGit } from '../sim/git-client.ts'
import { createGitHost } from '../sim/git-host.ts'
import { createKernel } from '../sim/kernel.ts'
import { scenarioOf } from '../sim/scenario.ts'
import { gitHostContract } from './git-host.ts'

const scenario = scenarioOf(1)
const at = Date.UTC(2026, 0, 1)

const specOf = (repository: string) =>
  GitSource.parse({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'GitSource',
    metadata: { name: 'shop' },
    spec: { repository },
  }).spec

gitHostContract({
  name: 'Git, the binary',
  scenario,
  async start() {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-git-host-'))
    const repository = await createTeamRepository(directory)
    const client = openGit({
      spec: specOf(repository.url),
      namespace: 'shop',
      directory: join(directory, 'mirror'),
      now: () => at,
    })
    return {
      commit: (files) => repository.commit('a change', files),
      head: () => repository.head(),
      fileAt: (commit, path) => repository.file(commit, path).then((text) => `${text.trimEnd()}\n`),
      client,
      [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
    }
  },
})

gitHostContract({
  name: 'Git, the graph of the simulation',
  scenario,
  async start() {
    let isOver = false
    const kernel = createKernel({ startMs: at, tie: () => 0, settled: () => undefined })
    const running = async () => {
      while (!isOver) await kernel.drive(kernel.now() + 1_000, () => isOver)
    }
    void running()
    const host = createGitHost({ now: kernel.now, onPush: () => undefined }, { 'README.md': '' })
    const client = createGit({
      kernel,
      choices: createChoices({ seed: 1, only: [], phase: () => '' }),
      host,
      process: { name: 'a', isAlive: true, pausedUntil: 0, skewMs: 0 },
      downUntil: () => 0,
      interfere: () => undefined,
    })({
      spec: specOf('https://git.example/shop.git'),
      namespace: 'shop',
      directory: '',
      now: () => at,
    })
    return {
      commit: async (files) =>
        host.commit({ author: 'ada', message: 'a change', files: { ...files } }).id,
      head: async () => host.head().id,
      fileAt: async (commit, path) => host.find(commit)?.files.get(path) ?? '',
      client,
      async [Symbol.asyncDispose]() {
        isOver = true
      },
    }
  },
})
