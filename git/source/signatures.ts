// Commits and the keys that may sign them in; the commits that may not be used, out. A commit that can not be
// verified is held and never run: what was accepted before stays in use.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bring } from '../repository/bring.ts'
import type { Mirror } from '../repository/mirror.ts'
import { MirrorError } from '../repository/mirror-error.ts'
import { isCommitId } from '../repository/names.ts'

export interface SignaturePolicy {
  /** head: the newest commit. range: every one since the last accepted that touches a file which is read. */
  readonly require: 'head' | 'range'
  /** In the form of ssh-keygen(1): who may sign by which SSH key. */
  readonly allowedSignersFile?: string | undefined
  /** Public OpenPGP keys, in armour; every key in it may sign. */
  readonly keysFile?: string | undefined
}

export interface SignatureQuery {
  readonly head: string
  /** The commit accepted last; without one, only the head is looked at. */
  readonly since?: string | undefined
  readonly isIncluded: (path: string) => boolean
}

const maxCommits = 5_000
const maxKeysBytes = 1024 * 1024
const maxNamed = 3

/** Rejects with `MirrorError` of reason `unsigned` when a commit must be signed and is not. */
export async function requireSignatures(
  mirror: Mirror,
  policy: SignaturePolicy,
  query: SignatureQuery,
): Promise<void> {
  const { head, since } = query
  const isRange = policy.require === 'range' && since !== undefined && isCommitId(since)
  if (isRange && !(await bring(mirror, since))) {
    const message = `commit ${since.slice(0, 12)}, the last one accepted, is not in the repository any more, so that nobody can tell what came since. Set spec.signatures.require to head until the new head is accepted`
    throw new MirrorError('unsigned', message)
  }
  const commits = isRange ? await touching(mirror, { ...query, since }) : [head]
  if (commits.length === 0) return
  const flags = ['--no-walk=unsorted', '--stdin', '--format=%H %G?']
  const output = await mirror.run(['log', ...flags], {
    environment: verifying(mirror, policy),
    input: `${commits.join('\n')}\n`,
    deadlineMs: 120_000,
  })
  const states = new Map(
    output
      .toString('latin1')
      .split('\n')
      .map((line) => [line.slice(0, -2), line.slice(-1)] as const),
  )
  const refused = commits.filter((commit) => states.get(commit) !== 'G')
  if (refused.length === 0) return
  const named = refused
    .slice(0, maxNamed)
    .map((commit) => `${commit.slice(0, 12)} ${problemOf(states.get(commit))}`)
  const more = refused.length > maxNamed ? ` and ${refused.length - maxNamed} more` : ''
  const message = `${refused.length} of ${commits.length} commits may not be used: ${named.join(', ')}${more}. Sign them with an allowed key, or add the key`
  throw new MirrorError('unsigned', message)
}

/** Letters of git-log(1). Only a good signature of an allowed key counts. */
function problemOf(letter: string | undefined): string {
  const problems: Readonly<Record<string, string>> = {
    N: 'is not signed',
    U: 'is signed by a key that is not allowed',
    E: 'is signed by a key that is not known',
    B: 'has a signature that is wrong',
    X: 'has a signature that has expired',
    Y: 'is signed by a key that has expired',
    R: 'is signed by a key that was revoked',
  }
  return problems[letter ?? ''] ?? 'can not be verified'
}

/** A merge counts when it differs from all its parents: the commits that it brings are looked at themselves. */
async function touching(
  mirror: Mirror,
  { head, since, isIncluded }: SignatureQuery & { readonly since: string },
): Promise<string[]> {
  const flags = ['--name-only', '--diff-merges=combined', '--no-renames', '-z', '--format=%x01%H']
  const bound = `--max-count=${maxCommits + 1}`
  const range = [head, `^${since}`]
  const output = await mirror.run(['log', ...flags, bound, '--end-of-options', ...range])
  const blocks = output.toString('utf8').split('\x01').slice(1)
  if (blocks.length > maxCommits) {
    const message = `more than ${maxCommits} commits since the last accepted one; accept a newer one first`
    throw new MirrorError('unsigned', message)
  }
  return blocks.flatMap((block) => {
    const [id = '', ...paths] = block.split('\0')
    return paths.some((path) => isIncluded(path.replace(/^\n/, ''))) ? [id.trim()] : []
  })
}

function verifying(
  mirror: Mirror,
  { allowedSignersFile, keysFile }: SignaturePolicy,
): Record<string, string> {
  return {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'gpg.ssh.allowedSignersFile',
    GIT_CONFIG_VALUE_0: allowedSignersFile ?? '/dev/null',
    GNUPGHOME: keyRing(join(mirror.home, 'gnupg'), keysFile),
  }
}

/** A key ring with the allowed keys and no others, so that none needs to be weighed. */
function keyRing(directory: string, keysFile: string | undefined): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const armour = keysFile === undefined ? '' : readFileSync(keysFile, 'utf8')
  if (armour.length > maxKeysBytes) throw new MirrorError('other', 'the keys are larger than 1 MiB')
  writeFileSync(join(directory, 'gpg.conf'), 'trust-model always\nno-autostart\n')
  writeFileSync(join(directory, 'pubring.gpg'), withoutArmour(armour))
  return directory
}

/** The bytes of all blocks of a text in ASCII armour. */
function withoutArmour(text: string): Buffer {
  const block = /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END PGP PUBLIC KEY BLOCK/g
  return Buffer.concat(
    [...text.matchAll(block)].map(([, content = '']) => {
      const lines = content.split(/\r?\n/)
      // Headers end at an empty line; the line with = at its start is a checksum.
      const body = lines.slice(lines.indexOf('') + 1).filter((line) => !line.startsWith('='))
      return Buffer.from(body.join(''), 'base64')
    }),
  )
}
