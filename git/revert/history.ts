// The name of a Rollout in; its document at a commit, and the texts of two of its releases in the history,
// out. Found by identity: files move, and commits that were remembered may be wrong or gone.
import type { SourceError } from '../../crds/git-source.ts'
import { type Hash, revisionOf } from '../../crds/revision.ts'
import { bring } from '../repository/bring.ts'
import { GitError } from '../repository/command.ts'
import type { Commit } from '../repository/git-output.ts'
import type { Mirror } from '../repository/mirror.ts'
import { isCommitId, pathProblem } from '../repository/names.ts'
import { groupMarker } from '../source/definitions.ts'
import { parseYamlFile } from '../yaml/yaml-file.ts'
import { findRollout, type RolloutName, type RolloutRelease, releaseOf } from './revert.ts'

/** The document of a Rollout in one commit. */
export interface Version extends FileAt, RolloutRelease {
  /** Of its template alone. */
  readonly revision: Hash
}

export interface Search {
  readonly mirror: Mirror
  readonly rollout: RolloutName
  readonly isIncluded: (path: string) => boolean
}

const maxCandidates = 2_000
const maxVersions = 500
const versionsPerStep = 50
const maxMoves = 5

/** Every place where the Rollout is written at a commit; more than one is an error of the repository. */
export async function locate(search: Search, commit: string, hint?: string): Promise<Version[]> {
  const { rollout, isIncluded } = search
  if (hint !== undefined && isIncluded(hint)) {
    const found = versionsIn(search, await readPaths(search, commit, [hint]))
    if (found.length > 0) return found
  }
  return versionsIn(search, await filesWith(search, commit, [rollout.name]))
}

/** Where the Rollout is written so that it can not be read, and why; null when it is nowhere. */
export async function locateUnreadable(
  search: Search,
  commit: string,
): Promise<Pick<SourceError, 'path' | 'line' | 'message'> | null> {
  for (const { path, text } of await filesWith(search, commit, [search.rollout.name])) {
    if (!text.includes(groupMarker)) continue
    const { documents, problems } = parseYamlFile(path, text)
    const [problem] = [...problems, ...(findRollout(documents, search.rollout)?.problems ?? [])]
    if (problem) return problem
  }
  return null
}

/** The text of a file in one commit. */
export interface FileAt {
  readonly commit: string
  readonly path: string
  readonly text: string
}

/** What was found for one plan; the filter of paths is made anew for each. */
const found = new WeakMap<Search['isIncluded'], Map<string, Promise<FileAt[]>>>()
const maxFound = 64

/** Files of a commit that hold one of these words; bounded. */
export function filesWith(
  search: Omit<Search, 'rollout'>,
  commit: string,
  words: readonly string[],
): Promise<FileAt[]> {
  const known = found.get(search.isIncluded) ?? new Map<string, Promise<FileAt[]>>()
  const key = [commit, ...words].join('\n')
  const before = known.get(key)
  if (before) return before
  if (known.size >= maxFound) known.clear()
  const files = grep(search, commit, words)
  found.set(search.isIncluded, known.set(key, files))
  return files
}

async function grep(
  search: Omit<Search, 'rollout'>,
  commit: string,
  words: readonly string[],
): Promise<FileAt[]> {
  const { mirror, isIncluded } = search
  // git grep 2.39 knows no --end-of-options; the commit is hexadecimal, which is checked.
  if (!isCommitId(commit)) throw new Error(`"${commit.slice(0, 80)}" is not the id of a commit`)
  const patterns = words.flatMap((word) => ['-e', word])
  const flags = ['-l', '-z', '-I', '-F', ...patterns, commit, '--']
  try {
    const output = await mirror.run(['grep', ...flags])
    const paths = output.toString('utf8').split('\0').filter(Boolean)
    const included = paths
      .map((path) => path.slice(commit.length + 1))
      .filter((path) => isIncluded(path) && pathProblem(path) === null)
    return await readPaths(search, commit, included.slice(0, maxCandidates))
  } catch (error) {
    // Without a match git grep ends with 1 and says nothing.
    if (error instanceof GitError && error.reason === 'exit' && error.words === '') return []
    throw error
  }
}

/** These files of a commit; those that are not there are left out. */
export async function readPaths(
  { mirror }: Pick<Search, 'mirror'>,
  commit: string,
  paths: readonly string[],
): Promise<FileAt[]> {
  if (paths.length === 0) return []
  const args = ['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', commit]
  const listed = await mirror.run(paths.length <= 50 ? [...args, '--', ...paths] : args)
  const wanted = new Set(paths)
  const entries = listed
    .toString('utf8')
    .split('\0')
    .flatMap((record) => {
      const match = /^100[0-9]{3} blob ([0-9a-f]+)\t/.exec(record)
      const path = match ? record.slice(match[0].length) : ''
      return match && wanted.has(path) ? [{ id: match[1] ?? '', path }] : []
    })
  const blobs = await mirror.blobs(entries.map(({ id }) => id))
  return entries.flatMap(({ id, path }) => {
    const blob = blobs.get(id)
    return blob?.kind === 'text' ? [{ commit, path, text: blob.text }] : []
  })
}

