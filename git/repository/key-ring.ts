// A file with an OpenPGP private key in; a key ring with this key and no other, ready to sign, out. The ring is a
// directory of its own; what gpg keeps running for it is ended after each use.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GitError, type GitOptions, gnupg } from './command.ts'
import { MirrorError } from './mirror-error.ts'

export interface OpenPgpKey {
  /** The private key in ASCII armour, without a passphrase; read at each use, because keys rotate. */
  readonly keyFile: string
  /** A directory for the key ring, which may be deleted at any time; short, because gpg puts sockets into it. */
  readonly keyRing: string
}

const deadlineMs = 20_000
const maxOutputBytes = 1024 * 1024
/** Holds the digest of the key that was imported and tried, and its fingerprint. */
const markName = 'sluice-key'

/** Runs `work` with the fingerprint to sign by. Rejects with `MirrorError`, whose message may be shown. */
export async function withKeyRing<Value>(
  key: OpenPgpKey,
  work: (fingerprint: string) => Promise<Value>,
): Promise<Value> {
  const options: GitOptions = { home: key.keyRing, deadlineMs, maxOutputBytes }
  try {
    return await work(await fingerprintOf(key, options))
  } finally {
    // The agent would hold the key for as long as the machine runs.
    await gnupg('gpgconf', ['--kill', 'gpg-agent'], options).catch(() => undefined)
  }
}

async function fingerprintOf({ keyFile, keyRing }: OpenPgpKey, options: GitOptions) {
  const armour = readKey(keyFile)
  const digest = createHash('sha256').update(armour).digest('hex')
  const mark = join(keyRing, markName)
  const [known, fingerprint] = readMark(mark)
  if (known === digest && fingerprint !== undefined) return fingerprint
  rmSync(keyRing, { recursive: true, force: true })
  mkdirSync(keyRing, { recursive: true, mode: 0o700 })
  try {
    const imported = await imports(armour, options)
    writeFileSync(mark, `${digest} ${imported}`, { mode: 0o600 })
    return imported
  } catch (error) {
    throw error instanceof GitError ? problemOf(error) : error
  }
}

async function imports(armour: string, options: GitOptions): Promise<string> {
  const gpg = (args: readonly string[], input = '') =>
    gnupg('gpg', ['--batch', '--no-tty', '--pinentry-mode', 'error', ...args], {
      ...options,
      input,
    })
  await gpg(['--import'], armour)
  const listed = await gpg(['--with-colons', '--list-secret-keys'])
  const keys = listed.toString('utf8').split(/^sec:/m).slice(1)
  const fingerprint = /^fpr:+([0-9A-F]{40,64}):/m.exec(keys[0] ?? '')?.[1]
  if (keys.length !== 1 || fingerprint === undefined) {
    throw problem(`it holds ${keys.length} private keys. Export one, by its fingerprint`)
  }
  // Only a signature tells that it has no passphrase, has not expired and may sign.
  await gpg(['--local-user', fingerprint, '--detach-sign', '--output', '-'], 'readiness\n')
  return fingerprint
}

function readKey(path: string): string {
  const text = readText(path)
  if (text === null) throw problem('its file can not be read')
  if (text.includes('-----BEGIN PGP PRIVATE KEY BLOCK-----')) return text
  const what = text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----') ? 'a public key' : 'no key'
  throw problem(`it holds ${what}. Export the private one by gpg --armor --export-secret-keys`)
}

function readMark(path: string): (string | undefined)[] {
  return (readText(path) ?? '').split(' ')
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** Words of gpg only choose the sentence. */
function problemOf(error: GitError): MirrorError {
  if (error.reason === 'not-started') {
    const remedy = 'use an image with gpg and gpg-agent, or an ssh-signingkey'
    return problem(`gpg is not installed, which it needs: ${remedy}`, error)
  }
  if (/gpg-agent.*no such file|no agent running/i.test(error.words)) {
    return problem(`gpg-agent is not installed, which it needs: ${error.words}`, error)
  }
  if (/no pinentry|passphrase/i.test(error.words)) {
    const remedy = 'Export a key without one; the Secret protects it'
    return problem(`it has a passphrase, which nobody is there to give. ${remedy}`, error)
  }
  return problem(error.words || 'gpg did not answer before its deadline', error)
}

const problem = (words: string, cause?: unknown) =>
  new MirrorError('other', `openpgp-signingkey can not be used: ${words}`, cause)
