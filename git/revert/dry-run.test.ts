// What a revert would do, on real repositories that must stay as they are to the last object.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type Files, type Repository, rolloutText } from '../repository/repository.fixture.ts'
import { bad, good, open, request, withRepository } from '../write/writer.fixture.ts'
import { type Decision, dryRun } from './dry-run.ts'

const rollout = { namespace: 'shop', name: 'checkout' }
const path = 'shop/checkout.yaml'

const inventory = async (repo: Repository) => [
  readdirSync(repo.repository, { recursive: true }).sort().join('\n'),
  await repo.text(['for-each-ref']),
]

describe('a dry run', { concurrency: 3 }, () => {
  const rows: { name: string; after: Files[]; decision: Decision; because: RegExp }[] = [
    { name: 'of a bad release at the tip', after: [], decision: 'commit', because: /image/ },
    {
      name: 'with other changes since',
      after: [{ [path]: bad.replace('replicas: 3', 'replicas: 9') }, { 'b.yaml': 'a: b\n' }],
      decision: 'commit',
      because: /image/,
    },
    {
      name: 'of a file that has moved',
      after: [{ [path]: null, 'apps/checkout.yaml': bad }],
      decision: 'commit',
      because: /apps\/checkout\.yaml/,
    },
    {
      name: 'after a hotfix',
      after: [{ [path]: rolloutText({ image: 'app:3' }) }],
      decision: 'superseded',
      because: /third value/,
    },
    {
      name: 'of a Rollout that is gone',
      after: [{ [path]: null, 'b.yaml': 'a: b\n' }],
      decision: 'superseded',
      because: /no longer on branch main/,
    },
    {
      name: 'of a file that can not be read',
      after: [{ 'shop/checkout.yaml': bad.replace('spec:', 'spec:\n  replicas: 4') }],
      decision: 'needs-human',
      because:
        /shop\/checkout can not be read on branch main: shop\/checkout\.yaml:\d+ has the key "replicas" twice/,
    },
    {
      name: 'of what a person has restored',
      after: [{ [path]: good }],
      decision: 'nothing',
      because: /good release/,
    },
    {
      name: 'of a Rollout that is written twice',
      after: [{ 'b.yaml': bad }],
      decision: 'needs-human',
      because: /b\.yaml/,
    },
  ]
  for (const { name, after, decision, because } of rows) {
    it(`${name} says ${decision}`, async () => {
      await withRepository(async (repo) => {
        const goodCommit = await repo.commit({ [path]: good })
        const badCommit = await repo.commit({ [path]: bad })
        for (const files of after) await repo.commit(files)
        const before = await inventory(repo)
        const input = { repo: repo.repository, branch: 'main', rollout }
        const result = await dryRun({ ...input, bad: badCommit, good: goodCommit.slice(0, 12) })
        assert.equal(result.decision, decision, result.because)
        assert.match(result.because, because)
        assert.deepEqual(await inventory(repo), before)
        const tree = await repo.text(['rev-parse', 'main^{tree}'])
        assert.equal(result.tree === tree, decision !== 'commit')
        if (decision !== 'commit') return
        assert.match(result.diff, /^-.*image: app:2 # pinned$/m)
        assert.match(result.diff, /^\+.*image: app:1 # pinned$/m)
        const written = await open(repo).writer.revert(request())
        if (written.state !== 'Committed') return
        assert.equal(await repo.text(['rev-parse', 'main^{tree}']), result.tree)
        assert.deepEqual(
          (await repo.text(['diff', '--name-only', 'main^', 'main'])).split('\n'),
          result.paths,
        )
      })
    })
  }

  it('of a first release needs a person', async () => {
    await withRepository(async (repo) => {
      const empty = await repo.commit({ 'b.yaml': 'a: b\n' })
      const first = await repo.commit({ [path]: bad })
      const input = { repo: repo.repository, branch: 'main', rollout }
      const result = await dryRun({ ...input, bad: first, good: empty })
      assert.equal(result.decision, 'needs-human')
    })
  })

  it('of two commits with one release says that it differs elsewhere', async () => {
    await withRepository(async (repo) => {
      const first = await repo.commit({ 'a.yaml': good, 'values.yaml': 'tag: 1\n' })
      const second = await repo.commit({ 'values.yaml': 'tag: 2\n' })
      const input = { repo: repo.repository, branch: 'main', rollout }
      const shown = await dryRun({ ...input, bad: second, good: first })
      assert.equal(shown.decision, 'nothing')
      assert.match(shown.because, /both commits hold the same release .* values of Helm/)
    })
  })

  it('of names that are none says what is wrong', async () => {
    await withRepository(async (repo) => {
      const commits = [await repo.commit({ [path]: good }), await repo.commit({ [path]: bad })]
      const [first = '', second = ''] = commits
      const input = { repo: repo.repository, branch: 'main', rollout, bad: second, good: first }
      await assert.rejects(dryRun({ ...input, branch: 'absent' }), /has no branch absent/)
      await assert.rejects(dryRun({ ...input, bad: '--all' }), /has no commit --all/)
    })
  })
})
