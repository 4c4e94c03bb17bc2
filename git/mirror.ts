// The URL of a repository in; its commits, trees and blobs out, from one bare mirror that is fetched, never
// checked out. A mirror that is broken is deleted and cloned again.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { GitError, type GitOptions, git } from './command.ts'
import {
  type Change,
  type Commit,
  parseChanges,
  parseLog,
  parseTree,
  type Tree,
} from './git-output.ts'
import { MirrorError, remoteError, timedOut } from './mirror-error.ts'
import { isBranchName, isCommitId, isUrl } from './names.ts'
import { readBatch } from './object-batch.ts'

export interface MirrorOptions {
  /** Where the mirror lives; nothing else may be in it. */
  readonly directory: string
  readonly url: string
  readonly branch: string
  /** Longest time of one network command, 120 s unless told. */
  readonly networkDeadlineMs?: number | undefined
  /** Credentials for git, such as GIT_ASKPASS and GIT_SSH_COMMAND. */
  readonly environment?: Readonly<Record<string, string>> | undefined
}

export interface Fetched {
  readonly head: string
  /** Head before this fetch, or null the first time. */
  readonly previous: string | null
  /** True when `previous` is no longer in the history of `head`: somebody has force-pushed. */
  readonly rewritten: boolean
}

export interface PushResult {
  readonly isAccepted: boolean
  /** What the server said when it did not take the push. */
  readonly words: string
}

export type Mirror = ReturnType<typeof openMirror>

const localDeadlineMs = 30_000
const maxBranchesNamed = 20

