// Files with secrets in; what git needs to use them out. No secret is ever an argument, a part of a URL or a
// variable: git asks a script of two lines, which reads the file.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of files, each with one secret; all are read when they are needed, because secrets rotate. */
export interface CredentialFiles {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Of a host; goes before username and password. */
  readonly token?: string | undefined
  /** A private key that only its owner may read, or ssh refuses it. */
  readonly sshPrivateKey?: string | undefined
  /** Without it no ssh host is trusted. */
  readonly knownHosts?: string | undefined
  /** Certificates of authorities for https, in PEM form. */
  readonly certificateAuthority?: string | undefined
}

/** Hosts take any name beside a token; this one is of GitHub's documentation. */
const nameBesideToken = 'x-access-token'
const maxSecretBytes = 64 * 1024
const shortestSecretLength = 6

/**
 * Variables for git. Writes the script into `directory`. Throws a sentence for people when a key comes without
 * known hosts.
 */
export function credentialEnvironment(
  files: CredentialFiles,
  directory: string,
): Record<string, string> {
  const { username, password, token, sshPrivateKey, knownHosts, certificateAuthority } = files
  if (sshPrivateKey !== undefined && knownHosts === undefined) {
    throw new Error('an ssh key needs known_hosts beside it, or no host could be trusted')
  }
  const secret = token ?? password
  return {
    ...(secret === undefined
      ? {}
      : {
          GIT_ASKPASS: writeScript(directory),
          SLUICE_SECRET_FILE: secret,
          ...(token === undefined && username !== undefined
            ? { SLUICE_USERNAME_FILE: username }
            : {}),
        }),
    ...(sshPrivateKey === undefined || knownHosts === undefined
      ? {}
      : { GIT_SSH_COMMAND: sshCommand(sshPrivateKey, knownHosts) }),
    ...(certificateAuthority === undefined ? {} : { GIT_SSL_CAINFO: certificateAuthority }),
  }
}

/** The files whose content must appear nowhere. */
export function secretFiles(files: CredentialFiles): string[] {
  return [files.password, files.token].filter((path) => path !== undefined)
}

/** Removes the content of files from a text, as it is and in the forms in which programs repeat it. */
export function withoutSecrets(text: string, paths: readonly string[]): string {
  return paths.reduce((before, path) => {
    const secret = readSecret(path)
    if (secret.length < shortestSecretLength) return before
    return formsOf(secret).reduce((rest, form) => rest.replaceAll(form, '***'), before)
  }, text)
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  const base64 = [0, 1, 2].map((offset) => base64Within(bytes, offset))
  return [secret, encodeURIComponent(secret), ...base64, hex, hex.toUpperCase()]
}

/** What is the same in base64 whatever stands before and behind, such as a name before a password. */
function base64Within(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
  const wholeCharacters = Math.floor(((offset + bytes.length) * 8) / 6)
  return text.slice(Math.ceil((offset * 8) / 6), wholeCharacters)
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(0, maxSecretBytes).trim()
  } catch {
    return ''
  }
}

function writeScript(directory: string): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, 'askpass')
  const script = `#!/bin/sh
case "$1" in
Username*) if [ -n "$SLUICE_USERNAME_FILE" ]; then cat "$SLUICE_USERNAME_FILE"; else echo ${nameBesideToken}; fi ;;
*) cat "$SLUICE_SECRET_FILE" ;;
esac
`
  writeFileSync(path, script, { mode: 0o700 })
  chmodSync(path, 0o700)
  return path
}

function sshCommand(key: string, knownHosts: string): string {
  const options = {
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: knownHosts,
    GlobalKnownHostsFile: '/dev/null',
    ConnectTimeout: '15',
    ServerAliveInterval: '15',
    ServerAliveCountMax: '2',
  }
  const flags = Object.entries(options).map(([name, value]) => quoted(`-o${name}=${value}`))
  return ['ssh', '-F', '/dev/null', '-i', quoted(key), ...flags].join(' ')
}

/** Git hands the command to a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
