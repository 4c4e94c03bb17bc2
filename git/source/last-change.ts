// Definitions at a commit in; for each the commit that last changed its value out. Walks first parents once
// for all of them, in bounded steps, and reads older blobs only where a file was touched.
import type { Commit } from '../repository/git-output.ts'
import type { Mirror } from '../repository/mirror.ts'
import { equal } from '../yaml/merge.ts'
import type { ConfigMapFile } from './config-maps.ts'
import type { Definition, FileDefinitions } from './definitions.ts'

/** What an older blob held. */
export interface OlderFile extends Pick<FileDefinitions, 'definitions'> {
  readonly configMaps: ConfigMapFile['configMaps']
}

export interface LastChangeQuery {
  readonly head: string
  /** Look no further back than this commit. */
  readonly until?: string | undefined
  readonly definitions: readonly Definition[]
  /** Steps of the walk that were begun before the definitions were known. */
  readonly ahead?: readonly Promise<readonly Commit[]>[]
  readonly readBlobs: (ids: readonly string[]) => Promise<ReadonlyMap<string, OlderFile>>
}

/** Commits in each step of the walk; most definitions are found in the first. */
const steps = [500, 1_500, 2_000, 2_000, 2_000, 2_000] as const
const stepsAhead = 2
const maxRounds = 50

interface Touch {
  readonly commit: string
  readonly path: string
  /** Blob before that commit, or null when the commit added the file. */
  readonly before: string | null
}

interface Search {
  readonly definition: Definition
  readonly touches: Touch[]
  /** Touches already known to leave the value as it is. */
  passed: number
}

/** Begins the walk while the files of `head` are still read; `isWanted` may let more paths pass than are needed. */
export function walkAhead(
  mirror: Pick<Mirror, 'log'>,
  from: string,
  isWanted: (path: string) => boolean,
): Promise<readonly Commit[]>[] {
  let skip = 0
  return steps.slice(0, stepsAhead).map((count) => {
    const commits = mirror.log({ from, skip, count, isWanted })
    skip += count
    // Whoever waits for it is told; if nobody does, it does not matter.
    commits.catch(() => undefined)
    return commits
  })
}

/** By identity. A definition whose change lies further back than 10,000 commits gets the oldest one seen. */
export async function findLastChanges(
  mirror: Pick<Mirror, 'log'>,
  query: LastChangeQuery,
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  let open: Search[] = query.definitions.map((definition) => ({
    definition,
    touches: [],
    passed: 0,
  }))
  let oldest = query.head
  let skip = 0
  for (const [step, count] of steps.entries()) {
    if (open.length === 0) break
    const { head: from, until, ahead = [] } = query
    const byPath = searchesByPath(open)
    const isWanted = (path: string) => byPath.has(path)
    const commits = await (ahead[step] ?? mirror.log({ from, until, skip, count, isWanted }))
    skip += count
    for (const { id, changes } of commits) {
      for (const { path, before } of changes) {
        const touch = { commit: id, path, before: before?.id ?? null }
        for (const search of byPath.get(path) ?? []) search.touches.push(touch)
      }
      oldest = id
    }
    open = await settle(open, query, found)
    if (commits.length < count) break
  }
  for (const { definition, touches } of open) {
    found.set(definition.identity, touches.at(-1)?.commit ?? oldest)
  }
  return found
}

async function settle(
  searches: readonly Search[],
  { readBlobs }: LastChangeQuery,
  found: Map<string, string>,
): Promise<Search[]> {
  let active = [...searches]
  const waiting: Search[] = []
  for (let round = 0; active.length > 0 && round < maxRounds; round++) {
    const ids = active.flatMap(({ touches, passed }) => touches[passed]?.before ?? [])
    const blobs = await readBlobs([...new Set(ids)])
    active = active.filter((search) => {
      const touch = search.touches[search.passed]
      if (!touch) {
        waiting.push(search)
        return false
      }
      if (touch.before !== null && holdsSame(blobs.get(touch.before), search.definition, touch)) {
        search.passed += 1
        return true
      }
      found.set(search.definition.identity, touch.commit)
      return false
    })
  }
  for (const { definition, touches, passed } of active) {
    found.set(definition.identity, touches[passed]?.commit ?? touches[passed - 1]?.commit ?? '')
  }
  return waiting
}

/** A release that has configuration changes with it. */
function searchesByPath(searches: readonly Search[]): ReadonlyMap<string, readonly Search[]> {
  const byPath = new Map<string, Search[]>()
  for (const search of searches) {
    const { path, configMaps = [] } = search.definition
    for (const one of new Set([path, ...configMaps.map((config) => config.path)])) {
      const others = byPath.get(one)
      if (others) others.push(search)
      else byPath.set(one, [search])
    }
  }
  return byPath
}

/** Whether the file held then what the definition has of it now. */
function holdsSame(file: OlderFile | undefined, definition: Definition, { path }: Touch): boolean {
  if (!file) return false
  if (definition.path === path) {
    const older = file.definitions.find(({ identity }) => identity === definition.identity)
    if (older?.revision !== definition.revision) return false
    if (!equal(older?.object, definition.object)) return false
  }
  const configMaps = definition.configMaps?.filter((one) => one.path === path) ?? []
  return configMaps.every(({ name, digest }) =>
    file.configMaps.some((older) => older.name === name && older.digest === digest),
  )
}
