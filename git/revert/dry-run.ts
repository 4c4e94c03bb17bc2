// A repository on disk and two commits in; what a revert would do, as paths, tree and diff, out. Nothing is written
// to the repository: objects and refs go to one beside it, which borrows its objects and is thrown away.
import { type Borrowed, buildBorrowed, treeOf, withBorrowed } from '../repository/borrowed.ts'
import { pathFilter } from '../source/glob.ts'
import { named } from './config-history.ts'
import { planGroup } from './group.ts'
import { locate, type Version } from './history.ts'
import type { RolloutName } from './revert.ts'
import type { RevertRequest, RevertResult } from './revert-plan.ts'

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
export function dryRun(input: DryRunInput): Promise<DryRun> {
  return withBorrowed(input, async (borrowed) => {
    const commitOf = async (name: string) => {
      const commit = await borrowed.commit(name)
      if (commit === null) throw new Error(`${input.repo} has no commit ${name}`)
      return commit
    }
    const [bad, good] = [await commitOf(input.bad), await commitOf(input.good)]
    return decide(input, borrowed, { bad, good })
  })
}

async function decide(
  input: DryRunInput,
  borrowed: Borrowed,
  names: { readonly bad: string; readonly good: string },
): Promise<DryRun> {
  const { rollout, include = ['**/*.yaml', '**/*.yml'], exclude = [] } = input
  const { mirror, tip } = borrowed
  const isIncluded = pathFilter(include, exclude)
  const search = { mirror, rollout, isIncluded }
  const [bad] = await locate(search, names.bad)
  const [good] = await locate(search, names.good, bad?.path)
  const tree = await treeOf(mirror, tip)
  const without = (decision: Decision, because: string): DryRun => ({
    decision,
    because,
    paths: [],
    tree,
    diff: '',
    message: '',
  })
  const name = `${rollout.namespace}/${rollout.name}`
  const isGone = !(bad && good) && (await locate(search, tip)).length === 0
  if (isGone && (bad || good)) return without('superseded', `${name} is not on the branch`)
  if (!bad) return without('needs-human', `${name} is not in the bad commit ${input.bad}`)
  if (!good) return without('needs-human', `${name} is not in the good commit ${input.good}`)
  const request = requestOf(input, await named(search, bad), await named(search, good))
  if (request.bad.revision === request.good.revision) {
    const because = `both commits hold the same release of ${name}: what differs stands elsewhere, such as in values of Helm`
    return without('nothing', because)
  }
  const group = await planGroup({ mirror, isIncluded, tip }, [request])
  const [plan] = group.plans
  if (!plan) {
    const result = group.results.get(request.key)
    return without(decisionOf[result?.state ?? 'NeedsHuman'], result?.because ?? 'there is no plan')
  }
  const { files, message, changed, note } = plan
  const built = await buildBorrowed(borrowed, { ...plan, author, nowMs: input.nowMs ?? 0 })
  return {
    decision: 'commit',
    because: `restores ${changed}${note === undefined ? '' : `. ${note}`}`,
    paths: files.map(({ path }) => path),
    tree: built.tree,
    diff: built.diff,
    message,
  }
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
