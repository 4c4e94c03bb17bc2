// A team's repository: what they commit, and what they see afterwards. Real git, a bare repository as
// the host and a clone as the desk of the team.
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface TeamRepository {
  /** The bare repository, which plays the Git host. */
  readonly path: string
  readonly url: string
  /** Writes files, commits and pushes; gives the commit. */
  commit(message: string, files: Readonly<Record<string, string>>): Promise<string>
  /** Newest commit of the branch on the host. */
  head(): Promise<string>
  /** Commits of the branch on the host, newest first. */
  log(range?: string): Promise<readonly LogEntry[]>
  show(commit: string): Promise<string>
  file(commit: string, path: string): Promise<string>
}

export interface LogEntry {
  readonly commit: string
  readonly author: string
  readonly subject: string
  readonly body: string
}

export async function createTeamRepository(directory: string): Promise<TeamRepository> {
  const path = join(directory, 'repository.git')
  const desk = join(directory, 'team')
  await git(directory, ['init', '--quiet', '--bare', '--initial-branch=main', path])
  await git(directory, ['init', '--quiet', '--initial-branch=main', desk])
  await git(desk, ['remote', 'add', 'origin', path])
  return {
    path,
    url: pathToFileURL(path).href,
    async commit(message, files) {
      if (await hasBranch(path)) await git(desk, ['pull', '--quiet', '--ff-only', 'origin', 'main'])
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(desk, name)), { recursive: true })
        await writeFile(join(desk, name), text)
      }
      await git(desk, ['add', '--all'])
      await git(desk, ['commit', '--quiet', '-m', message])
      await git(desk, ['push', '--quiet', '--set-upstream', 'origin', 'HEAD:refs/heads/main'])
      return git(desk, ['rev-parse', 'HEAD'])
    },
    head: () => git(path, ['rev-parse', 'refs/heads/main']),
    async log(range = 'refs/heads/main') {
      const text = await git(path, ['log', '--format=%H%x1f%an%x1f%s%x1f%b%x1e', range])
      return text
        .split('\x1e')
        .map((entry) => entry.trim().split('\x1f'))
        .flatMap(([commit = '', author = '', subject = '', body = '']) =>
          commit ? [{ commit, author, subject, body }] : [],
        )
    },
    show: (commit) => git(path, ['show', '--format=', '--no-color', commit]),
    file: (commit, name) => git(path, ['show', `${commit}:${name}`]),
  }
}

async function hasBranch(path: string): Promise<boolean> {
  return (await git(path, ['for-each-ref', 'refs/heads/main'])) !== ''
}

async function git(cwd: string, args: readonly string[]): Promise<string> {
  const identity = { name: 'Ada of the checkout team', email: 'ada@shop.example' }
  const { stdout } = await run('git', [...args], {
    cwd,
    timeout: 20_000,
    maxBuffer: 16 * 1024 * 1024,
    env: {
      PATH: process.env['PATH'],
      HOME: cwd,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_AUTHOR_NAME: identity.name,
      GIT_AUTHOR_EMAIL: identity.email,
      GIT_COMMITTER_NAME: identity.name,
      GIT_COMMITTER_EMAIL: identity.email,
    },
  })
  return stdout.trimEnd()
}
