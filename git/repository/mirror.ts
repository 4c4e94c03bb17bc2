// The URL of a repository in; its commits, trees and blobs out, from one bare mirror that is fetched, never
// checked out. A mirror that is broken is deleted and cloned again.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { GitError, type GitOptions, git } from './command.ts'
import type { CredentialFiles } from './credentials.ts'
import {
  type Change,
  type Commit,
  parseChanges,
  parseLog,
  parseTree,
  type Tree,
} from './git-output.ts'
import { MirrorError, timedOut } from './mirror-error.ts'
import { isBranchName, isCommitId, isUrl } from './names.ts'
import {
  type BatchOptions,
  type Blob,
  type RunGit,
  readBatch,
  readSizes,
  streamBatch,
} from './object-batch.ts'
import { createRemote, type PushResult, type Remote } from './remote.ts'

export interface MirrorOptions {
  /** Where the mirror lives; nothing else may be in it. */
  readonly directory: string
  readonly url: string
  readonly branch: string
  /** Longest time of one network command, 120 s unless told. */
  readonly networkDeadlineMs?: number | undefined
  readonly credentials?: CredentialFiles | undefined
}

export interface Fetched {
  readonly head: string
  /** Head before this fetch, or null the first time. */
  readonly previous: string | null
  /** True when `previous` is no longer in the history of `head`: somebody has force-pushed. */
  readonly rewritten: boolean
}

const localDeadlineMs = 30_000

/** Opens a mirror; nothing is fetched yet. Throws `MirrorError` for a URL or branch that is refused. */
export function openMirror(options: MirrorOptions): Mirror {
  const { url, branch } = options
  if (!isUrl(url))
    throw new MirrorError('other', 'the repository must be an https, ssh or file URL')
  if (!isBranchName(branch)) throw new MirrorError('other', `"${branch}" is not a branch name`)
  return new Mirror(options)
}

export class Mirror {
  readonly branch: string
  readonly #remote: Remote
  readonly #repository: string
  readonly #ref: string
  #last: Promise<unknown> = Promise.resolve()

  constructor({ directory, url, branch, networkDeadlineMs, credentials }: MirrorOptions) {
    this.branch = branch
    const home = join(directory, 'home')
    this.#remote = createRemote({ url, home, networkDeadlineMs, credentials })
    this.#repository = join(directory, 'repository.git')
    this.#ref = `refs/sluice/${branch}`
  }

  /** A directory that may be written and lost. */
  get home(): string {
    return this.#remote.home
  }

  /** Runs `work` alone: a fetch that may delete the mirror and a read of it must not meet. */
  exclusive<Value>(work: () => Promise<Value>): Promise<Value> {
    const run = this.#last.then(work)
    this.#last = run.catch(() => undefined)
    return run
  }

