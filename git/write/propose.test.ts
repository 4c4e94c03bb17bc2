// Reverts by pull request, with real repositories and a host in memory: adopt, update, give way.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { contentDigest, revisionOf } from '../../crds/revision.ts'
import type { GitHost, Proposal, PullRequest } from '../hosts/host.ts'
import { HostError } from '../hosts/http.ts'
import { openMirror } from '../repository/mirror.ts'
import { type Repository, rolloutText } from '../repository/repository.fixture.ts'
import type { RevertRequest } from '../revert/revert-plan.ts'
import { branchOf } from './propose.ts'
import { bad, good, hook, request, withRepository } from './writer.fixture.ts'
import { createWriter } from './writer.ts'

interface Pull extends PullRequest {
  state: PullRequest['state']
  proposal: Proposal
}

function memoryHost() {
  const pulls: Pull[] = []
  const statuses: string[] = []
  const faults: HostError[] = []
  const fail = () => {
    const fault = faults.shift()
    if (fault) throw fault
  }
  const host: GitHost = {
    find: async ({ branch }) => {
      fail()
      return pulls.findLast(({ proposal }) => proposal.branch === branch) ?? null
    },
    propose: async (proposal) => {
      fail()
      const open = pulls.find((one) => one.state === 'open')
      if (open) return Object.assign(open, { proposal, commit: proposal.commit })
      const number = pulls.length + 1
      const url = `https://git.example.com/pulls/${number}`
      const pull: Pull = { number, url, state: 'open', commit: proposal.commit, proposal }
      pulls.push(pull)
      return pull
    },
    report: async ({ state, description }) => {
      statuses.push(`${state}: ${description}`)
    },
  }
  return { host, pulls, statuses, faults }
}

function open(repo: Repository, host?: GitHost) {
  const mirror = openMirror({ directory: repo.mirrorDirectory, url: repo.url, branch: 'main' })
  const author = { name: 'Sluice', email: 'sluice@sluice.dev' }
  const spec = { include: ['**/*.yaml'], exclude: [], author }
  return createWriter({ mirror, spec, host, now: () => 1_700_000_600_000 })
}

const path = 'shop/checkout.yaml'
const byPull: RevertRequest = { ...request(), mode: 'pull-request' }
const branch = branchOf(byPull)

async function failing(repo: Repository): Promise<string> {
  await repo.commit({ [path]: good })
  return await repo.commit({ [path]: bad })
}

async function merge(repo: Repository): Promise<void> {
  await repo.run(['update-ref', 'refs/heads/main', `refs/heads/${branch}`])
}

