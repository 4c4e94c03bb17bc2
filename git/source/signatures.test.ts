// Commits signed by keys that may and that may not, by SSH and OpenPGP, against real repositories.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { buildCommits, type Signing } from '../repository/commit-builder.ts'
import { type Person, withPeople } from '../repository/key-ring.fixture.ts'
import { openMirror } from '../repository/mirror.ts'
import { type Files, type Repository, rolloutText } from '../repository/repository.fixture.ts'
import { bad, good, request, withRepository } from '../write/writer.fixture.ts'
import { createWriter } from '../write/writer.ts'
import type { SignaturePolicy } from './signatures.ts'
import { createSource } from './source.ts'

const author = { name: 'Sluice', email: 'sluice@sluice.dev' }
// Some of these programs know no --version: only one that can not be started is missing.
const has = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).pid > 0

const run = (program: string, args: readonly string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

interface Scene {
  readonly repo: Repository
  readonly directory: string
  readonly signed: (files: Files, signing: Signing) => Promise<string>
  readonly source: (
    signatures: SignaturePolicy,
    acceptedCommit?: string,
  ) => ReturnType<typeof createSource>
}

async function scene(work: (scene: Scene) => Promise<void>): Promise<void> {
  await withRepository(async (repo) => {
    const directory = mkdtempSync(join(tmpdir(), 'sl-'))
    const signed = async (files: Files, signing: Signing) => {
      const plan = {
        files: new Map(Object.entries(files).map(([path, text]) => [path, { text }])),
        message: 'change\n',
      }
      const parent = await repo.head()
      const input = { parent, plans: [plan], author, nowMs: 1_700_000_900_000, signing }
      const [id = ''] = await buildCommits(repo.run, input)
      await repo.run(['update-ref', 'refs/heads/main', id])
      return id
    }
    const spec = { repository: repo.url, branch: 'main', include: ['**/*.yaml'], exclude: [] }
    const common = { spec, namespace: 'shop', directory: repo.mirrorDirectory }
    const source: Scene['source'] = (signatures, acceptedCommit) =>
      createSource({ ...common, signatures, acceptedCommit })
    try {
      await work({ repo, directory, signed, source })
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
}

function sshKey(directory: string, name: string): Signing & { readonly publicKey: string } {
  const keyFile = join(directory, name)
  run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', keyFile])
  return { kind: 'ssh', keyFile, publicKey: readFileSync(`${keyFile}.pub`, 'utf8').trim() }
}

const text = (image: string) => ({ 'a.yaml': rolloutText({ image }) })
const noSsh = has('ssh-keygen') ? false : 'ssh-keygen is not installed'

describe('signatures', { skip: noSsh, concurrency: 2 }, () => {
  const withSigners = (work: (scene: Scene & Keys) => Promise<void>) =>
    scene(async (all) => {
      const [known, other] = [sshKey(all.directory, 'known'), sshKey(all.directory, 'other')]
      const allowedSignersFile = join(all.directory, 'allowed')
      writeFileSync(allowedSignersFile, `ada@example.com namespaces="git" ${known.publicKey}\n`)
      await work({ ...all, known, other, allowedSignersFile })
    })
  interface Keys {
    readonly known: Signing
    readonly other: Signing
    readonly allowedSignersFile: string
  }

  it('of the head are required, and by an allowed key', async () => {
    await withSigners(async ({ repo, signed, source, known, other, allowedSignersFile }) => {
      const follow = source({ require: 'head', allowedSignersFile })
      await repo.commit(text('app:0'))
      await assert.rejects(follow.refresh(), { reason: 'unsigned', message: /is not signed/ })
      const commit = await signed(text('app:1'), known)
      assert.equal((await follow.refresh()).commit, commit)
      await signed(text('app:2'), other)
      await assert.rejects(follow.refresh(), /signed by a key that is not allowed/)
      const last = await signed(text('app:3'), known)
      assert.equal((await follow.refresh()).commit, last)
    })
  })

  it('of a range are required of all that touches what is read', async () => {
    await withSigners(async ({ repo, signed, source, known, allowedSignersFile }) => {
      const follow = source({ require: 'range', allowedSignersFile })
      await signed(text('app:1'), known)
      await follow.refresh()
      await repo.commit({ 'readme.md': 'unsigned, but not read' })
      const fine = await signed(text('app:2'), known)
      assert.equal((await follow.refresh()).commit, fine)
      const hidden = await repo.commit(text('app:3'))
      await signed(text('app:4'), known)
      const words = new RegExp(`1 of 2 commits.*${hidden.slice(0, 12)} is not signed`)
      await assert.rejects(follow.refresh(), words)
      await assert.rejects(follow.refresh(), words, 'and stays refused')
    })
  })

  it('of a range are a question to people when what was accepted last is gone', async () => {
    await withSigners(async ({ signed, source, known, allowedSignersFile }) => {
      const first = await signed(text('app:1'), known)
      const lost = source({ require: 'range', allowedSignersFile }, 'a'.repeat(40))
      await assert.rejects(
        lost.refresh(),
        /commit aaaaaaaaaaaa.*Set spec.signatures.require to head/,
      )
      const kept = source({ require: 'range', allowedSignersFile }, first)
      assert.equal((await kept.refresh()).commit, first)
    })
  })

  it('are on our own commits when there is a key for them', async () => {
    await withSigners(async ({ repo, signed, source, known, allowedSignersFile }) => {
      await signed({ 'shop/checkout.yaml': good }, known)
      await signed({ 'shop/checkout.yaml': bad }, known)
      const directory = `${repo.mirrorDirectory}-writer`
      const mirror = openMirror({ directory, url: repo.url, branch: 'main' })
      const spec = { include: ['**/*.yaml'], exclude: [], author }
      const writer = createWriter({ mirror, spec, signing: known, now: () => 1_700_000_600_000 })
      const result = await writer.revert(request())
      assert.equal(result.state, 'Committed', result.because)
      const state = await source({ require: 'head', allowedSignersFile }).refresh()
      assert.equal(state.commit, result.commit)
    })
  })

  const noGpg = has('gpg') ? false : 'gpg is not installed: OpenPGP signatures are NOT tested here'
  it('by OpenPGP are good for the keys in the file only', { skip: noGpg }, async () => {
    await withPeople(async ({ directory: home, newKey }) => {
      await scene(async ({ directory, signed, source }) => {
        const signing = (name: string, { privateKey }: Person): Signing => {
          const keyFile = join(home, `${name}.key`)
          writeFileSync(keyFile, privateKey())
          return { kind: 'openpgp', keyFile, keyRing: join(home, `${name}.ring`) }
        }
        const [known, other] = [newKey('known'), newKey('other')]
        const keysFile = join(directory, 'keys.asc')
        writeFileSync(keysFile, known.publicKey())
        const follow = source({ require: 'head', keysFile })
        const commit = await signed(text('app:1'), signing('a', known))
        assert.equal((await follow.refresh()).commit, commit)
        await signed(text('app:2'), signing('b', other))
        await assert.rejects(follow.refresh(), /signed by a key that is not known/)
      })
    })
  })
})
