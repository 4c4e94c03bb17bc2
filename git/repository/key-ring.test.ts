// OpenPGP keys as a Secret brings them, with the real gpg: those that sign, and those that can not.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { withRepository } from '../write/writer.fixture.ts'
import { buildCommits, type Signing } from './commit-builder.ts'
import { type Person, withPeople } from './key-ring.fixture.ts'
import { withKeyRing } from './key-ring.ts'
import type { Repository } from './repository.fixture.ts'

const noGpg =
  start('gpg', ['--version']).status === 0
    ? false
    : 'gpg is not installed: OpenPGP signatures are NOT tested here'
function start(program: string, args: readonly string[]) {
  return spawnSync(program, args, { encoding: 'utf8' })
}

const author = { name: 'Sluice', email: 'sluice@sluice.dev' }

interface Ring {
  readonly directory: string
  readonly signing: Extract<Signing, { kind: 'openpgp' }>
  readonly save: (text: string) => void
}

const withRing = (work: (ring: Ring, ada: Person, bob: Person) => Promise<void>, secret = '') =>
  withPeople(async ({ directory, newKey }) => {
    const keyFile = join(directory, 'key')
    const signing = { kind: 'openpgp', keyFile, keyRing: join(directory, 'ring') } as const
    const save = (text: string) => writeFileSync(keyFile, text)
    await work({ directory, signing, save }, newKey('ada', secret), newKey('bob'))
  })

async function commit(repo: Repository, signing: Signing): Promise<string> {
  const plan = { files: new Map([['a.yaml', { text: 'a: b\n' }]]), message: 'change\n' }
  const input = { parent: await repo.head(), plans: [plan], author, nowMs: 1_700_000_900_000 }
  const [id = ''] = await buildCommits(repo.run, { ...input, signing })
  return id
}

const verifies = (repo: Repository, id: string, { home }: Person) =>
  spawnSync('git', ['-C', repo.repository, 'verify-commit', id], {
    env: { ...process.env, GNUPGHOME: home },
    stdio: 'ignore',
  }).status === 0

describe('an OpenPGP key', { skip: noGpg, concurrency: 2 }, () => {
  it('signs a commit that git verifies, and the next key the next', async () => {
    await withRing(async ({ signing, save }, ada, bob) => {
      await withRepository(async (repo) => {
        save(ada.privateKey())
        const first = await commit(repo, signing)
        assert.ok(verifies(repo, first, ada))
        assert.equal(statSync(signing.keyRing).mode & 0o777, 0o700)
        save(bob.privateKey())
        const second = await commit(repo, signing)
        assert.deepEqual(
          [ada, bob].map((one) => verifies(repo, second, one)),
          [false, true],
        )
      })
    })
  })

  it('leaves no agent running that holds it', async () => {
    await withRing(async ({ signing, save }, ada) => {
      save(ada.privateKey())
      const fingerprint = await withKeyRing(signing, async (one) => one)
      assert.equal(fingerprint, ada.fingerprint)
      const args = ['--homedir', signing.keyRing, '--no-autostart', 'GETINFO pid', '/bye']
      const answer = start('gpg-connect-agent', args)
      assert.doesNotMatch(answer.stdout, /^D /m)
    })
  })

  const rows: {
    name: string
    words: RegExp
    passphrase?: string
    text: (ada: Person, bob: Person) => string
  }[] = [
    {
      name: 'with a passphrase',
      words: /has a passphrase, which nobody is there to give\. Export a key without one/,
      passphrase: 'CANARY',
      text: (ada) => ada.privateKey(),
    },
    {
      name: 'that is a public one',
      words: /holds a public key\. Export the private one/,
      text: (ada) => ada.publicKey(),
    },
    {
      name: 'that stands beside another',
      words: /holds 2 private keys\. Export one/,
      text: (ada, bob) => ada.privateKey() + bob.privateKey(),
    },
    { name: 'that is none', words: /holds no key/, text: () => 'ssh-ed25519 AAAA\n' },
    {
      name: 'that is cut off',
      words: /can not be used: gpg: /,
      text: (ada) =>
        ada.privateKey().replace(/\n\n([\s\S]{80})[\s\S]*?\n(=.*\n)?-----END/, '\n\n$1\n-----END'),
    },
  ]
  for (const { name, words, passphrase, text } of rows) {
    it(`${name} is refused with the remedy`, async () => {
      await withRing(async ({ signing, save }, ada, bob) => {
        save(text(ada, bob))
        await assert.rejects(
          withKeyRing(signing, () => assert.fail('signs')),
          { name: 'MirrorError', message: words },
        )
      }, passphrase)
    })
  }

  it('whose file is gone is refused, and whose ring is gone is imported again', async () => {
    await withRing(async ({ signing, save, directory }, ada) => {
      await assert.rejects(
        withKeyRing(signing, async () => ''),
        /its file can not be read/,
      )
      save(ada.privateKey())
      await withKeyRing(signing, async () => '')
      execFileSync('rm', ['-rf', signing.keyRing])
      mkdirSync(join(directory, 'other'))
      assert.equal(await withKeyRing(signing, async (one) => one), ada.fingerprint)
      assert.ok(existsSync(signing.keyRing))
    })
  })
})
