// What the controller expects of Git, once for the real binary and for the graph of the simulation: the same
// commits give the same release, and the same revert ends the same way.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { OpenGit } from '../../controller/sync/sync.ts'
import type { SourceState } from '../../git/source/source.ts'
import { fileOf, path, type Scenario } from '../sim/scenario.ts'

export interface GitHostUnderTest extends AsyncDisposable {
  /** A person commits files; gives the commit. */
  commit(files: Readonly<Record<string, string>>): Promise<string>
  head(): Promise<string>
  fileAt(commit: string, path: string): Promise<string>
  readonly client: ReturnType<OpenGit>
}

export interface GitContract {
  readonly name: string
  readonly scenario: Scenario
  start(): Promise<GitHostUnderTest>
}

const release = ({ definitions }: SourceState) => definitions[0]?.revision

export function gitHostContract({ name, scenario, start }: GitContract): void {
  const [good, bad, next] = scenario.releases
  if (!good || !bad || !next) throw new Error('a scenario has three releases')
  const file = (image: string) => ({ [path]: fileOf(scenario.shape, image) })
  const request = (key: string, commits: { good: string; bad: string }) => ({
    rollout: { namespace: 'shop', name: 'checkout', uid: 'u1' },
    bad: { revision: bad.revision, commit: commits.bad },
    good: { revision: good.revision, commit: commits.good },
    because: 'it failed',
    evidenceText: '',
    key,
  })

  describe(name, () => {
    it('names the commit that last changed the value of a definition', async () => {
      await using host = await start()
      const first = await host.commit(file(good.image))
      await host.commit({ 'README.md': 'words\n' })
      const state = await host.client.source.refresh()
      assert.equal(release(state), good.revision)
      assert.equal(state.definitions[0]?.commit, first)
    })

    it('restores the good release with one commit, however often it is asked', async () => {
      await using host = await start()
      const commits = {
        good: await host.commit(file(good.image)),
        bad: await host.commit(file(bad.image)),
      }
      await host.client.source.refresh()
      const result = await host.client.writer.revert(request('u1/1/a', commits))
      const again = await host.client.writer.revert(request('u1/1/a', commits))
      assert.deepEqual([result.state, again.state], ['Committed', 'Committed'])
      assert.equal(again.commit, await host.head())
      assert.equal(await host.fileAt(await host.head(), path), file(good.image)[path])
      assert.equal(release(await host.client.source.refresh()), good.revision)
    })

    const rows = [
      { says: 'a newer release on the branch', after: next.image, state: 'Superseded' },
      { says: 'the good release on the branch', after: good.image, state: 'Nothing' },
    ] as const
    for (const { says, after, state } of rows) {
      it(`writes nothing over ${says}`, async () => {
        await using host = await start()
        const commits = {
          good: await host.commit(file(good.image)),
          bad: await host.commit(file(bad.image)),
        }
        const head = await host.commit(file(after))
        await host.client.source.refresh()
        const result = await host.client.writer.revert(request('u1/2/a', commits))
        assert.deepEqual([result.state, await host.head()], [state, head])
      })
    }

    it('says that a Rollout is gone from the branch', async () => {
      await using host = await start()
      const commits = {
        good: await host.commit(file(good.image)),
        bad: await host.commit(file(bad.image)),
      }
      await host.commit({ [path]: '# moved\n' })
      await host.client.source.refresh()
      const result = await host.client.writer.revert(request('u1/3/a', commits))
      assert.equal(result.state, 'Superseded')
    })
  })
}