  async fetch(): Promise<Fetched> {
    this.#prepare()
    try {
      return await this.#fetchOnce()
    } catch (error) {
      if (error instanceof GitError && error.reason === 'deadline') throw timedOut(error)
      // The remote is asked without the mirror. If it answers, the mirror is at fault, or a transfer
      // broke off: a second failure is taken for the mirror's.
      if ((await this.remoteHead()) === null) throw await this.#remote.branchMissing(this.branch)
    }
    try {
      return await this.#fetchOnce()
    } catch (error) {
      if (error instanceof GitError && error.reason === 'deadline') throw timedOut(error)
      this.recreate()
    }
    return await this.#fetchOnce().catch((cause: unknown) => {
      throw new MirrorError('other', `the mirror can not be fetched: ${messageOf(cause)}`, cause)
    })
  }

  /** Runs `work`; when it fails for a reason that is not the remote's, once more on a fresh mirror. */
  async healing<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof MirrorError || (error instanceof GitError && error.reason !== 'exit')) {
        throw error
      }
      this.recreate()
      return await work()
    }
  }

  #prepare(): void {
    mkdirSync(this.#remote.home, { recursive: true, mode: 0o700 })
  }

  async #fetchOnce(): Promise<Fetched> {
    if (!existsSync(join(this.#repository, 'HEAD'))) {
      const { home } = this.#remote
      await git(['init', '--quiet', '--bare', '--end-of-options', this.#repository], { home })
    }
    const previous = await this.#head()
    await this.#remote.fetch(`+refs/heads/${this.branch}:${this.#ref}`, this.#repository)
    const now = await this.#head()
    if (now === null) throw new MirrorError('other', `branch ${this.branch} has no commit`)
    const rewritten =
      previous !== null && previous !== now && !(await this.isAncestor(previous, now))
    return { head: now, previous, rewritten }
  }

  async #head(): Promise<string | null> {
    const text = await this.run(['for-each-ref', '--format=%(objectname)', '--', this.#ref])
    const id = text.toString('utf8').trim()
    return isCommitId(id) ? id : null
  }

  /** Head of the branch at the remote now, or null when it has none. Throws `MirrorError`. */
  remoteHead(branch = this.branch): Promise<string | null> {
    this.#prepare()
    return this.#remote.head(`refs/heads/${branch}`)
  }

  /** What a ref of ours names at the remote now, or null. Throws `MirrorError`. */
  ownHead(ref: OwnRef): Promise<string | null> {
    this.#prepare()
    return this.#remote.head(ref)
  }

  recreate(): void {
    rmSync(this.#repository, { recursive: true, force: true })
  }

  async isAncestor(older: string, newer: string): Promise<boolean> {
    try {
      await this.run(['merge-base', '--is-ancestor', '--end-of-options', older, newer])
      return true
    } catch {
      return false
    }
  }

  /** Changed files between two commits, without renames. */
  async changedPaths(from: string, to: string): Promise<Change[]> {
    const flags = ['-r', '-z', '--raw', '--no-abbrev', '--no-renames', '--end-of-options']
    return parseChanges(await this.run(['diff-tree', ...flags, checked(from), checked(to)]))
  }

  async tree(commit: string): Promise<Tree> {
    const args = [
      'ls-tree',
      '-r',
      '-z',
      '--long',
      '--full-tree',
      '--end-of-options',
      checked(commit),
    ]
    return parseTree(await this.run(args, { maxOutputBytes: 256 * 1024 * 1024 }))
  }

  /** Modes of some paths of a commit, such as 100644. */
  async modes(commit: string, paths: readonly string[]): Promise<Map<string, string>> {
    const args = ['ls-tree', '-z', '--full-tree', '--end-of-options', checked(commit), '--']
    const output = await this.run([...args, ...paths])
    return new Map(
      output
        .toString('utf8')
        .split('\0')
        .flatMap((record) => {
          const tab = record.indexOf('\t')
          return tab < 0 ? [] : [[record.slice(tab + 1), record.slice(0, 6)] as const]
        }),
    )
  }

  /** Commits from `from` back along first parents, newest first, with the files each one changed. */
  async log({ from, count, skip = 0, path, until, isWanted }: LogQuery): Promise<Commit[]> {
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
    const only =
      path === undefined ? [] : ['--', ...[path].flat().map((one) => `:(top,literal)${one}`)]
    return parseLog(
      await this.run(['log', ...flags, ...bounds, '--end-of-options', ...range, ...only]),
      isWanted,
    )
  }

  /** Pushes a commit as the new head, only if the branch can be fast-forwarded to it. Never forces. */
  push(commit: string): Promise<PushResult> {
    const ref = `refs/heads/${this.branch}`
    return this.#remote.push({ gitDirectory: this.#repository, commit: checked(commit), ref })
  }

  /** Makes a ref of our own name a commit, or deletes it, if it is still what it was. */
  pushOwn(ref: OwnRef, commit: string | null, was: string | null): Promise<PushResult> {
    const gitDirectory = this.#repository
    return this.#remote.push({ gitDirectory, commit, ref, lease: was })
  }

  /** Brings what another branch names into the mirror. */
  async fetchBranch(branch: string): Promise<void> {
    await this.#remote.fetch(`+refs/heads/${branch}:refs/sluice-work/branch`, this.#repository)
  }

  /** Brings an object by its id, if the host gives it. */
  async fetchId(id: string): Promise<void> {
    await this.#remote.fetch(checked(id), this.#repository)
  }

  blobs(ids: readonly string[], maxBytes?: number): Promise<Map<string, Blob>> {
    const run: RunGit = (args, more) => this.run(args, more)
    return readBatch(run, ids.map(checked), maxBytes)
  }

  sizes(ids: readonly string[]): Promise<Map<string, number>> {
    return readSizes((args, more) => this.run(args, more), [...new Set(ids)].map(checked))
  }

  /** Blobs one after the other. `sizes` are bytes by id. */
  streamBlobs(
    sizes: ReadonlyMap<string, number>,
    options?: BatchOptions,
  ): AsyncGenerator<readonly [string, Blob]> {
    return streamBatch((args, more) => this.run(args, more), sizes, options)
  }

  /** A command on the mirror; only this folder may use it. */
  run(args: readonly string[], more?: Partial<GitOptions>): Promise<Buffer> {
    const { home, secretFiles } = this.#remote
    return git(args, {
      home,
      secretFiles,
      gitDirectory: this.#repository,
      deadlineMs: localDeadlineMs,
      ...more,
    })
  }
}

/** Refs that only Sluice writes, so that replacing one harms nobody. */
export type OwnRef = `refs/heads/sluice/${string}` | `refs/sluice/${string}`

export interface LogQuery {
  readonly from: string
  readonly count: number
  readonly skip?: number
  readonly path?: string | readonly string[] | undefined
  /** Stop at this commit; it and what is behind it are left out. */
  readonly until?: string | undefined
  /** Changes of other paths are left out. */
  readonly isWanted?: (path: string) => boolean
}

function checked(id: string): string {
  if (!isCommitId(id))
    throw new MirrorError('other', `"${id.slice(0, 80)}" is not the id of an object`)
  return id
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
