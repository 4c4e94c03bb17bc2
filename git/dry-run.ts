// A repository on disk and two commits in; what a revert would do, as paths, tree and diff, out. Nothing is written
// to the repository: objects and refs go to one beside it, which borrows its objects and is thrown away.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { GitError, git } from './command.ts'
import { buildCommits } from './commit-builder.ts'
import { pathFilter } from './glob.ts'
import { planGroup } from './group.ts'
import { locate, type Version } from './history.ts'
import { type Mirror, openMirror } from './mirror.ts'
import { isBranchName } from './names.ts'
import type { RolloutName } from './revert.ts'
import type { CommitPlan, RevertRequest, RevertResult } from './revert-plan.ts'

export interface DryRunInput {
  /** Directory of a repository, with or without a work tree. */
  readonly repo: string
  readonly branch: string
  readonly rollout: RolloutName
  /** Commits, or names of commits, with the release that failed and the one to go back to. */
  readonly bad: string
  readonly good: string
  readonly include?: readonly string[]
  readonly exclude?: readonly string[]
  /** Milliseconds since epoch; only the date of a commit that is thrown away. */
  readonly nowMs?: number
}

export type Decision = 'commit' | 'superseded' | 'nothing' | 'needs-human'

export interface DryRun {
  readonly decision: Decision
  readonly because: string
  /** Files that change. */
  readonly paths: readonly string[]
  /** Of the branch after the revert; its own tree when nothing is to be done. */
  readonly tree: string
  /** As `git diff` writes it; empty when nothing is to be done. */
  readonly diff: string
  /** Message of the commit, or empty. */
  readonly message: string
}

const author = { name: 'Sluice', email: 'sluice@sluice.dev' }

/** Rejects with a sentence for people when there is no such repository, branch or commit. */
export async function dryRun(input: DryRunInput): Promise<DryRun> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-dry-run-'))
  try {
    const { mirror, names } = await borrow(input, directory)
    return await decide(input, mirror, names)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Commits {
  readonly tip: string
  readonly bad: string
  readonly good: string
}

/** A bare repository that has no objects of its own yet, with the names resolved in the real one. */
async function borrow(
  { repo, branch, bad, good }: DryRunInput,
  home: string,
): Promise<{ mirror: Mirror; names: Commits }> {
  if (!isBranchName(branch)) throw new Error(`"${branch}" is not a branch name`)
  const ask = async (args: readonly string[], problem: string) => {
    try {
      const output = await git(['-C', resolve(repo), 'rev-parse', ...args], { home })
      return output.toString('utf8').trim()
    } catch (error) {
      if (error instanceof GitError) throw new Error(`${problem}: ${error.words}`, { cause: error })
      throw error
    }
  }
  const format = '--path-format=absolute'
  const objects = await ask([format, '--git-path', 'objects'], `${repo} is no Git repository`)
  const shallow = await ask([format, '--git-path', 'shallow'], `${repo} is no Git repository`)
  const commit = async (name: string, what: string) => {
    const flags = ['--verify', '--quiet', '--end-of-options']
    const answer = await ask([...flags, `${name}^{commit}`], `${repo} has no ${what}`)
    return answer.split('\n').at(-1) ?? ''
  }
  const names = {
    tip: await commit(`refs/heads/${branch}`, `branch ${branch}`).catch(() =>
      commit(`refs/remotes/origin/${branch}`, `branch ${branch}`),
    ),
    bad: await commit(bad, `commit ${bad}`),
    good: await commit(good, `commit ${good}`),
  }
  const repository = join(home, 'repository.git')
  await git(['init', '--quiet', '--bare', '--end-of-options', repository], { home })
  mkdirSync(join(repository, 'objects/info'), { recursive: true })
  writeFileSync(join(repository, 'objects/info/alternates'), `${objects}\n`)
  if (existsSync(shallow)) copyFileSync(shallow, join(repository, 'shallow'))
  const mirror = openMirror({ directory: home, url: 'file:///', branch })
  return { mirror, names }
}

async function decide(input: DryRunInput, mirror: Mirror, names: Commits): Promise<DryRun> {
  const { rollout, include = ['**/*.yaml', '**/*.yml'], exclude = [] } = input
  const { tip } = names
  const isIncluded = pathFilter(include, exclude)
  const search = { mirror, rollout, isIncluded }
  const [bad] = await locate(search, names.bad)
  const [good] = await locate(search, names.good, bad?.path)
  const [current] = await locate(search, tip, bad?.path)
  const text = async (args: readonly string[]) => (await mirror.run(args)).toString('utf8')
  const tree = (await text(['rev-parse', `${tip}^{tree}`])).trim()
  const without = (decision: Decision, because: string): DryRun => ({
    decision,
    because,
    paths: [],
    tree,
    diff: '',
    message: '',
  })
  const name = `${rollout.namespace}/${rollout.name}`
  if (!current && (bad || good)) return without('superseded', `${name} is not on the branch`)
  if (!bad) return without('needs-human', `${name} is not in the bad commit ${input.bad}`)
  if (!good) return without('needs-human', `${name} is not in the good commit ${input.good}`)
  const request = requestOf(input, bad, good)
  const group = await planGroup({ mirror, isIncluded, tip }, [request])
  const [plan] = group.plans
  if (!plan) {
    const result = group.results.get(request.key)
    return without(decisionOf[result?.state ?? 'NeedsHuman'], result?.because ?? 'there is no plan')
  }
  return { ...(await build(plan, { mirror, tip, nowMs: input.nowMs ?? 0 })), decision: 'commit' }
}

const decisionOf: Readonly<Record<RevertResult['state'], Decision>> = {
  // The commit of an earlier run with this key: nothing is left to be done.
  Committed: 'nothing',
  // A dry run asks no host.
  Proposed: 'nothing',
  Superseded: 'superseded',
  Nothing: 'nothing',
  NeedsHuman: 'needs-human',
}

/** Without a path: a Rollout that is written twice is then seen. */
function requestOf({ rollout }: DryRunInput, bad: Version, good: Version): RevertRequest {
  return {
    rollout: { ...rollout, uid: 'dry-run' },
    bad: { revision: bad.revision, commit: bad.commit },
    good: { revision: good.revision, commit: good.commit },
    because: 'A dry run: nothing was measured.',
    evidenceText: '',
    reason: 'dry run',
    key: `dry-run/${bad.revision}`,
  }
}

async function build(
  { path, text, isExecutable, message, changed }: CommitPlan,
  { mirror, tip, nowMs }: { mirror: Mirror; tip: string; nowMs: number },
): Promise<Omit<DryRun, 'decision'>> {
  const [commit = ''] = await buildCommits((args, more) => mirror.run(args, more), {
    parent: tip,
    plans: [{ files: new Map([[path, { text, isExecutable }]]), message }],
    author,
    nowMs,
  })
  const tree = await mirror.run(['rev-parse', `${commit}^{tree}`])
  const flags = ['--no-color', '--no-ext-diff', '--no-textconv', '--no-renames']
  const diff = await mirror.run(['diff-tree', '-p', ...flags, '--end-of-options', tip, commit])
  return {
    because: `restores ${changed} in ${path}`,
    paths: [path],
    tree: tree.toString('utf8').trim(),
    diff: diff.toString('utf8'),
    message,
  }
}
