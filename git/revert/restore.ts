// A repository on disk and a time, a commit or a release in; the commit that brings that release of a Rollout back,
// out: as a preview, or on a branch of its own. The branch that is followed, the index and the files stay untouched.
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Borrowed, buildBorrowed, treeOf, withBorrowed } from '../repository/borrowed.ts'
import { GitError, git } from '../repository/command.ts'
import type { Author } from '../repository/commit-builder.ts'
import { isBranchName } from '../repository/names.ts'
import { pathFilter } from '../source/glob.ts'
import { refsOf, revisionIn } from './config-documents.ts'
import { configAt, findState, named, type ReleaseState } from './config-history.ts'
import { restored } from './config-plan.ts'
import { changedText } from './config-revert.ts'
import type { DryRun } from './dry-run.ts'
import { findVersion, locate, type Search, type Version } from './history.ts'
import { renderRestore } from './message.ts'
import type { RolloutName } from './revert.ts'

export interface RestoreInput {
  /** Directory of a repository, with or without a work tree. */
  readonly repo: string
  readonly branch: string
  readonly rollout: RolloutName
  /** An RFC 3339 time, the name of a commit, or the first five or more characters of a release. */
  readonly at: string
  readonly include?: readonly string[]
  readonly exclude?: readonly string[]
  /** Milliseconds since epoch. */
  readonly nowMs: number
  /** Makes the branch; without it nothing is written. */
  readonly write?: boolean
}

export interface Restore extends DryRun {
  /** What comes back; null when it was not found. */
  readonly from: { readonly commit: string; readonly revision: string } | null
  /** The branch that was made; null without one. */
  readonly branch: string | null
  readonly commit: string | null
}

/** Rejects with a sentence for people when there is no such repository, branch, time or commit. */
export function restore(input: RestoreInput): Promise<Restore> {
  return withBorrowed(input, (borrowed) => decide(input, borrowed))
}

async function decide(input: RestoreInput, borrowed: Borrowed): Promise<Restore> {
  const { rollout, include = ['**/*.yaml', '**/*.yml'], exclude = [] } = input
  const { mirror, tip } = borrowed
  const search: Search = { mirror, rollout, isIncluded: pathFilter(include, exclude) }
  const name = `${rollout.namespace}/${rollout.name}`
  const [found, second] = await locate(search, tip)
  const current = found && (await named(search, found))
  const past = await pastOf(input, borrowed, { search, current })
  const tree = await treeOf(mirror, tip)
  const without = (decision: DryRun['decision'], because: string): Restore => ({
    ...{ decision, because, tree, paths: [], diff: '', message: '', branch: null, commit: null },
    from: past && { commit: past.commit, revision: past.revision },
  })
  if (!past) return without('needs-human', `${name} was nowhere to be read at ${input.at}`)
  if (!current) {
    const remedy = `git restore --source=${past.commit.slice(0, 12)} -- ${past.path}`
    return without('needs-human', `${name} is not on the branch: bring its file back by ${remedy}`)
  }
  if (second) {
    return without('needs-human', `${name} is written in ${current.path} and ${second.path}`)
  }
  const change = await restored(
    { search, current, texts: new Map() },
    { bad: await stateAt(search, current), good: await stateAt(search, past) },
  )
  if (change.kind === 'nothing') return without('nothing', `the branch asks for ${past.revision}`)
  if (change.kind !== 'commit') return without('needs-human', change.because)
  const message = renderRestore({ rollout, from: current, to: past, at: input.at })
  const author = await authorOf(borrowed)
  const paths = change.files.map(({ path }) => path)
  const modes = await mirror.modes(tip, paths)
  const odd = paths.find((path) => !modes.get(path)?.startsWith('100'))
  if (odd !== undefined) return without('needs-human', `${odd} is not a plain file`)
  const files = change.files.map((file) => ({
    ...file,
    isExecutable: modes.get(file.path) === '100755',
  }))
  const what = { files, message, author, nowMs: input.nowMs }
  const { commit, ...built } = await buildBorrowed(borrowed, what)
  const note = change.note === undefined ? '' : `. ${change.note}`
  const because = `restores ${changedText(change.changed, files)} as of ${past.commit.slice(0, 12)}${note}`
  const shown = { ...without('commit', because), ...built, paths, message }
  if (!input.write) return shown
  return { ...shown, commit, branch: await publish(borrowed, { rollout, past }) }
}

