// A Rollout with configuration in; what it and the documents that it names held at a commit, and where in the history
// two of its releases stand, out. A release is told by the digest of both; files may move.
import type { ConfigRef, Hash } from '../../crds/revision.ts'
import { bring } from '../repository/bring.ts'
import { GitError } from '../repository/command.ts'
import type { Commit } from '../repository/git-output.ts'
import { isCommitId } from '../repository/names.ts'
import { type ConfigState, findConfig, keyOf, refsOf, revisionIn } from './config-documents.ts'
import type { FileText } from './document-revert.ts'
import {
  filesWith,
  locate,
  type ReleaseHint,
  readPaths,
  run,
  type Search,
  type Version,
  versionOf,
} from './history.ts'

/** A release in one commit, with what it names. */
export interface ReleaseState {
  readonly commit: string
  readonly rollout: Version
  readonly config: ConfigState
  /** Null when something that is named is not in Git as the cluster sees it. */
  readonly revision: Hash | null
}

export interface FoundState extends ReleaseState {
  /** The commit that brought it. */
  readonly since: string
}

const maxCommits = 500
const commitsPerStep = 50
const maxMoves = 10

/** Null when the commit, or the Rollout in it, is not there. */
export async function readState(
  search: Search,
  commit: string | undefined,
  path?: string,
): Promise<ReleaseState | null> {
  if (commit === undefined || !isCommitId(commit)) return null
  if (!(await bring(search.mirror, commit))) return null
  try {
    const [rollout] = await locate(search, commit, path)
    if (!rollout) return null
    const config = await configAt(search, commit, refsOf(rollout))
    return { commit, rollout, config, revision: revisionIn(rollout, config) }
  } catch (error) {
    // The commit is not in the mirror: after a force-push it may be gone for good.
    if (error instanceof GitError && error.reason === 'exit') return null
    throw error
  }
}

export interface Overlay {
  /** Files that are about to change. */
  readonly texts?: ReadonlyMap<string, string> | undefined
  /** Where the documents probably are: when all of them are there, no other file is looked at. */
  readonly hints?: readonly string[] | undefined
}

/** What these names stand for at a commit. */
export async function configAt(
  search: Search,
  commit: string,
  refs: readonly ConfigRef[],
  { texts = new Map(), hints = [] }: Overlay = {},
): Promise<ConfigState> {
  const words = [...new Set(refs.map(({ name }) => name))]
  const state = (files: readonly FileText[]) => {
    const there = new Set(files.map(({ path }) => path))
    const fresh = [...texts].filter(([path]) => !there.has(path))
    const overlaid = files.map(({ path, text }) => ({ path, text: texts.get(path) ?? text }))
    const all = [...overlaid, ...fresh.map(([path, text]) => ({ path, text }))]
    return findConfig(all, { rollout: search.rollout, refs })
  }
  if (words.length === 0) return state([])
  if (hints.length > 0) {
    const near = state(await readPaths(search, commit, hints))
    if (refs.every((ref) => near.documents.has(keyOf(ref)))) return near
  }
  return state(await filesWith(search, commit, words))
}

/** With the revision that the cluster has for it, where Git can tell it. */
export async function named(search: Search, version: Version): Promise<Version> {
  const config = await configAt(search, version.commit, refsOf(version))
  return { ...version, revision: revisionIn(version, config) ?? version.revision }
}

/** The newest state of a release whose revision begins like this. */
export async function findState(
  search: Search,
  tip: ReleaseState,
  start: string,
): Promise<Version | null> {
  let count = 0
  for await (const { revision, rollout, commit } of states(search, tip)) {
    if (revision?.startsWith(start)) return { ...rollout, commit, revision }
    count += 1
    if (count >= maxCommits) return null
  }
  return null
}

/** The commit before another, along first parents. */
export async function parentOf({ mirror }: Search, commit: string): Promise<string | undefined> {
  const [parent] = await mirror.log({ from: commit, count: 1, skip: 1 })
  return parent?.id
}

/** Both releases, from the history behind `tip` or, if it does not hold them, from the remembered commits. */
export async function findStates(
  search: Search,
  tip: ReleaseState,
  hints: { readonly bad: ReleaseHint; readonly good: ReleaseHint },
): Promise<{ readonly bad: FoundState | null; readonly good: FoundState | null }> {
  const bad = run<ReleaseState>(hints.bad.revision)
  const good = run<ReleaseState>(hints.good.revision)
  let count = 0
  for await (const state of states(search, tip)) {
    bad.see(state)
    good.see(state)
    count += 1
    if ((bad.isOver() && good.isOver()) || count >= maxCommits) break
  }
  const remembered = async ({ revision, commit }: ReleaseHint): Promise<FoundState | null> => {
    const state = await readState(search, commit, tip.rollout.path)
    return state?.revision === revision ? { ...state, since: state.commit } : null
  }
  return {
    bad: bad.first() ?? (await remembered(hints.bad)),
    good: good.last() ?? (await remembered(hints.good)),
  }
}

/** The release at every commit that touched one of its files, newest first. */
async function* states(search: Search, tip: ReleaseState): AsyncGenerator<ReleaseState> {
  let start: ReleaseState | null = tip
  for (let move = 0; start !== null && move < maxMoves; move++) {
    start = yield* within(search, start)
  }
}

/** Until a document came from another file; returns the state before that. */
async function* within(
  search: Search,
  start: ReleaseState,
): AsyncGenerator<ReleaseState, ReleaseState | null> {
  const { mirror } = search
  const documents = [...start.config.documents.values()]
  const files = new Map([start.rollout, ...documents].map(({ path, text }) => [path, text]))
  const path = [...files.keys()]
  let state = start
  for (let skip = 0; skip < maxCommits; skip += commitsPerStep) {
    const from = start.commit
    const commits = await mirror.log({ from, path, skip, count: commitsPerStep })
    const blobs = await mirror.blobs(blobsBefore(commits))
    for (const { id, changes } of commits) {
      yield { ...state, commit: id }
      for (const change of changes) {
        const blob = blobs.get(change.before?.id ?? '')
        if (blob?.kind === 'text') files.set(change.path, blob.text)
        else files.delete(change.path)
      }
      const before = stateOf(search, files, id)
      if (before === null || isLess(before, state)) {
        return await readState(search, await parentOf(search, id))
      }
      state = before
    }
    if (commits.length < commitsPerStep) return null
  }
  return null
}

function blobsBefore(commits: readonly Commit[]): string[] {
  return commits.flatMap(({ changes }) =>
    changes.flatMap(({ before }) => (before?.mode.startsWith('100') ? [before.id] : [])),
  )
}

function stateOf(
  search: Search,
  texts: ReadonlyMap<string, string>,
  commit: string,
): ReleaseState | null {
  const files = [...texts].map(([path, text]): FileText => ({ path, text }))
  const [rollout] = files.flatMap((file) => versionOf(search, { ...file, commit }) ?? [])
  if (!rollout) return null
  const config = findConfig(files, { rollout: search.rollout, refs: refsOf(rollout) })
  return { commit, rollout, config, revision: revisionIn(rollout, config) }
}

/** Something that it names is in none of these files, and was not missing before. */
function isLess(state: ReleaseState, newer: ReleaseState): boolean {
  const missing = ({ rollout, config }: ReleaseState) =>
    refsOf(rollout)
      .map(keyOf)
      .filter((key) => !config.documents.has(key))
  const known = missing(newer)
  return missing(state).some((key) => !known.includes(key))
}
