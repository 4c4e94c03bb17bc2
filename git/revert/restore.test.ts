import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rolloutText } from '../repository/repository.fixture.ts'
import { revision, withRepository } from '../write/writer.fixture.ts'
import { restore } from './restore.ts'

const rollout = { namespace: 'shop', name: 'checkout' }
const path = 'shop/checkout.yaml'
const [v1, v2, v3] = ['app:1', 'app:2', 'app:3'].map((image) => rolloutText({ image })) as [
  string,
  string,
  string,
]

describe('a release of the past', { concurrency: 3 }, () => {
  const rows = [
    { says: 'by a commit', at: (commits: string[]) => commits[1] ?? '', image: 'app:2' },
    { says: 'by a time', at: () => '2023-11-14T22:15:00Z', image: 'app:1' },
    { says: 'by its name', at: () => revision(v2).slice(0, 8), image: 'app:2' },
  ]
  for (const { says, at, image } of rows) {
    it(`is found ${says}, and comes back without what else was changed`, async () => {
      await withRepository(async (repo) => {
        const commits: string[] = []
        for (const text of [v1, v2, v3]) commits.push(await repo.commit({ [path]: text }))
        await repo.commit({ [path]: v3.replace('replicas: 3', 'replicas: 9'), 'other.txt': 'x' })
        const head = await repo.head()
        const input = { repo: repo.repository, branch: 'main', rollout, nowMs: 1_700_100_000_000 }
        const shown = await restore({ ...input, at: at(commits) })
        assert.equal(shown.decision, 'commit', shown.because)
        assert.deepEqual(shown.paths, [path])
        assert.match(shown.diff, new RegExp(`\\+.*image: ${image}`))
        assert.deepEqual([shown.branch, shown.commit], [null, null])
        assert.equal(await repo.text(['for-each-ref', '--format=%(refname)']), 'refs/heads/main')

        const made = await restore({ ...input, at: at(commits), write: true })
        assert.equal(await repo.head(made.branch ?? ''), made.commit)
        assert.equal(
          await repo.read(path, made.commit ?? ''),
          rolloutText({ image }).replace('replicas: 3', 'replicas: 9'),
        )
        assert.equal(await repo.read('other.txt', made.commit ?? ''), 'x')
        assert.equal(await repo.text(['rev-parse', `${made.commit}^`]), head)
        assert.equal(await repo.text(['rev-parse', `${made.commit}^{tree}`]), shown.tree)
        assert.equal(await repo.head(), head, 'the branch itself stays')
      })
    })
  }

  it('is what the branch asks for already, or needs a person', async () => {
    await withRepository(async (repo) => {
      const first = await repo.commit({ [path]: v1 })
      const input = { repo: repo.repository, branch: 'main', rollout, nowMs: 0 }
      assert.equal((await restore({ ...input, at: first })).decision, 'nothing')
      await repo.commit({ [path]: null, 'README.md': 'gone' })
      const gone = await restore({ ...input, at: first })
      assert.equal(gone.decision, 'needs-human')
      assert.match(gone.because, /git restore --source=[0-9a-f]{12} -- shop\/checkout\.yaml/)
      await assert.rejects(
        restore({ ...input, at: 'nothing-like-this' }),
        /no commit and no release/,
      )
      await assert.rejects(restore({ ...input, at: '--upload-pack=x' }), /no commit and no release/)
      await assert.rejects(restore({ ...input, at: '1999-01-01T00:00:00Z' }), /no commit before/)
      await assert.rejects(restore({ ...input, branch: 'other', at: first }), /no branch other/)
    })
  })
})