/** With what the Rollout names there. */
async function stateAt(search: Search, rollout: Version): Promise<ReleaseState> {
  const config = await configAt(search, rollout.commit, refsOf(rollout))
  return { commit: rollout.commit, rollout, config, revision: revisionIn(rollout, config) }
}

/** The Rollout as it was. Times are those of the commits of the branch, not of its side branches. */
async function pastOf(
  { at, repo }: RestoreInput,
  borrowed: Borrowed,
  { search, current }: { search: Search; current: Version | undefined },
): Promise<Version | null> {
  const time = timeOf(at)
  const commit = time === null ? await borrowed.commit(at) : await commitAt(borrowed, time)
  if (commit !== null) {
    const [found] = await locate(search, commit, current?.path)
    return found ? await named(search, found) : null
  }
  const isRelease = time === null && /^[0-9a-z]{5,63}$/.test(at)
  const found = isRelease && current ? await releaseOf(search, current, at) : null
  if (found) return found
  throw new Error(
    time === null
      ? `${repo} has no commit and no release ${at.slice(0, 80)}; give a time such as 2026-01-31T14:05:00Z`
      : `the branch has no commit before ${at}`,
  )
}

/** Its template may have had configuration then, or not. */
async function releaseOf(search: Search, current: Version, at: string): Promise<Version | null> {
  const tip = await stateAt(search, current)
  return (await findState(search, tip, at)) ?? (await findVersion(search, current, at))
}

function timeOf(at: string): string | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/.test(at))
    return null
  const ms = Date.parse(at)
  return Number.isNaN(ms) ? null : new Date(ms).toISOString()
}

async function commitAt({ mirror, tip }: Borrowed, time: string): Promise<string | null> {
  const flags = ['-1', '--first-parent', `--before=${time}`]
  const found = await mirror.run(['rev-list', ...flags, '--end-of-options', tip])
  return found.toString('latin1').trim() || null
}

/** The person who asks, as Git knows them. */
async function authorOf({ repo, home }: Borrowed): Promise<Author> {
  const own = homedir()
  const environment = { HOME: own, GIT_CONFIG_GLOBAL: join(own, '.gitconfig') }
  const read = async (key: string) => {
    const output = await git(['-C', repo, 'config', '--get', key], { home, environment }).catch(
      () => '',
    )
    return output.toString().trim().slice(0, 254)
  }
  const [name, email] = [await read('user.name'), await read('user.email')]
  return name && email ? { name, email } : { name: 'Sluice', email: 'sluice@sluice.dev' }
}

/** Brings the commit into the repository as a branch that was not there. */
async function publish(
  { repo, home }: Borrowed,
  { rollout, past }: { rollout: RolloutName; past: Version },
): Promise<string> {
  const branch = `sluice/restore/${rollout.namespace}.${rollout.name}/${past.revision.slice(0, 7)}`
  if (!isBranchName(branch)) throw new Error(`"${branch}" is not a branch name`)
  const source = join(home, 'repository.git')
  const flags = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-gc']
  const refspec = `refs/sluice-work/group:refs/heads/${branch}`
  try {
    await git(['-C', repo, 'fetch', ...flags, '--end-of-options', source, refspec], { home })
    return branch
  } catch (error) {
    if (!(error instanceof GitError)) throw error
    const because = `branch ${branch} can not be made; delete it if it is there: ${error.words}`
    throw new Error(because, { cause: error })
  }
}