describe('a revert by pull request', { concurrency: 3 }, () => {
  it('is proposed on a branch of its own, and done once it is merged', async () => {
    await withRepository(async (repo) => {
      const head = await failing(repo)
      const { host, pulls } = memoryHost()
      const writer = open(repo, host)
      const result = await writer.revert(byPull)
      assert.equal(result.state, 'Proposed', result.because)
      assert.match(result.because, /pull request 1 restores spec\.template.*once it is merged/)
      assert.deepEqual(result.pullRequest, { number: 1, url: 'https://git.example.com/pulls/1' })
      assert.equal(await repo.head(), head, 'the branch itself stays')
      assert.equal(await repo.read(path, branch), good)
      assert.match(pulls[0]?.proposal.title ?? '', /^revert\(shop\/checkout\)/)
      assert.equal(pulls[0]?.proposal.commit, await repo.head(branch))

      const again = await writer.revert(byPull)
      assert.deepEqual(again.pullRequest, result.pullRequest)
      assert.equal(await repo.head(branch), pulls[0]?.proposal.commit, 'nothing is pushed twice')

      await merge(repo)
      if (pulls[0]) pulls[0].state = 'merged'
      assert.equal((await writer.revert(byPull)).state, 'Committed')
    })
  })

  it('holds all files of a release, and only those that still need it', async () => {
    await withRepository(async (repo) => {
      const env = (rate: string) =>
        `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: env }\ndata: { RATE: "${rate}" }\n`
      const app = (image: string) =>
        rolloutText({ image, more: '  config: [{ configMap: env }]\n' })
      const digested = (image: string, rate: string) => {
        const digest = contentDigest(parse(env(rate)))
        const { template } = parse(app(image)).spec
        return revisionOf(template, [{ kind: 'ConfigMap', name: 'env', digest }])
      }
      await repo.commit({ [path]: app('app:1'), 'env.yaml': env('10') })
      await repo.commit({ [path]: app('app:2'), 'env.yaml': env('99') })
      const releases = {
        good: { revision: digested('app:1', '10') },
        bad: { revision: digested('app:2', '99') },
      }
      const asked: RevertRequest = { ...byPull, ...releases }
      const own = branchOf(asked)
      const writer = open(repo, memoryHost().host)
      assert.equal((await writer.revert(asked)).state, 'Proposed')
      const first = await repo.head(own)
      const files = () => repo.text(['diff', '--name-only', `main...${own}`])
      assert.equal(await files(), `env.yaml\n${path}`)
      await writer.revert(asked)
      assert.equal(await repo.head(own), first, 'nothing is pushed twice')
      await repo.commit({ 'env.yaml': env('10') })
      assert.equal((await writer.revert(asked)).state, 'Proposed')
      assert.equal(await files(), path)
    })
  })

  it('is made again when the file moves on below it, and only then', async () => {
    await withRepository(async (repo) => {
      await failing(repo)
      const { host, pulls } = memoryHost()
      const writer = open(repo, host)
      await writer.revert(byPull)
      const first = await repo.head(branch)
      await repo.commit({ 'other.yaml': 'a: b\n' })
      await writer.revert(byPull)
      assert.equal(await repo.head(branch), first)
      await repo.commit({ [path]: bad.replace('replicas: 3', 'replicas: 7') })
      await writer.revert(byPull)
      assert.notEqual(await repo.head(branch), first)
      assert.equal(await repo.read(path, branch), good.replace('replicas: 3', 'replicas: 7'))
      assert.equal(pulls.length, 1)
    })
  })

  it('leaves a branch to whoever pushed to it', async () => {
    await withRepository(async (repo) => {
      await failing(repo)
      const { host } = memoryHost()
      const writer = open(repo, host)
      await writer.revert(byPull)
      const theirs = await repo.commit({ [path]: good.replace('app:1', 'app:7') }, { branch })
      await repo.commit({ [path]: bad.replace('replicas: 3', 'replicas: 7') })
      const result = await writer.revert(byPull)
      assert.match(result.because, /somebody pushed to branch/)
      assert.equal(await repo.head(branch), theirs)
    })
  })

  const endings = [
    { state: 'closed', result: 'Superseded', because: /closed without merging/ },
    { state: 'merged', result: 'NeedsHuman', because: /asked for again since/ },
  ] as const
  for (const { state, result, because } of endings) {
    it(`that was ${state} while the branch asks for the bad release is ${result}`, async () => {
      await withRepository(async (repo) => {
        await failing(repo)
        const { host, pulls } = memoryHost()
        const writer = open(repo, host)
        await writer.revert(byPull)
        if (pulls[0]) pulls[0].state = state
        const answer = await writer.revert(byPull)
        assert.equal(answer.state, result)
        assert.match(answer.because, because)
      })
    })
  }

  it('is what a refused commit becomes, where that is wanted', async () => {
    await withRepository(async (repo) => {
      const head = await failing(repo)
      hook(repo, 'update', '[ "$1" != refs/heads/main ] || { echo "protected" >&2; exit 1; }')
      const { host } = memoryHost()
      const writer = open(repo, host)
      const result = await writer.revert({ ...byPull, mode: 'direct-then-pr' })
      assert.equal(result.pullRequest?.number, 1, result.because)
      assert.equal(await repo.head(), head)
      const direct = await writer.revert({ ...byPull, key: 'other', mode: 'direct' })
      assert.match(direct.because, /server refused the commit.*protected/)
    })
  })

  it('is rejected when the host is busy, and answered when it refuses', async () => {
    await withRepository(async (repo) => {
      await failing(repo)
      const { host, faults } = memoryHost()
      const writer = open(repo, host)
      faults.push(fault('later'))
      await assert.rejects(writer.revert(byPull), /the host says later/)
      faults.push(fault('refused'))
      assert.match((await writer.revert(byPull)).because, /the host says refused/)
      assert.equal((await open(repo).revert(byPull)).state, 'NeedsHuman')
    })
  })

  it('as a suggestion only says what to restore', async () => {
    await withRepository(async (repo) => {
      const head = await failing(repo)
      const { host, statuses } = memoryHost()
      const wanted = { ...request(), bad: { ...request().bad, commit: head } }
      const result = await open(repo, host).revert({ ...wanted, mode: 'suggest' })
      assert.match(result.because, /suggest: restore spec\.template.*image in shop\/checkout\.yaml/)
      assert.match(statuses[0] ?? '', /^failure: restore spec\.template/)
      assert.equal(await repo.head(), head)
      assert.equal(await repo.head(branch), null)
    })
  })
})

const fault = (reason: 'later' | 'refused') =>
  new HostError(`the host says ${reason}`, { reason, status: 500, retryAfterMs: null })
