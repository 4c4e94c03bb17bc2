// Pushes to a real Git server over https whose transfers break: what was made is found, what was not is tried later,
// and nobody's silence is taken for a rule.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type HttpsHost, startHttpsHost } from '../https-host.fixture.ts'
import { openMirror } from '../repository/mirror.ts'
import type { Repository } from '../repository/repository.fixture.ts'
import { bad, commitCount, good, hook, request, withRepository } from './writer.fixture.ts'
import { createWriter, type Writer } from './writer.ts'

interface Scene {
  readonly repo: Repository
  readonly host: HttpsHost
  readonly writer: Writer
}

async function scene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-push-'))
  const token = join(directory, 'token')
  writeFileSync(token, 'ghp-CANARY0123456789', { mode: 0o600 })
  await withRepository(async (repo) => {
    const password = 'ghp-CANARY0123456789'
    await using host = await startHttpsHost(repo.repository, { user: 'x-access-token', password })
    await repo.commit({ 'a.yaml': good })
    await repo.commit({ 'a.yaml': bad })
    const mirror = openMirror({
      directory: repo.mirrorDirectory,
      url: host.url,
      branch: 'main',
      networkDeadlineMs: 1_500,
      credentials: { token, certificateAuthority: host.certificate },
    })
    const author = { name: 'Sluice', email: 'sluice@sluice.dev' }
    const spec = { include: ['**/*.yaml'], exclude: [], author }
    await work({ repo, host, writer: createWriter({ mirror, spec, now: () => 1_700_000_600_000 }) })
  })
  rmSync(directory, { recursive: true })
}

describe('a push over https', { concurrency: 2 }, () => {
  for (const mischief of ['busy', 'silence-after-push'] as const) {
    it(`to a host that is ${mischief} is made later`, async () => {
      await scene(async ({ repo, host, writer }) => {
        host.mischief = mischief
        const words = /^the host did not answer the push/
        await assert.rejects(writer.revert(request()), { reason: 'unreachable', message: words })
        assert.equal(await commitCount(repo), '2')
        host.mischief = null
        const result = await writer.revert(request())
        assert.equal(result.state, 'Committed', result.because)
      })
    })
  }

  it('that a hook refuses is for a person at once, in the words of the hook', async () => {
    await scene(async ({ repo, writer }) => {
      hook(repo, 'pre-receive', 'echo "error 503: this branch is frozen" >&2; exit 1')
      const result = await writer.revert(request())
      assert.equal(result.state, 'NeedsHuman')
      assert.match(result.because, /error 503: this branch is frozen/)
    })
  })
})
