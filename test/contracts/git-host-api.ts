// What every host of repositories must do for a revert: the same tests for each kind, against servers that speak
// their APIs.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { inspect } from 'node:util'
import type { GitHost, HostKind } from '../../git/hosts/host.ts'
import { HostError } from '../../git/hosts/http.ts'
import { openHost } from '../../git/hosts/open.ts'
import { openMirror } from '../../git/repository/mirror.ts'
import { bad, good, request, withRepository } from '../../git/write/writer.fixture.ts'
import { createWriter } from '../../git/write/writer.ts'
import type { HostServer } from '../doubles/git-hosts/server.ts'

export const canary = 'glpat-CANARY0123456789'
export const project = 'shop/environments'

const commit = 'c'.repeat(40)
const proposal = {
  branch: 'sluice/revert/shop.checkout/0123456',
  base: 'main',
  title: 'revert(shop/checkout): 0123456 → 89abcde (errors)',
  body: 'Check errors failed.',
  commit,
  autoMerge: true,
}

export function gitHostApiContract(options: {
  kind: HostKind
  start(): Promise<HostServer>
  /** What the host calls a status that failed. */
  failed: string
  /** Whether it makes a commit only while the branch has the head that is expected. */
  comparesHead: boolean
}): void {
  describe(`${options.kind} as a host of repositories`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-host-'))
    const tokenFile = join(directory, 'token')
    let server: HostServer
    let host: GitHost

    before(async () => {
      server = await options.start()
      host = open(server.api)
    })
    beforeEach(() => {
      writeFileSync(tokenFile, `${canary}\n`)
      server.store.pulls.length = 0
      server.store.statuses.length = 0
      server.store.branches.set(proposal.branch, commit)
      server.store.allowsAutoMerge = true
    })
    after(async () => {
      await server.close()
      rmSync(directory, { recursive: true })
    })

    const open = (api: string) =>
      openHost({
        kind: options.kind,
        repository: `https://git.example.com/${project}.git`,
        api,
        tokenFile,
        timeoutMs: 2_000,
      })

    it('opens a pull request, with auto-merge of this commit only', async () => {
      const pull = await host.propose(proposal)
      assert.deepEqual([pull.number, pull.state, pull.commit], [1, 'open', commit])
      assert.match(pull.url, /^https:\/\/.*shop\/environments.*\/1$/)
      const [stored] = server.store.pulls
      assert.equal(stored?.title, proposal.title)
      assert.equal(stored?.autoMerge, commit)
    })

    it('adopts and updates the one that is open', async () => {
      await host.propose(proposal)
      const pull = await host.propose({ ...proposal, title: 'newer', autoMerge: false })
      assert.equal(pull.number, 1)
      assert.deepEqual(
        server.store.pulls.map(({ title }) => title),
        ['newer'],
      )
    })

    it('does without auto-merge where it is not offered', async () => {
      server.store.allowsAutoMerge = false
      assert.equal((await host.propose(proposal)).state, 'open')
      assert.equal(server.store.pulls[0]?.autoMerge, null)
    })

    for (const state of ['merged', 'closed'] as const) {
      it(`finds one that was ${state}, and tells it from others`, async () => {
        assert.equal(await host.find(proposal), null)
        await host.propose(proposal)
        const [pull] = server.store.pulls
        if (pull) pull.state = state
        assert.equal((await host.find(proposal))?.state, state)
        assert.equal(await host.find({ ...proposal, branch: 'other' }), null)
        assert.equal(await host.find({ ...proposal, base: 'other' }), null)
      })
    }

    it('believes what is there when the answer to an accepted request is an error', async () => {
      server.failNext({ method: 'POST', status: 500, afterAccepting: true })
      const pull = await host.propose({ ...proposal, autoMerge: false })
      assert.equal(pull.number, 1)
      assert.equal(server.store.pulls.length, 1)
    })

    it('offers commits on the head that is expected, and only where it compares that', () => {
      assert.equal(host.commit !== undefined, options.comparesHead)
    })

    it(`${options.comparesHead ? 'makes' : 'leaves to us'} a commit on the head that is expected`, async () => {
      if (!host.commit) return commitIsOurs(host, server)
      const files = new Map([['shop/ü.yaml', 'a: ü\n']])
      const more = { branch: proposal.branch, message: 'revert: a\n\nbody\n', files }
      const id = await host.commit({ ...more, expected: commit })
      assert.equal(server.store.branches.get(proposal.branch), id)
      const error = await failure(host.commit({ ...more, expected: commit }))
      assert.match(error.message, /made no commit: Expected branch to point to/)
      assert.equal(server.store.branches.get(proposal.branch), id)
    })

    it('reports a state beside a commit, cut to what the host takes', async () => {
      const description = 'The canary failed. '.repeat(30)
      await host.report({ commit, state: 'failure', description, context: 'sluice/shop.checkout' })
      const [status] = server.store.statuses
      assert.deepEqual(
        [status?.commit, status?.state, status?.context],
        [commit, options.failed, 'sluice/shop.checkout'],
      )
      assert.ok(description.startsWith(status?.description ?? '-'))
    })

    const rows = [
      { status: 401, reason: 'refused', words: /check that the token is valid/ },
      { status: 403, reason: 'refused', words: /may do this/ },
      { status: 403, headers: { 'retry-after': '7' }, reason: 'later', words: /too many/ },
      { status: 404, reason: 'missing', words: /check the repository URL/ },
      { status: 409, reason: 'conflict', words: /does not accept/ },
      { status: 422, reason: 'conflict', words: /does not accept/ },
      { status: 429, headers: { 'retry-after': '7' }, reason: 'later', words: /too many/ },
      { status: 500, reason: 'later', words: /trying again later/ },
      {
        status: 302,
        headers: { location: 'http://127.0.0.1:9/' },
        reason: 'conflict',
        words: /redirects/,
      },
    ]
    for (const { status, headers, reason, words } of rows) {
      it(`says what to do about ${status}${headers ? ` with ${Object.keys(headers)}` : ''}`, async () => {
        server.failNext({ method: 'POST', status, ...(headers ? { headers } : {}) })
        const error = await failure(host.propose(proposal))
        assert.equal(error.reason, reason)
        assert.equal(error.status, status)
        assert.equal(error.retryAfterMs, headers && 'retry-after' in headers ? 7_000 : null)
        assert.match(error.message, words)
        assert.deepEqual(server.store.pulls, [])
      })
    }

    it('says what to do about a token that is wrong, missing or none', async () => {
      for (const token of ['wrong', '', 'two\nlines', '\u0000']) {
        writeFileSync(tokenFile, token)
        assert.equal((await failure(host.find(proposal))).reason, 'refused')
      }
    })

    it('says what to do about a host that is down, or is none of its kind', async () => {
      const down = await failure(open('http://127.0.0.1:1').find(proposal))
      assert.deepEqual([down.reason, down.status], ['later', null])
      const other = await failure(open(new URL('/elsewhere', server.api).href).find(proposal))
      assert.equal(other.reason, 'missing')
    })

    it('never puts the token into an address', () => {
      assert.ok(server.seen.length > 0)
      assert.ok(!server.seen.join('\n').includes(canary))
    })
  })
}

