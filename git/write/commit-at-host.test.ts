// Commits that a host makes, with real repositories behind it: it compares the head, and its answers may be lost.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GitHost, HostCommit } from '../hosts/host.ts'
import { HostError } from '../hosts/http.ts'
import { openMirror } from '../repository/mirror.ts'
import { type Repository, rolloutText } from '../repository/repository.fixture.ts'
import { bad, commitCount, good, request, revision, withRepository } from './writer.fixture.ts'
import { createWriter } from './writer.ts'

interface Options {
  /** Before it looks at the head. */
  readonly before?: (commit: HostCommit) => Promise<void>
  readonly isAnswerLost?: () => boolean
  readonly refuses?: (commit: HostCommit) => boolean
}

const error = (reason: 'later' | 'conflict') =>
  new HostError(`the host says ${reason}`, { reason, status: 500, retryAfterMs: null })

function committing(repo: Repository, options: Options = {}) {
  const made: string[] = []
  const host: GitHost = {
    find: async () => null,
    propose: () => Promise.reject(error('conflict')),
    report: async () => undefined,
    async commit(commit) {
      await options.before?.(commit)
      const { expected, files, message } = commit
      if (options.refuses?.(commit) || (await repo.head()) !== expected) throw error('conflict')
      made.push(await repo.commit(Object.fromEntries(files), { message }))
      if (options.isAnswerLost?.()) throw error('later')
      return made.at(-1) ?? ''
    },
  }
  const mirror = openMirror({ directory: repo.mirrorDirectory, url: repo.url, branch: 'main' })
  const author = { name: 'Sluice', email: 'sluice@sluice.dev' }
  const spec = { include: ['**/*.yaml'], exclude: [], author }
  const writer = createWriter({ mirror, spec, host, isByHost: true, now: () => 1_700_000_600_000 })
  return { writer, made }
}

const path = 'a.yaml'

describe('a commit that the host makes', { concurrency: 3 }, () => {
  it('restores the release on the head that was read', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ [path]: good })
      await repo.commit({ [path]: bad })
      const { writer, made } = committing(repo)
      const result = await writer.revert(request())
      assert.deepEqual([result.state, result.commit], ['Committed', made[0]])
      assert.equal(await repo.read(path), good)
      assert.equal((await writer.revert(request())).commit, made[0], 'once')
    })
  })

  it('is made again when somebody was faster', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ [path]: good })
      await repo.commit({ [path]: bad })
      let isFirst = true
      const { writer } = committing(repo, {
        before: async () => {
          if (isFirst) await repo.commit({ [path]: bad.replace('replicas: 3', 'replicas: 7') })
          isFirst = false
        },
      })
      assert.equal((await writer.revert(request())).state, 'Committed')
      assert.equal(await repo.read(path), good.replace('replicas: 3', 'replicas: 7'))
    })
  })

  it('whose answer is lost was made all the same', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ [path]: good })
      await repo.commit({ [path]: bad })
      const { writer, made } = committing(repo, { isAnswerLost: () => made.length === 1 })
      await assert.rejects(writer.revert(request()), /the host says later/)
      assert.deepEqual((await writer.revert(request())).commit, made[0])
      assert.equal(await commitCount(repo), '3')
    })
  })

  it('that is refused needs a person, and the others of its group do not', async () => {
    await withRepository(async (repo) => {
      const other = (image: string) => rolloutText({ name: 'other', image })
      await repo.commit({ [path]: good, 'other.yaml': other('app:1') })
      await repo.commit({ [path]: bad, 'other.yaml': other('app:2') })
      const { writer } = committing(repo, { refuses: ({ files }) => files.has('other.yaml') })
      const second = request({
        rollout: { namespace: 'shop', name: 'other', uid: 'u2' },
        bad: { revision: revision(other('app:2'), 'other') },
        good: { revision: revision(other('app:1'), 'other') },
        key: 'u2/1/x',
      })
      const [one, two] = await Promise.all([writer.revert(request()), writer.revert(second)])
      assert.deepEqual([one.state, two.state], ['Committed', 'NeedsHuman'])
      assert.match(two.because, /the host says conflict/)
      assert.equal(await repo.read('other.yaml'), other('app:2'))
    })
  })
})
