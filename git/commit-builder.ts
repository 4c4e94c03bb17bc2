// Files and a parent in; a commit in the object store out. No work tree: an index file of its own, thrown
// away afterwards.
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunGit } from './object-batch.ts'

export interface Author {
  readonly name: string
  readonly email: string
}

export interface FilesOfCommit {
  /** Files that change: their new text, or null to delete them. */
  readonly files: ReadonlyMap<string, string | null>
  readonly message: string
}

export interface ChainInput {
  /** Null for the first commit of a repository. */
  readonly parent: string | null
  readonly plans: readonly FilesOfCommit[]
  readonly author: Author
  readonly nowMs: number
  readonly environment?: Readonly<Record<string, string>> | undefined
}

/** Commits on top of each other, in order; returns their ids. Nothing refers to them until they are pushed. */
export async function buildCommits(run: RunGit, input: ChainInput): Promise<string[]> {
  const indexFile = join(tmpdir(), `sluice-index-${randomUUID()}`)
  const environment = { ...input.environment, ...identity(input), GIT_INDEX_FILE: indexFile }
  const text = async (args: readonly string[], stdin?: string) =>
    (await run(args, { environment, input: stdin })).toString('utf8').trim()
  const commits: string[] = []
  let parent = input.parent
  try {
    if (parent !== null) await text(['read-tree', '--end-of-options', parent])
    for (const plan of input.plans) {
      await text(['update-index', '-z', '--index-info'], await indexInfo(text, plan))
      const tree = await text(['write-tree'])
      const parents = parent === null ? [] : ['-p', parent]
      parent = await text(['commit-tree', ...parents, '-F', '-', tree], plan.message)
      commits.push(parent)
    }
    return commits
  } finally {
    rmSync(indexFile, { force: true })
    rmSync(`${indexFile}.lock`, { force: true })
  }
}

async function indexInfo(
  text: (args: readonly string[], stdin?: string) => Promise<string>,
  { files }: FilesOfCommit,
): Promise<string> {
  const lines: string[] = []
  for (const [path, content] of files) {
    if (content === null) {
      lines.push(`0 ${'0'.repeat(40)}\t${path}\0`)
      continue
    }
    const blob = await text(['hash-object', '-w', '--stdin', '--no-filters'], content)
    const listed = await text(['ls-files', '-s', '-z', '--', `:(top,literal)${path}`])
    // An executable file stays executable.
    const mode = listed.startsWith('100755') ? '100755' : '100644'
    lines.push(`${mode} ${blob}\t${path}\0`)
  }
  return lines.join('')
}

function identity({ author, nowMs }: ChainInput): Record<string, string> {
  const plain = (value: string) =>
    [...value].filter((c) => c >= ' ' && !'<>\x7f'.includes(c)).join('')
  const date = `${Math.floor(nowMs / 1_000)} +0000`
  return {
    GIT_AUTHOR_NAME: plain(author.name),
    GIT_AUTHOR_EMAIL: plain(author.email),
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: plain(author.name),
    GIT_COMMITTER_EMAIL: plain(author.email),
    GIT_COMMITTER_DATE: date,
  }
}
