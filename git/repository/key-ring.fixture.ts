// For tests: people with OpenPGP keys, made by the real gpg in short-lived directories.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Person {
  readonly fingerprint: string
  /** A key ring that knows the key and trusts it. */
  readonly home: string
  readonly publicKey: () => string
  readonly privateKey: () => string
}

export interface People {
  /** Deleted at the end. Short, because gpg puts sockets into it. */
  readonly directory: string
  readonly newKey: (name: string, passphrase?: string) => Person
}

export async function withPeople(work: (people: People) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sl-'))
  const homes: string[] = []
  try {
    await work({
      directory,
      newKey: (name, passphrase = '') => newKey(directory, { homes, name, passphrase }),
    })
  } finally {
    for (const home of homes) run('gpgconf', ['--homedir', home, '--kill', 'all'])
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Naming {
  readonly homes: string[]
  readonly name: string
  readonly passphrase: string
}

function newKey(directory: string, { homes, name, passphrase }: Naming): Person {
  const home = join(directory, name)
  mkdirSync(home, { mode: 0o700 })
  // The agent would else take seconds to find out how slow it can be.
  writeFileSync(join(home, 'gpg-agent.conf'), 's2k-count 65536\n')
  homes.push(home)
  const batch = ['--homedir', home, '--batch', '--pinentry-mode', 'loopback']
  const gpg = (...args: string[]) => run('gpg', [...batch, '--passphrase', passphrase, ...args])
  gpg('--quick-generate-key', `${name} <${name}@example.com>`, 'ed25519', 'sign', 'never')
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--with-colons', '--list-keys'))?.[1] ?? ''
  return {
    fingerprint,
    home,
    publicKey: () => gpg('--armor', '--export'),
    privateKey: () => gpg('--armor', '--export-secret-keys'),
  }
}

const run = (program: string, args: readonly string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
