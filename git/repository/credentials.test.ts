// Secrets in files against a real Git server over https: they arrive, and are seen nowhere else.
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type HttpsHost, type Mischief, startHttpsHost } from '../https-host.fixture.ts'
import { bad, good, request, withRepository } from '../write/writer.fixture.ts'
import { createWriter } from '../write/writer.ts'
import { type CredentialFiles, credentialEnvironment, withoutSecrets } from './credentials.ts'
import { openMirror } from './mirror.ts'
import type { Repository } from './repository.fixture.ts'

const canary = 'CANARY/secret+with=odd%chars'

interface Scene {
  readonly repo: Repository
  readonly host: HttpsHost
  readonly directory: string
  readonly mirror: (files?: CredentialFiles) => ReturnType<typeof openMirror>
}

async function withHost(user: string, work: (scene: Scene) => Promise<void>): Promise<void> {
  await withRepository(async (repo) => {
    await using host = await startHttpsHost(repo.repository, { user, password: canary })
    const directory = mkdtempSync(join(tmpdir(), 'sluice-secret-'))
    try {
      writeFileSync(join(directory, 'token'), `${canary}\n`)
      const mirror = (files: CredentialFiles = { token: join(directory, 'token') }) =>
        openMirror({
          directory: repo.mirrorDirectory,
          url: host.url,
          branch: 'main',
          networkDeadlineMs: 4_000,
          credentials: { certificateAuthority: host.certificate, ...files },
        })
      await work({ repo, host, directory, mirror })
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
}

const formsOf = (secret: string) => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('hex'),
  Buffer.from(`x-access-token:${secret}`).toString('base64'),
  Buffer.from(`ada:${secret}`).toString('base64'),
  Buffer.from(`adam:${secret}`).toString('base64'),
]

async function rejection(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail('is accepted'),
    (reason: unknown) => reason,
  )
  const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)
  for (const form of formsOf(canary)) assert.ok(!shown.includes(form), `shows ${form}`)
  return error instanceof Error ? error.message : shown
}

describe('a Git server that asks for a password', { concurrency: 3 }, () => {
  it('gets a token, or a name and a password, from files', async () => {
    await withHost('x-access-token', async ({ repo, host, mirror }) => {
      const commit = await repo.commit({ 'a.yaml': 'a: b\n' })
      assert.equal((await mirror().fetch()).head, commit)
      assert.deepEqual([...host.seen], [`x-access-token:${canary}`])
    })
    await withHost('ada', async ({ repo, directory, mirror }) => {
      const commit = await repo.commit({ 'a.yaml': 'a: b\n' })
      writeFileSync(join(directory, 'name'), 'ada')
      const files = { username: join(directory, 'name'), password: join(directory, 'token') }
      assert.equal((await mirror(files).fetch()).head, commit)
    })
  })

  it('takes a revert, also when its answer to an accepted push is an error', async () => {
    await withHost('x-access-token', async ({ repo, host, mirror }) => {
      await repo.commit({ 'shop/checkout.yaml': good })
      await repo.commit({ 'shop/checkout.yaml': bad })
      host.mischief = 'error-after-push'
      const author = { name: 'Sluice', email: 'sluice@sluice.dev' }
      const spec = { include: ['**/*.yaml'], exclude: [], author }
      const writer = createWriter({ mirror: mirror(), spec, now: () => 1_700_000_600_000 })
      const result = await writer.revert(request())
      assert.equal(result.state, 'Committed', result.because)
      assert.equal(await repo.head(), result.commit)
      assert.equal(await repo.text(['rev-list', '--count', 'main']), '3')
    })
  })

  const rows: { mischief: Mischief; words: RegExp }[] = [
    { mischief: 'echo', words: /403|refused/ },
    { mischief: 'redirect', words: /302|redirect/ },
    { mischief: 'break-off', words: /can not be read|reached/ },
    { mischief: 'silence', words: /did not answer before the deadline/ },
  ]
  for (const { mischief, words } of rows) {
    it(`is told from one that works: ${mischief}`, async () => {
      await withHost('x-access-token', async ({ repo, host, mirror }) => {
        await repo.commit({ 'a.yaml': 'a: b\n' })
        host.mischief = mischief
        assert.match(await rejection(mirror().fetch()), words)
      })
    })
  }

  it('is named when the password is wrong or missing', async () => {
    await withHost('somebody-else', async ({ repo, mirror, directory }) => {
      await repo.commit({ 'a.yaml': 'a: b\n' })
      assert.match(await rejection(mirror().fetch()), /refused the credentials/)
      assert.match(await rejection(mirror({}).fetch()), /refused the credentials/)
      const files = { token: join(directory, 'absent') }
      assert.match(await rejection(mirror(files).fetch()), /refused the credentials/)
    })
  })
})

describe('secrets', () => {
  it('are removed from words in every form in which programs repeat them', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-secret-'))
    const file = join(directory, 'token')
    writeFileSync(file, `${canary}\n`)
    for (const form of formsOf(canary)) {
      assert.ok(!withoutSecrets(`before ${form} behind`, [file]).includes(form.slice(-20)), form)
    }
    assert.equal(withoutSecrets('nothing here', [file, '/absent']), 'nothing here')
    rmSync(directory, { recursive: true })
  })

  it('are in no variable and in no script', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-secret-'))
    const file = join(directory, 'token')
    writeFileSync(file, canary)
    const environment = credentialEnvironment({ token: file }, directory)
    assert.ok(!JSON.stringify(environment).includes(canary))
    assert.ok(!readFileSync(join(directory, 'askpass'), 'utf8').includes(canary))
    rmSync(directory, { recursive: true })
  })

  it('of ssh need known hosts, and trust no others', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-secret-'))
    chmodSync(directory, 0o700)
    const key = { sshPrivateKey: "/keys/it's mine" }
    assert.throws(() => credentialEnvironment(key, directory), /known_hosts/)
    const { GIT_SSH_COMMAND: command = '' } = credentialEnvironment(
      { ...key, knownHosts: '/keys/known' },
      directory,
    )
    assert.match(command, /-i '\/keys\/it'\\''s mine'/)
    assert.match(command, /StrictHostKeyChecking=yes/)
    assert.match(command, /UserKnownHostsFile=\/keys\/known/)
    rmSync(directory, { recursive: true })
  })
})
