// A repository of a person in; one beside it that borrows its objects, out. What is built there is thrown away, and
// the repository of the person stays as it is.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { GitError, git } from './command.ts'
import { type Author, buildCommits } from './commit-builder.ts'
import { type Mirror, openMirror } from './mirror.ts'
import { isBranchName } from './names.ts'

export interface Borrowed {
  readonly mirror: Mirror
  /** Head of the branch. */
  readonly tip: string
  /** The directory of the repository of the person. */
  readonly repo: string
  /** A directory that is thrown away. */
  readonly home: string
  /** A commit by any of its names, or null. */
  commit(name: string): Promise<string | null>
}

/** Rejects with a sentence for people when there is no such repository or branch. */
export async function withBorrowed<Value>(
  { repo, branch }: { readonly repo: string; readonly branch: string },
  work: (borrowed: Borrowed) => Promise<Value>,
): Promise<Value> {
  if (!isBranchName(branch)) throw new Error(`"${branch}" is not a branch name`)
  const home = mkdtempSync(join(tmpdir(), 'sluice-borrowed-'))
  try {
    return await work(await borrow(repo, branch, home))
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

async function borrow(repo: string, branch: string, home: string): Promise<Borrowed> {
  const ask = async (args: readonly string[]) => {
    const output = await git(['-C', resolve(repo), 'rev-parse', ...args], { home })
    return output.toString('utf8').trim()
  }
  const place = (name: string) =>
    ask(['--path-format=absolute', '--git-path', name]).catch((error: unknown) => {
      if (!(error instanceof GitError)) throw error
      throw new Error(`${repo} is no Git repository: ${error.words}`, { cause: error })
    })
  const objects = await place('objects')
  const shallow = await place('shallow')
  const commit = async (name: string) => {
    try {
      const answer = await ask(['--verify', '--quiet', '--end-of-options', `${name}^{commit}`])
      return answer.split('\n').at(-1) || null
    } catch (error) {
      if (error instanceof GitError) return null
      throw error
    }
  }
  const tip =
    (await commit(`refs/heads/${branch}`)) ?? (await commit(`refs/remotes/origin/${branch}`))
  if (tip === null) throw new Error(`${repo} has no branch ${branch}`)
  const repository = join(home, 'repository.git')
  await git(['init', '--quiet', '--bare', '--end-of-options', repository], { home })
  mkdirSync(join(repository, 'objects/info'), { recursive: true })
  writeFileSync(join(repository, 'objects/info/alternates'), `${objects}\n`)
  if (existsSync(shallow)) copyFileSync(shallow, join(repository, 'shallow'))
  const mirror = openMirror({ directory: home, url: 'file:///', branch })
  return { mirror, tip, repo: resolve(repo), home, commit }
}

export interface Change {
  readonly files: readonly {
    readonly path: string
    readonly text: string
    readonly isExecutable?: boolean | undefined
  }[]
  readonly message: string
  readonly author: Author
  /** Milliseconds since epoch. */
  readonly nowMs: number
}

export interface Built {
  readonly commit: string
  /** Of the branch with the change. */
  readonly tree: string
  /** As `git diff` writes it. */
  readonly diff: string
}

/** The commit that a change is, on the tip of the branch; only in what is thrown away. */
export async function buildBorrowed({ mirror, tip }: Borrowed, change: Change): Promise<Built> {
  const { files, message, author, nowMs } = change
  const [commit = ''] = await buildCommits((args, more) => mirror.run(args, more), {
    parent: tip,
    plans: [{ files: new Map(files.map(({ path, ...file }) => [path, file])), message }],
    author,
    nowMs,
  })
  const flags = ['--no-color', '--no-ext-diff', '--no-textconv', '--no-renames']
  const diff = await mirror.run(['diff-tree', '-p', ...flags, '--end-of-options', tip, commit])
  return { commit, tree: await treeOf(mirror, commit), diff: diff.toString('utf8') }
}

export async function treeOf(mirror: Mirror, commit: string): Promise<string> {
  return (await mirror.run(['rev-parse', `${commit}^{tree}`])).toString('utf8').trim()
}
