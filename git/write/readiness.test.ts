// The write path of a repository, broken in one way after another: each is named with its remedy.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { GitHost } from '../hosts/host.ts'
import { HostError } from '../hosts/http.ts'
import { openMirror } from '../repository/mirror.ts'
import type { Repository } from '../repository/repository.fixture.ts'
import { checkWritePath, type ReadinessOptions, type ReadinessStep } from './readiness.ts'
import { hook, withRepository } from './writer.fixture.ts'

const author = { name: 'Sluice', email: 'sluice@sluice.dev' }
const check = (repo: Repository, more: Partial<ReadinessOptions> = {}) => {
  const mirror = openMirror({ directory: repo.mirrorDirectory, url: repo.url, branch: 'main' })
  return checkWritePath({ mirror, author, nowMs: 1_700_000_600_000, ...more })
}
const hostThat = (error: Error | null): GitHost => ({
  find: async () => {
    if (error) throw error
    return null
  },
  propose: () => assert.fail('opens nothing'),
  report: () => assert.fail('reports nothing'),
})

describe('revert readiness', { concurrency: 3 }, () => {
  it('is proven without a trace in the repository', async () => {
    await withRepository(async (repo) => {
      await repo.commit({ 'a.yaml': 'a: b\n' })
      const refs = await repo.text(['for-each-ref'])
      assert.deepEqual(await check(repo, { host: hostThat(null) }), { isReady: true })
      assert.equal(await repo.text(['for-each-ref']), refs)
    })
  })

  it('is proven over what a run that was cut off left behind', async () => {
    await withRepository(async (repo) => {
      const commit = await repo.commit({ 'a.yaml': 'a: b\n' })
      await repo.run(['update-ref', 'refs/sluice/readiness', commit])
      assert.deepEqual(await check(repo), { isReady: true })
    })
  })

  const refused = new HostError('the host answered 403', {
    reason: 'refused',
    status: 403,
    retryAfterMs: null,
  })
  const rows: {
    name: string
    step: ReadinessStep
    words: RegExp
    arrange: (repo: Repository) => Partial<ReadinessOptions>
  }[] = [
    {
      name: 'a repository that is gone',
      step: 'read',
      words: /no repository at this URL.*Check spec\.repository/,
      arrange: (repo) => {
        rmSync(repo.repository, { recursive: true })
        return {}
      },
    },
    {
      name: 'a key that is gone',
      step: 'sign',
      words: /Check ssh-signingkey/,
      arrange: () => ({ signing: { kind: 'ssh', keyFile: '/absent/key' } }),
    },
    {
      name: 'an OpenPGP key that is gone',
      step: 'sign',
      words: /openpgp-signingkey can not be used: its file can not be read.*or openpgp-signingkey/,
      arrange: (repo) => {
        const keyRing = join(repo.mirrorDirectory, 'ring')
        return { signing: { kind: 'openpgp', keyFile: '/absent/key', keyRing } }
      },
    },
    {
      name: 'commits that the readers would not accept',
      step: 'sign',
      words: /is not signed.*among the allowed signers/,
      arrange: (repo) => {
        const allowedSignersFile = join(repo.repository, 'allowed')
        writeFileSync(allowedSignersFile, '')
        return { signatures: { require: 'head', allowedSignersFile } }
      },
    },
    {
      name: 'a server that refuses to write',
      step: 'push',
      words: /read-only.*right to write/,
      arrange: (repo) => {
        hook(repo, 'pre-receive', 'echo "read-only" >&2; exit 1')
        return {}
      },
    },
    {
      name: 'a server that refuses to delete',
      step: 'delete',
      words: /keep it.*right to delete/,
      arrange: (repo) => {
        hook(repo, 'update', 'case "$3" in 0000*) echo "keep it" >&2; exit 1;; esac')
        return {}
      },
    },
    {
      name: 'a host that refuses the token',
      step: 'host',
      words: /answered 403.*Check spec\.host/,
      arrange: () => ({ host: hostThat(refused) }),
    },
  ]
  for (const { name, step, words, arrange } of rows) {
    it(`is missing with ${name}`, async () => {
      await withRepository(async (repo) => {
        await repo.commit({ 'a.yaml': 'a: b\n' })
        const result = await check(repo, arrange(repo))
        assert.ok(!result.isReady)
        assert.equal(result.step, step, result.because)
        assert.match(result.because, words)
      })
    })
  }
})
