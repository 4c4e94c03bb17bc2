// Fixed argument lists in, bytes out. The only place that starts git, and gpg for its keys: no shell, no
// configuration of the host, no prompts, no hooks, no helpers; a deadline and an output limit on every command.
import { spawn } from 'node:child_process'
import { withoutSecrets } from './credentials.ts'

export interface GitOptions {
  /** Directory that serves as HOME, so that no configuration of a user is read. */
  readonly home: string
  /** The bare repository; left out only for commands that need none, such as `ls-remote`. */
  readonly gitDirectory?: string | undefined
  readonly input?: string | Buffer | undefined
  readonly deadlineMs?: number | undefined
  readonly maxOutputBytes?: number | undefined
  /** Files with secrets that no word of git may repeat. */
  readonly secretFiles?: readonly string[] | undefined
  /** Identity, index file and credentials helpers; never a secret itself. */
  readonly environment?: Readonly<Record<string, string>> | undefined
}

/** A git command that did not succeed. `words` are the last lines it said, without credentials. */
export class GitError extends Error {
  readonly subcommand: string
  readonly reason: 'exit' | 'deadline' | 'output-limit' | 'not-started'
  readonly words: string
  /** What it had written to its output by then, bounded. */
  readonly output: string
  constructor(subcommand: string, reason: GitError['reason'], words: string, output = '') {
    super(`git ${subcommand}: ${words || reason}`)
    this.name = 'GitError'
    this.subcommand = subcommand
    this.reason = reason
    this.words = words
    this.output = output.slice(0, maxErrorOutputLength)
  }
}

const defaultDeadlineMs = 60_000
const defaultMaxOutputBytes = 64 * 1024 * 1024
const maxStderrBytes = 64 * 1024
const maxErrorOutputLength = 16 * 1024

const settings = [
  'protocol.ext.allow=never',
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.quotePath=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'credential.helper=',
  // A redirect could carry credentials to another place.
  'http.followRedirects=false',
  'http.lowSpeedLimit=1000',
  'http.lowSpeedTime=30',
].flatMap((setting) => ['-c', setting])

/**
 * Runs `git <args>`; the first argument is the subcommand. Values that come from outside stand after
 * `--end-of-options` or `--`: that is the caller's duty. Throws `GitError`.
 */
export function git(args: readonly string[], options: GitOptions): Promise<Buffer> {
  const name = args[0] ?? ''
  return start({ program: 'git', name, args: [...settings, ...args] }, options)
}

/** Runs a program of GnuPG on the key ring in `home`, and on no other. Throws `GitError`. */
export function gnupg(
  program: 'gpg' | 'gpgconf',
  args: readonly string[],
  options: GitOptions,
): Promise<Buffer> {
  const environment = { ...options.environment, GNUPGHOME: options.home }
  return start({ program, name: program, args }, { ...options, environment })
}

interface Command {
  readonly program: 'git' | 'gpg' | 'gpgconf'
  /** What errors call it. */
  readonly name: string
  readonly args: readonly string[]
}

function start({ program, name, args }: Command, options: GitOptions): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  // A process group of its own, so that the deadline also ends ssh and the remote helpers.
  const child = spawn(program, args, {
    cwd: options.gitDirectory ?? options.home,
    detached: true,
    env: environment(options),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const output: Buffer[] = []
  let outputBytes = 0
  let stderr = ''
  let ended: GitError['reason'] | null = null
  const end = (reason: GitError['reason']) => {
    ended ??= reason
    killGroup(child.pid)
  }
  const timer = setTimeout(() => end('deadline'), options.deadlineMs ?? defaultDeadlineMs)
  child.stdout.on('data', (chunk: Buffer) => {
    outputBytes += chunk.length
    if (outputBytes > (options.maxOutputBytes ?? defaultMaxOutputBytes)) end('output-limit')
    else output.push(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-maxStderrBytes)
  })
  // A command that ends early closes its input; its exit code tells why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  child.on('error', (error) => {
    clearTimeout(timer)
    reject(new GitError(name, 'not-started', redact(error.message)))
  })
  child.on('close', (code) => {
    clearTimeout(timer)
    if (ended !== null) reject(new GitError(name, ended, sentence(ended)))
    else if (code === 0) resolve(Buffer.concat(output))
    else {
      const words = lastWords(stderr, options.secretFiles)
      reject(new GitError(name, 'exit', words, Buffer.concat(output).toString('utf8')))
    }
  })
  return promise
}

/** Removes user information from URLs and bounds the text: it reaches logs and status. */
export function redact(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@]{1,1024}@/gi, '$1***@').slice(-2_000)
}

function environment(options: GitOptions): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: options.home,
    XDG_CONFIG_HOME: options.home,
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oStrictHostKeyChecking=yes',
    GIT_ALLOW_PROTOCOL: 'https:ssh:file',
    ...(options.gitDirectory === undefined ? {} : { GIT_DIR: options.gitDirectory }),
    ...options.environment,
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself in the meantime.
  }
}

function lastWords(stderr: string, secretFiles: readonly string[] = []): string {
  const lines = withoutSecrets(stderr, secretFiles)
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '')
  return redact(lines.slice(-6).join('; '))
}

function sentence(reason: GitError['reason']): string {
  return reason === 'deadline'
    ? 'took longer than its deadline and was ended'
    : 'said more than its limit and was ended'
}