export function openMirror(options: MirrorOptions) {
  const { directory, url, branch } = options
  if (!isUrl(url))
    throw new MirrorError('other', 'the repository must be an https, ssh or file URL')
  if (!isBranchName(branch)) throw new MirrorError('other', `"${branch}" is not a branch name`)
  const repository = join(directory, 'repository.git')
  const home = join(directory, 'home')
  const ref = `refs/sluice/${branch}`
  const networkDeadlineMs = options.networkDeadlineMs ?? 120_000
  const base: GitOptions = { home, environment: options.environment }
  const local = (args: readonly string[], more?: Partial<GitOptions>) =>
    git(args, { ...base, gitDirectory: repository, deadlineMs: localDeadlineMs, ...more })
  const remote = (args: readonly string[], more?: Partial<GitOptions>) =>
    git(args, { ...base, deadlineMs: networkDeadlineMs, ...more })

  let last: Promise<unknown> = Promise.resolve()
  /** Runs `work` alone: a fetch that may delete the mirror and a read of it must not meet. */
  function exclusive<Value>(work: () => Promise<Value>): Promise<Value> {
    const run = last.then(work)
    last = run.catch(() => undefined)
    return run
  }

  async function fetch(): Promise<Fetched> {
    prepare()
    try {
      return await fetchOnce()
    } catch (error) {
      if (error instanceof GitError && error.reason === 'deadline') throw timedOut(error)
      // The remote is asked without the mirror. If it answers, the mirror is at fault, or a transfer
      // broke off: a second failure is taken for the mirror's.
      if ((await remoteHead()) === null) throw await branchMissing()
    }
    try {
      return await fetchOnce()
    } catch (error) {
      if (error instanceof GitError && error.reason === 'deadline') throw timedOut(error)
      recreate()
    }
    return await fetchOnce().catch((cause: unknown) => {
      throw new MirrorError('other', `the mirror can not be fetched: ${messageOf(cause)}`, cause)
    })
  }

  /** Runs `work`; when it fails for a reason that is not the remote's, once more on a fresh mirror. */
  async function healing<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof MirrorError || (error instanceof GitError && error.reason !== 'exit')) {
        throw error
      }
      recreate()
      return await work()
    }
  }

  function prepare(): void {
    mkdirSync(home, { recursive: true, mode: 0o700 })
  }

  async function fetchOnce(): Promise<Fetched> {
    if (!existsSync(join(repository, 'HEAD'))) {
      await remote(['init', '--quiet', '--bare', '--end-of-options', repository])
    }
    const previous = await head()
    const flags = [
      '--quiet',
      '--no-tags',
      '--no-auto-gc',
      '--no-write-fetch-head',
      '--no-recurse-submodules',
    ]
    const spec = `+refs/heads/${branch}:${ref}`
    await local(['fetch', ...flags, '--end-of-options', url, spec], {
      deadlineMs: networkDeadlineMs,
    })
    const now = await head()
    if (now === null) throw new MirrorError('other', `branch ${branch} has no commit`)
    const rewritten = previous !== null && previous !== now && !(await isAncestor(previous, now))
    return { head: now, previous, rewritten }
  }

  async function head(): Promise<string | null> {
    const text = await local(['for-each-ref', '--format=%(objectname)', '--', ref])
    const id = text.toString('utf8').trim()
    return isCommitId(id) ? id : null
  }

  /** Head of the branch at the remote now, or null when it has no such branch. Throws `MirrorError`. */
  async function remoteHead(): Promise<string | null> {
    prepare()
    try {
      const args = ['ls-remote', '--heads', '--end-of-options', url, `refs/heads/${branch}`]
      const text = (await remote(args, { maxOutputBytes: 65_536 })).toString('utf8')
      const line = text.split('\n').find((one) => one.endsWith(`\trefs/heads/${branch}`))
      return line?.split('\t')[0] ?? null
    } catch (error) {
      throw remoteError(error)
    }
  }

  async function branchMissing(): Promise<MirrorError> {
    const listing = await remote(['ls-remote', '--heads', '--end-of-options', url]).catch(() => '')
    const names = [...listing.toString().matchAll(/\trefs\/heads\/(.+)/g)].map(([, name]) => name)
    const shown = names.slice(0, maxBranchesNamed).join(', ')
    const more =
      names.length > maxBranchesNamed ? ` and ${names.length - maxBranchesNamed} more` : ''
    const there = names.length === 0 ? 'it has no branches' : `it has ${shown}${more}`
    return new MirrorError('branch-missing', `the repository has no branch ${branch}: ${there}`)
  }

  function recreate(): void {
    rmSync(repository, { recursive: true, force: true })
  }

  async function isAncestor(older: string, newer: string): Promise<boolean> {
    try {
      await local(['merge-base', '--is-ancestor', '--end-of-options', older, newer])
      return true
    } catch {
      return false
    }
  }

  /** Changed files between two commits, without renames. */
  async function changedPaths(from: string, to: string): Promise<Change[]> {
    const args = [
      'diff-tree',
      '-r',
      '-z',
      '--raw',
      '--no-abbrev',
      '--no-renames',
      '--end-of-options',
    ]
    return parseChanges(await local([...args, checked(from), checked(to)]))
  }

  async function tree(commit: string): Promise<Tree> {
    const args = [
      'ls-tree',
      '-r',
      '-z',
      '--long',
      '--full-tree',
      '--end-of-options',
      checked(commit),
    ]
    return parseTree(await local(args, { maxOutputBytes: 256 * 1024 * 1024 }))
  }

  /** Commits from `from` back along first parents, newest first, with the files each one changed. */
  async function log({ from, count, skip = 0, path, until }: LogQuery): Promise<Commit[]> {
    const range = until === undefined ? [checked(from)] : [checked(from), `^${checked(until)}`]
    const flags = [
      '--first-parent',
      '--diff-merges=first-parent',
      '--raw',
      '-z',
      '--no-abbrev',
      '--no-renames',
    ]
    const bounds = [`--max-count=${count}`, `--skip=${skip}`, '--format=%x01%H']
    const only = path === undefined ? [] : ['--', `:(top,literal)${path}`]
    return parseLog(
      await local(['log', ...flags, ...bounds, '--end-of-options', ...range, ...only]),
    )
  }

  /** Pushes a commit as the new head, only if the branch can be fast-forwarded to it. Never forces. */
  async function push(commit: string): Promise<PushResult> {
    const spec = `${checked(commit)}:refs/heads/${branch}`
    try {
      const flags = ['--porcelain', '--no-follow-tags', '--recurse-submodules=no']
      await local(['push', ...flags, '--end-of-options', url, spec], {
        deadlineMs: networkDeadlineMs,
      })
      return { isAccepted: true, words: '' }
    } catch (error) {
      if (!(error instanceof GitError)) throw error
      return { isAccepted: false, words: error.words || error.reason }
    }
  }

  return {
    branch,
    exclusive,
    healing,
    fetch,
    remoteHead,
    recreate,
    isAncestor,
    changedPaths,
    tree,
    log,
    push,
    /** Any local command; only the folder git/ may use it. */
    run: local,
    blobs: (ids: readonly string[], maxBytes?: number) =>
      readBatch(local, ids.map(checked), maxBytes),
  }
}

export interface LogQuery {
  readonly from: string
  readonly count: number
  readonly skip?: number
  readonly path?: string | undefined
  /** Stop at this commit; it and what is behind it are left out. */
  readonly until?: string | undefined
}

function checked(id: string): string {
  if (!isCommitId(id))
    throw new MirrorError('other', `"${id.slice(0, 80)}" is not the id of an object`)
  return id
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
