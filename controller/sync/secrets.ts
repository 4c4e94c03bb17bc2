// The Secrets that a GitSource names in; files for git and its hosts out. Each is read by its name when it is
// needed, never listed or watched. What it holds goes to files of this process alone, and to nothing else.
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { GitSourceSpec } from '../../crds/git-source.ts'
import type { Signing } from '../../git/repository/commit-builder.ts'
import type { CredentialFiles } from '../../git/repository/credentials.ts'
import type { SignaturePolicy } from '../../git/source/signatures.ts'
import { ApiError, type KubeApi, type Resource } from '../../kube/api.ts'

/** What a GitSource needs besides its spec; paths of files, read again at each use. */
export interface Material {
  readonly credentials?: CredentialFiles
  readonly signing?: Signing
  readonly signatures?: SignaturePolicy
}

/** A Secret is not as the GitSource needs it. The message names it, what is wrong, and what to do. */
export class SecretProblem extends Error {
  override readonly name = 'SecretProblem'
}

export interface MaterialQuery {
  readonly api: Pick<KubeApi, 'get'>
  readonly spec: Pick<GitSourceSpec, 'repository' | 'credentials' | 'host' | 'signatures'>
  readonly namespace: string
  /** A directory of its own for the files. */
  readonly directory: string
}

const secrets: Resource = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true }
const maxBytes = 1024 * 1024
const maxKeysNamed = 8

/** Writes the files anew. Rejects with `SecretProblem`, or with `ApiError` when the API server can not answer now. */
export async function readMaterial(query: MaterialQuery): Promise<Material> {
  const { spec } = query
  if (spec.host && !spec.credentials) {
    throw new SecretProblem('spec.host needs spec.credentials: a Secret with "token"')
  }
  return {
    ...(spec.credentials ? await credentialsOf(query, spec.credentials.secretRef.name) : {}),
    ...(spec.signatures ? await signaturesOf(query, spec.signatures) : {}),
  }
}

/** One value of a Secret, for what is kept in memory alone. */
export async function readSecretValue(
  api: Pick<KubeApi, 'get'>,
  { namespace, name, key }: { namespace: string; name: string; key: string },
): Promise<string> {
  const data = await read(api, namespace, name)
  const value = data.get(key)
  if (value === undefined) throw missing(`${namespace}/${name}`, [key], data)
  return value.toString('utf8').trim()
}

async function credentialsOf(query: MaterialQuery, name: string): Promise<Material> {
  const { spec, namespace, directory } = query
  const label = `${namespace}/${name}`
  const data = await read(query.api, namespace, name)
  const needsKey = spec.repository.startsWith('ssh://')
  const needsSecret = spec.repository.startsWith('https://') || spec.host !== undefined
  if (needsKey) {
    for (const key of ['ssh-privatekey', 'known_hosts']) {
      if (!data.has(key)) throw missing(label, [key], data)
    }
  }
  if (needsSecret && !data.has('token') && !data.has('password')) {
    throw missing(label, ['token', 'password'], data)
  }
  const files = writeFiles(join(directory, 'credentials'), data, [
    'token',
    'username',
    'password',
    'ssh-privatekey',
    'known_hosts',
    'ca.crt',
    ...signingKeys,
  ])
  return {
    credentials: {
      token: files('token'),
      username: files('username'),
      password: files('password'),
      sshPrivateKey: files('ssh-privatekey'),
      knownHosts: files('known_hosts'),
      certificateAuthority: files('ca.crt'),
    },
    ...signingOf({ files, label, directory }),
  }
}

const signingKeys = ['ssh-signingkey', 'openpgp-signingkey'] as const

interface SigningQuery {
  readonly files: (key: string) => string | undefined
  readonly label: string
  readonly directory: string
}

function signingOf({ files, label, directory }: SigningQuery): Pick<Material, 'signing'> {
  const [ssh, openpgp] = signingKeys.map(files)
  if (ssh !== undefined && openpgp !== undefined) {
    const both = signingKeys.map((key) => `"${key}"`).join(' and ')
    throw new SecretProblem(
      `Secret ${label} has ${both}: a commit has one signature, so take one out`,
    )
  }
  if (ssh !== undefined) return { signing: { kind: 'ssh', keyFile: ssh } }
  if (openpgp === undefined) return {}
  return { signing: { kind: 'openpgp', keyFile: openpgp, keyRing: join(directory, 'gnupg') } }
}

async function signaturesOf(
  query: MaterialQuery,
  { require, secretRef }: NonNullable<GitSourceSpec['signatures']>,
): Promise<Material> {
  const { namespace, directory } = query
  const data = await read(query.api, namespace, secretRef.name)
  const keys = ['allowed_signers', 'keys.asc']
  if (!keys.some((key) => data.has(key)))
    throw missing(`${namespace}/${secretRef.name}`, keys, data)
  const files = writeFiles(join(directory, 'signatures'), data, keys)
  const signatures = {
    require,
    allowedSignersFile: files('allowed_signers'),
    keysFile: files('keys.asc'),
  }
  return { signatures }
}

type Data = ReadonlyMap<string, Buffer>

async function read(api: Pick<KubeApi, 'get'>, namespace: string, name: string): Promise<Data> {
  const label = `${namespace}/${name}`
  try {
    const { data = {} } = await api.get(secrets, { namespace, name })
    const values = Object.entries(data).filter((entry): entry is [string, string] => {
      return typeof entry[1] === 'string' && entry[1].length <= maxBytes * 1.5
    })
    return new Map(values.map(([key, value]) => [key, Buffer.from(value, 'base64')]))
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.code === 404) throw new SecretProblem(`there is no Secret ${label}: create it`)
    if (error.code !== 403) throw error
    throw new SecretProblem(
      `the controller may not read Secret ${label}: add ${name} to git.secrets of the chart`,
    )
  }
}

function missing(label: string, keys: readonly string[], data: Data): SecretProblem {
  const has = [...data.keys()].slice(0, maxKeysNamed).join(', ') || 'nothing'
  const wanted = keys.map((key) => `"${key}"`).join(' or ')
  return new SecretProblem(`Secret ${label} has no ${wanted}, only ${has}: add it`)
}

/** Files that only this process may read; those of keys that are gone are removed. */
function writeFiles(
  directory: string,
  data: Data,
  keys: readonly string[],
): (key: string) => string | undefined {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
  const wanted = keys.filter((key) => data.has(key))
  for (const name of readdirSync(directory)) {
    if (!wanted.includes(name)) rmSync(join(directory, name), { recursive: true, force: true })
  }
  for (const key of wanted) writePrivate(join(directory, key), ended(data.get(key) ?? Buffer.of()))
  return (key) => (wanted.includes(key) ? join(directory, key) : undefined)
}

/** ssh takes no key whose last line does not end. */
function ended(bytes: Buffer): Buffer {
  return bytes.at(-1) === 10 ? bytes : Buffer.concat([bytes, Buffer.from('\n')])
}

/** At once or not at all: git may be reading it. */
function writePrivate(path: string, bytes: Buffer): void {
  if (isThere(path, bytes)) return
  const next = `${path}.next`
  rmSync(next, { force: true })
  writeFileSync(next, bytes, { mode: 0o600, flag: 'wx' })
  renameSync(next, path)
}

function isThere(path: string, bytes: Buffer): boolean {
  try {
    return readFileSync(path).equals(bytes)
  } catch {
    return false
  }
}
