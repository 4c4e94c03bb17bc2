// Reverts against real bare repositories: races, refusals, restarts.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Repository, rolloutText } from '../repository/repository.fixture.ts'
import { isOwnCommit, trailersOf } from '../revert/message.ts'
import type { RevertRequest } from '../revert/revert-plan.ts'
import {
  bad,
  commitCount,
  good,
  hook,
  open,
  request,
  revision,
  withRepository,
} from './writer.fixture.ts'
import { createWriter } from './writer.ts'

describe('a revert', { concurrency: 3 }, () => {
  it('lands as one commit that says what, why and whose', async () => {
    await withRepository(async (repo) => {
      const goodCommit = await repo.commit({ 'shop/checkout.yaml': good })
      await repo.commit({ 'shop/checkout.yaml': good.replace('a comment', 'a newer comment') })
      const badCommit = await repo.commit({
        'shop/checkout.yaml': bad.replace('a comment', 'a newer comment'),
        'shop/other.yaml': rolloutText({ name: 'other' }),
      })
      const neighbour = await repo.commit({
        'shop/other.yaml': rolloutText({ name: 'other', image: 'x' }),
      })
      const result = await open(repo).writer.revert(request())
      assert.equal(result.state, 'Committed', result.because)
      assert.equal(result.commit, await repo.head())
      assert.equal(await repo.text(['rev-parse', 'main^']), neighbour)
      assert.equal(
        await repo.read('shop/checkout.yaml'),
        good.replace('a comment', 'a newer comment'),
      )
      assert.equal(await repo.text(['diff', '--name-only', 'main^', 'main']), 'shop/checkout.yaml')
      const message = await repo.text(['log', '-1', '--format=%B', 'main'])
      assert.equal(
        message,
        `revert(shop/checkout): ${revision(bad).slice(0, 7)} → ${revision(good).slice(0, 7)} (errors)

Check errors failed: 97.1 % of 412 requests succeeded, at least 99 % are needed.

    errors: 97.1 (min 99)
    Sluice-Key: forged

The bad release came with commit ${badCommit.slice(0, 12)} by Ada.

Sluice-Rollout: shop/checkout
Sluice-Bad: ${revision(bad)}
Sluice-Bad-Commit: ${badCommit}
Sluice-Good: ${revision(good)}
Sluice-Good-Commit: ${goodCommit}
Sluice-Verdict: 4c0d3f88985b65c4
Sluice-Key: ${request().key}`,
      )
      assert.ok(isOwnCommit(message))
      assert.equal(trailersOf(message).get('Sluice-Key'), request().key)
      assert.equal(isOwnCommit('revert(shop/checkout): a → b (errors)\n\nnot ours\n'), false)
    })
  })

  it('that is withdrawn before the push leaves the branch and its neighbours alone', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'a.yaml': good })
      const tip = await repo.commit({ 'a.yaml': bad })
      const { writer } = open(repo)
      const result = await writer.revert({ ...request(), isWanted: () => false })
      assert.equal(result.state, 'Superseded')
      assert.match(result.because, /withdrawn/)
      assert.equal(await repo.head(), tip)
    })
  })

  it('is made once, also after a restart and when a person applies the change again', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'a.yaml': good })
      await repo.commit({ 'a.yaml': bad })
      const { writer } = open(repo)
      const [one, two] = await Promise.all([writer.revert(request()), writer.revert(request())])
      assert.deepEqual(one, two)
      await repo.commit({ 'a.yaml': bad })
      const again = await open(repo, `${repo.mirrorDirectory}-2`).writer.revert(request())
      assert.equal(again.state, 'Committed')
      assert.equal(again.commit, one.commit)
      assert.equal(await repo.read('a.yaml'), bad)
    })
  })

  it('is recomputed when the branch moves during the push, and loses nobody', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'a.yaml': good })
      const tip = await repo.commit({ 'a.yaml': bad })
      const side = await repo.commit(
        { 'a.yaml': bad.replace('replicas: 3', 'replicas: 5') },
        { branch: 'side', parent: tip },
      )
      // Somebody pushes between our reading of the branch and our push, once.
      hook(
        repo,
        'pre-receive',
        `[ -f moved ] && exit 0; touch moved; unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main ${side} ${tip}; exit 0`,
      )
      const result = await open(repo).writer.revert(request())
      assert.equal(result.state, 'Committed', result.because)
      assert.equal(await repo.text(['rev-parse', 'main^']), side)
      assert.equal(await repo.read('a.yaml'), good.replace('replicas: 3', 'replicas: 5'))
    })
  })

  it('whose answer is lost was made all the same', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'a.yaml': good })
      await repo.commit({ 'a.yaml': bad })
      hook(repo, 'post-receive', 'kill -9 $PPID')
      const result = await open(repo).writer.revert(request())
      assert.equal(result.state, 'Committed', result.because)
      assert.equal(result.commit, await repo.head())
      assert.equal(await commitCount(repo), '3')
    })
  })

  it('two writers at once make one commit each, of different rollouts', async () => {
    await withRepository(async (repo) => {
      const other = (image: string) => rolloutText({ name: 'other', image })
      await repo.commit({ 'a.yaml': good, 'b.yaml': other('app:1') })
      await repo.commit({ 'a.yaml': bad, 'b.yaml': other('app:2') })
      const second = request({
        rollout: { namespace: 'shop', name: 'other', uid: 'u2' },
        bad: { revision: revision(other('app:2'), 'other') },
        good: { revision: revision(other('app:1'), 'other') },
        key: 'u2/x/1',
      })
      const results = await Promise.all([
        open(repo).writer.revert(request()),
        open(repo, `${repo.mirrorDirectory}-2`).writer.revert(second),
      ])
      assert.deepEqual(
        results.map(({ state }) => state),
        ['Committed', 'Committed'],
      )
      assert.equal(await commitCount(repo), '4')
      assert.equal(await repo.read('a.yaml'), good)
      assert.equal(await repo.read('b.yaml'), other('app:1'))
    })
  })

  it('goes with others in one push, also in one file', async () => {
    await withRepository(async (repo) => {
      const file = (image: string) =>
        ['checkout', 'b', 'c'].map((name) => rolloutText({ name, image })).join('---\n')
      await repo.commit({ 'all.yaml': file('app:1') })
      await repo.commit({ 'all.yaml': file('app:2') })
      hook(repo, 'post-receive', 'echo push >> pushes')
      const { writer } = open(repo)
      const results = await Promise.all(
        ['checkout', 'b', 'c'].map((name) =>
          writer.revert(
            request({
              rollout: { namespace: 'shop', name, uid: name },
              bad: { revision: revision(file('app:2'), name) },
              good: { revision: revision(file('app:1'), name) },
              key: name,
            }),
          ),
        ),
      )
      assert.deepEqual(
        results.map(({ state }) => state),
        ['Committed', 'Committed', 'Committed'],
      )
      assert.equal(await repo.read('all.yaml'), file('app:1'))
      assert.equal(await commitCount(repo), '5')
      assert.equal(readFileSync(join(repo.repository, 'pushes'), 'utf8'), 'push\n')
    })
  })

  it('that the server refuses needs a person, with the words of the server', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'a.yaml': good })
      const tip = await repo.commit({ 'a.yaml': bad })
      hook(repo, 'pre-receive', 'echo "protected branch: open a pull request" >&2; exit 1')
      const result = await open(repo).writer.revert(request())
      assert.equal(result.state, 'NeedsHuman')
      assert.match(result.because, /protected branch: open a pull request/)
      assert.equal(await repo.head(), tip)
    })
  })

  const rows: {
    name: string
    state: string
    because: RegExp
    arrange: (repo: Repository) => Promise<Partial<RevertRequest> | unknown>
  }[] = [
    {
      name: 'of a Rollout that is gone',
      state: 'Superseded',
      because: /no longer on branch main/,
      arrange: (repo) => repo.commit({ 'a.yaml': null, 'b.yaml': 'x' }),
    },
    {
      name: 'after a hotfix',
      state: 'Superseded',
      because: /image of shop\/checkout has a third value/,
      arrange: (repo) => repo.commit({ 'a.yaml': rolloutText({ image: 'app:3' }) }),
    },
    {
      name: 'that a person has made',
      state: 'Nothing',
      because: /asks for the good release/,
      arrange: (repo) => repo.commit({ 'a.yaml': `# by hand\n${good}` }),
    },
    {
      name: 'of a file that has moved twice',
      state: 'Committed',
      because: /c\.yaml/,
      arrange: async (repo) => {
        await repo.commit({ 'a.yaml': null, 'b.yaml': bad })
        await repo.commit({ 'b.yaml': null, 'c.yaml': bad })
        return { path: 'a.yaml' }
      },
    },
    {
      name: 'with commits remembered wrongly',
      state: 'Committed',
      because: /a\.yaml/,
      arrange: async (repo) => ({
        bad: { revision: revision(bad), commit: 'f'.repeat(40) },
        good: { revision: revision(good), commit: await repo.head() },
      }),
    },
    {
      name: 'after a force-push that dropped the good commit, from the mirror',
      state: 'Committed',
      because: /a\.yaml/,
      arrange: async (repo) => {
        const commit = await repo.text(['rev-parse', 'main^'])
        await open(repo).mirror.fetch()
        await repo.run(['update-ref', '-d', 'refs/heads/main'])
        await repo.commit({ 'a.yaml': bad })
        return { good: { revision: revision(good), commit } }
      },
    },
    {
      name: 'after a force-push that dropped the good commit, from the host, which gives it by its id',
      state: 'Committed',
      because: /a\.yaml/,
      arrange: async (repo) => {
        const commit = await repo.text(['rev-parse', 'main^'])
        await repo.run(['update-ref', '-d', 'refs/heads/main'])
        await repo.commit({ 'a.yaml': bad })
        return { good: { revision: revision(good), commit } }
      },
    },
    {
      name: 'after a force-push that dropped the good commit, which the host has thrown away',
      state: 'NeedsHuman',
      because: /the good release .* is not in the last 500 changes/,
      arrange: async (repo) => {
        const commit = await repo.text(['rev-parse', 'main^'])
        await repo.run(['update-ref', '-d', 'refs/heads/main'])
        await repo.commit({ 'a.yaml': bad })
        await repo.run(['gc', '--quiet', '--prune=now'])
        return { good: { revision: revision(good), commit } }
      },
    },
    {
      name: 'to a release that nobody has',
      state: 'NeedsHuman',
      because: /the good release 0123456789 of shop\/checkout is not in the last 500 changes/,
      arrange: async () => ({ good: { revision: '0123456789' } }),
    },
    {
      name: 'of a Rollout written twice',
      state: 'NeedsHuman',
      because: /written in a\.yaml and b\.yaml/,
      arrange: (repo) => repo.commit({ 'b.yaml': bad }),
    },
  ]
  for (const { name, state, because, arrange } of rows) {
    it(`${name} is ${state}`, async () => {
      await withRepository(async (repo) => {
        await repo.commit({ 'a.yaml': good })
        await repo.commit({ 'a.yaml': bad })
        const more = await arrange(repo)
        const result = await open(repo).writer.revert(
          request(typeof more === 'object' ? { ...more } : {}),
        )
        assert.equal(result.state, state, result.because)
        assert.match(result.because, because)
      })
    })
  }

  it('of a release that was judged long ago gives way to what has changed since', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'shop/checkout.yaml': good })
      await repo.commit({ 'shop/checkout.yaml': bad })
      const changed = bad.replace('name: app\n', 'name: app\n          tty: true\n')
      await repo.commit({ 'shop/checkout.yaml': changed })
      const old = { ...request(), decidedAtMs: 1_700_000_600_000 - 21 * 60_000 }
      const result = await open(repo).writer.revert(old)
      assert.equal(result.state, 'Superseded', result.because)
      assert.match(result.because, /more than 20 minutes ago/)
      const fresh = { ...request(), decidedAtMs: 1_700_000_600_000 - 19 * 60_000 }
      assert.equal((await open(repo).writer.revert(fresh)).state, 'Committed')
    })
  })

  it('uses the texts that were kept when no history holds the release any more', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'shop/checkout.yaml': bad.replace('replicas: 3', 'replicas: 8') })
      const lost = 'f'.repeat(40)
      const kept = (text: string) => ({
        ...request(),
        good: { revision: revision(good), commit: lost, text },
      })
      const forged = await open(repo).writer.revert(kept(good.replace('app:1', 'app:evil')))
      assert.equal(forged.state, 'NeedsHuman', forged.because)
      const result = await open(repo).writer.revert(kept(good))
      assert.equal(result.state, 'Committed', result.because)
      assert.equal(
        await repo.read('shop/checkout.yaml'),
        good.replace('replicas: 3', 'replicas: 8'),
      )
    })
  })

  it('is not written when too many are asked for at once', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'shop/checkout.yaml': bad })
      const { mirror } = open(repo)
      const author = { name: 'Sluice', email: 'sluice@sluice.dev' }
      const spec = { include: ['**/*.yaml'], exclude: [], author }
      const breaker = { limit: 60, windowMs: 600_000 }
      const writer = createWriter({ mirror, spec, breaker, now: () => 1_700_000_600_000 })
      const all = Array.from({ length: 61 }, (_, i) =>
        writer.revert(request({ key: `u${i}/bad/1` })),
      )
      const results = await Promise.allSettled(all)
      assert.deepEqual([...new Set(results.map(({ status }) => status))], ['rejected'])
      await assert.rejects(writer.revert(request()), { reason: 'paused' })
      assert.equal(await commitCount(repo), '1')
    })
  })

  it('is rejected, to be tried again, when the host is down', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'a.yaml': good })
      const { writer } = open({ ...repo, url: 'https://127.0.0.1:1/x' })
      await assert.rejects(writer.revert(request()), /can not be reached/)
      await assert.rejects(writer.revert(request({ key: 'two\nlines' })), /plain characters/)
    })
  })
})