/** The writer makes the commit itself, and pushes it only as a fast-forward; the host is asked for nothing. */
async function commitIsOurs(host: GitHost, { seen }: HostServer): Promise<void> {
  await withRepository(async (repo) => {
    await repo.commit({ 'a.yaml': good })
    await repo.commit({ 'a.yaml': bad })
    const mirror = openMirror({ directory: repo.mirrorDirectory, url: repo.url, branch: 'main' })
    const author = { name: 'Sluice', email: 'sluice@sluice.dev' }
    const spec = { include: ['**/*.yaml'], exclude: [], author }
    const options = { mirror, spec, host, isByHost: true, now: () => 1_700_000_600_000 }
    const count = seen.length
    const result = await createWriter(options).revert(request())
    assert.deepEqual([result.state, seen.length - count], ['Committed', 0], result.because)
    assert.equal(await repo.head(), result.commit)
    const by = await repo.text(['log', '-1', '--format=%an <%ae>', 'main'])
    assert.equal(by, 'Sluice <sluice@sluice.dev>')
    assert.equal(await repo.read('a.yaml'), good)
  })
}

/** Whatever can be seen of an error must not hold the token. */
async function failure(work: Promise<unknown>): Promise<HostError> {
  const error = await work.then(
    () => assert.fail('is accepted'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof HostError, inspect(error))
  const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error) + error.stack
  for (const secret of [canary, Buffer.from(canary).toString('base64')]) {
    assert.ok(!shown.includes(secret), 'the error shows the token')
  }
  return error
}
