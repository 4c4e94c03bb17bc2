// Commits in, a branch out: a Git host as a graph of commits in memory. People push to it, rewrite it and
// protect it; nobody but the invariants sees everything that was ever pushed.
import { canonicalJson } from '../../crds/revision.ts'
import { type FileDefinitions, readFile } from '../../git/source/definitions.ts'
import { namespace } from './scenario.ts'

export type Files = ReadonlyMap<string, string>

export interface Commit {
  readonly id: string
  readonly parent: Commit | null
  readonly files: Files
  readonly author: string
  readonly message: string
  readonly at: number
}

export interface Push {
  readonly from: Commit
  readonly to: Commit
  /** The head that the server saw. */
  readonly found: Commit
  readonly isForced: boolean
}

export interface GitHost {
  head(): Commit
  find(id: string): Commit | null
  /** A person commits on top of the branch. */
  commit(change: { author: string; message: string; files: Record<string, string> }): Commit
  /** Builds a commit without moving the branch. */
  build(
    parent: Commit,
    change: { author: string; message: string; files: Record<string, string> },
  ): Commit
  /** Moves the branch only from `from`; false when it is elsewhere. */
  push(from: Commit, to: Commit): boolean
  /** Somebody rewrites the branch. */
  force(to: Commit): void
  /** The pull request of a branch, open or not. */
  pull(branch: string): Pull | null
  /** Opens or renews the pull request of a branch with this one commit. */
  propose(branch: string, commit: Commit): Pull
  /** A person merges what is open, or closes it; false when nothing is, or it does not fit the branch any more. */
  close(isMerged: boolean): boolean
}

export interface Pull {
  readonly number: number
  readonly commit: Commit
  readonly state: 'open' | 'merged' | 'closed'
}

export interface HostOptions {
  readonly now: () => number
  readonly onPush: (push: Push) => void
}

export function createGitHost(
  { now, onPush }: HostOptions,
  files: Record<string, string>,
): GitHost {
  const known = new Map<string, Commit>()
  let count = 0

  const build: GitHost['build'] = (parent, { author, message, files: changed }) =>
    add(parent, { author, message, files: new Map([...parent.files, ...Object.entries(changed)]) })

  const add = (
    parent: Commit | null,
    change: { author: string; message: string; files: Files },
  ): Commit => {
    count += 1
    const id = count.toString(16).padStart(40, '0')
    const commit = { ...change, id, parent, at: now() }
    known.set(id, commit)
    return commit
  }

  const pulls = new Map<string, Pull>()
  const close: GitHost['close'] = (isMerged) => {
    const [branch, pull] = [...pulls].find(([, { state }]) => state === 'open') ?? []
    if (!branch || !pull) return false
    const { commit } = pull
    const files = [...commit.files].filter(
      ([name, text]) => commit.parent?.files.get(name) !== text,
    )
    const isFitting = files.every(
      ([name]) => commit.parent?.files.get(name) === head.files.get(name),
    )
    if (isMerged && !isFitting) return false
    pulls.set(branch, { ...pull, state: isMerged ? 'merged' : 'closed' })
    if (isMerged) head = build(head, { ...commit, files: Object.fromEntries(files) })
    return true
  }

  let head = add(null, { author: 'ada', message: 'begin', files: new Map(Object.entries(files)) })

  return {
    head: () => head,
    find: (id) => known.get(id) ?? null,
    build,
    commit(change) {
      head = build(head, change)
      return head
    },
    push(from, to) {
      if (head !== from) return false
      onPush({ from, to, found: head, isForced: false })
      head = to
      return true
    },
    force(to) {
      head = to
    },
    pull: (branch) => pulls.get(branch) ?? null,
    propose(branch, commit) {
      const known = pulls.get(branch)
      const { parent } = commit
      if (parent) onPush({ from: parent, to: commit, found: parent, isForced: false })
      const pull: Pull = { number: known?.number ?? pulls.size + 1, commit, state: 'open' }
      pulls.set(branch, pull)
      return pull
    },
    close,
  }
}

export function isAncestor(old: Commit, commit: Commit): boolean {
  for (let at: Commit | null = commit; at; at = at.parent) if (at === old) return true
  return false
}

const parsed = new Map<string, FileDefinitions>()

/** Reading is pure and dear, and the same texts come again in thousands of runs. */
export function definitionsIn(text: string): FileDefinitions {
  const known = parsed.get(text)
  if (known) return known
  const read = readFile(text, namespace)
  if (parsed.size > 2_000) parsed.clear()
  parsed.set(text, read)
  return read
}

/** The commit that last changed the value of a definition. */
export function lastChange(head: Commit, identity: string): Commit {
  const valueIn = (commit: Commit) => meaningIn(commit, identity)
  const value = valueIn(head)
  let since = head
  for (let at = head.parent; at; at = at.parent) {
    if (valueIn(at) !== value) break
    since = at
  }
  return since
}

const values = new Map<string, string>()

function meaningIn(commit: Commit, identity: string): string {
  for (const text of commit.files.values()) {
    if (!text.includes('sluice.dev/')) continue
    const found = definitionsIn(text).definitions.find((one) => one.identity === identity)
    if (!found) continue
    const known = values.get(text)
    if (known !== undefined) return known
    if (values.size > 2_000) values.clear()
    const value = canonicalJson(found.object)
    values.set(text, value)
    return value
  }
  return ''
}