export function versionsIn(search: Pick<Search, 'rollout'>, files: readonly FileAt[]): Version[] {
  return files.flatMap((file) => versionOf(search, file) ?? [])
}

export function versionOf({ rollout }: Pick<Search, 'rollout'>, file: FileAt): Version | null {
  if (!file.text.includes(groupMarker)) return null
  const document = findRollout(parseYamlFile(file.path, file.text).documents, rollout)
  if (!document || document.problems.length > 0) return null
  const release = releaseOf(document)
  return { ...file, ...release, revision: revisionOf(release.template) }
}

export interface ReleaseHint {
  readonly revision: string
  readonly commit?: string | undefined
}

/** `text` of the commit that brought the bad release, or of the last one that had the good; `since` the former. */
export interface FoundRelease extends Version {
  readonly since: string
}

export interface Releases {
  readonly bad: FoundRelease | null
  readonly good: FoundRelease | null
}

/** Both releases, from the history behind `tip` or, if it does not hold them, from the remembered commits. */
export async function findReleases(
  search: Search,
  tip: Version,
  hints: { readonly bad: ReleaseHint; readonly good: ReleaseHint },
): Promise<Releases> {
  const bad = run<Version>(hints.bad.revision)
  const good = run<Version>(hints.good.revision)
  let count = 0
  for await (const version of versions(search, tip)) {
    bad.see(version)
    good.see(version)
    count += 1
    if ((bad.isOver() && good.isOver()) || count >= maxVersions) break
  }
  return {
    bad: bad.first() ?? (await remembered(search, tip, hints.bad)),
    good: good.last() ?? (await remembered(search, tip, hints.good)),
  }
}

/** The newest version of the Rollout whose revision begins like this. */
export async function findVersion(
  search: Search,
  tip: Version,
  start: string,
): Promise<Version | null> {
  let count = 0
  for await (const version of versions(search, tip)) {
    if (version.revision.startsWith(start)) return version
    count += 1
    if (count >= maxVersions) return null
  }
  return null
}

/** The newest unbroken run of versions with one revision. */
export function run<Seen extends { readonly revision: Hash | null; readonly commit: string }>(
  revision: string,
) {
  let newest: Seen | null = null
  let oldest: Seen | null = null
  let isOver = false
  const found = (version: Seen | null): (Seen & { readonly since: string }) | null =>
    version && { ...version, since: oldest?.commit ?? version.commit }
  return {
    see(version: Seen): void {
      if (isOver) return
      if (version.revision === revision) {
        newest ??= version
        oldest = version
      } else if (newest !== null) isOver = true
    },
    isOver: () => isOver,
    /** As it was last, before another came. */
    last: () => found(newest),
    /** As it came: what people wrote around it since is not its own. */
    first: () => found(oldest),
  }
}

async function remembered(
  search: Search,
  tip: Version,
  { revision, commit }: ReleaseHint,
): Promise<FoundRelease | null> {
  if (commit === undefined || !isCommitId(commit)) return null
  if (!(await bring(search.mirror, commit))) return null
  try {
    const places = [...(await locate(search, commit, tip.path)), ...(await locate(search, commit))]
    const version = places.find((one) => one.revision === revision)
    return version ? { ...version, since: commit } : null
  } catch (error) {
    // The commit is not in the mirror: after a force-push it may be gone for good.
    if (error instanceof GitError && error.reason === 'exit') return null
    throw error
  }
}

/** The document at every commit that touched its file, newest first, across moves of the file. */
async function* versions(search: Search, tip: Version): AsyncGenerator<Version> {
  let from = tip.commit
  let path: string | undefined = tip.path
  for (let move = 0; move < maxMoves && path !== undefined; move++) {
    let added: string | null = null
    for (let skip = 0; added === null && skip < maxVersions; skip += versionsPerStep) {
      const commits: Commit[] = await search.mirror.log({
        from,
        path,
        skip,
        count: versionsPerStep,
      })
      yield* await readVersions(search, commits, path)
      added =
        commits.find(({ changes }) => changes.some(({ before }) => before === null))?.id ?? null
      if (commits.length < versionsPerStep) break
    }
    const parent = added && (await search.mirror.log({ from: added, count: 1, skip: 1 }))[0]?.id
    if (!parent) return
    const [elsewhere] = await locate(search, parent)
    from = parent
    path = elsewhere?.path
  }
}

async function readVersions(
  search: Search,
  commits: readonly Commit[],
  path: string,
): Promise<Version[]> {
  const entries = commits.flatMap(({ id, changes }) => {
    const now = changes.find((change) => change.path === path)?.now
    return now?.mode.startsWith('100') ? [{ commit: id, id: now.id }] : []
  })
  const blobs = await search.mirror.blobs(entries.map(({ id }) => id))
  return entries.flatMap(({ commit, id }) => {
    const blob = blobs.get(id)
    const version =
      blob?.kind === 'text' ? versionOf(search, { commit, path, text: blob.text }) : null
    return version ? [version] : []
  })
}
