// Definitions at a commit in; for each the commit that last changed its value out. Walks first parents once
// for all of them, in bounded steps, and reads older blobs only where a file was touched.
import type { Definition, FileDefinitions } from './definitions.ts'
import { equal } from './merge.ts'
import type { Mirror } from './mirror.ts'

export interface LastChangeQuery {
  readonly head: string
  /** Look no further back than this commit. */
  readonly until?: string | undefined
  readonly definitions: readonly Definition[]
  readonly readBlobs: (ids: readonly string[]) => Promise<ReadonlyMap<string, FileDefinitions>>
}

const commitsPerStep = 500
const maxCommits = 10_000
const maxRounds = 50

interface Touch {
  readonly commit: string
  /** Blob before that commit, or null when the commit added the file. */
  readonly before: string | null
}

interface Search {
  readonly definition: Definition
  readonly touches: Touch[]
  /** Touches already known to leave the value as it is. */
  passed: number
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
  for (let skip = 0; open.length > 0 && skip < maxCommits; skip += commitsPerStep) {
    const { head: from, until } = query
    const byPath = Map.groupBy(open, ({ definition }) => definition.path)
    const isWanted = (path: string) => byPath.has(path)
    const commits = await mirror.log({ from, until, skip, count: commitsPerStep, isWanted })
    for (const { id, changes } of commits) {
      for (const { path, before } of changes) {
        const touch = { commit: id, before: before?.id ?? null }
        for (const search of byPath.get(path) ?? []) search.touches.push(touch)
      }
      oldest = id
    }
    open = await settle(open, query, found)
    if (commits.length < commitsPerStep) break
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
      if (touch.before !== null && holdsSame(blobs.get(touch.before), search.definition)) {
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

function holdsSame(file: FileDefinitions | undefined, definition: Definition): boolean {
  const older = file?.definitions.find(({ identity }) => identity === definition.identity)
  return (
    older !== undefined &&
    older.revision === definition.revision &&
    equal(older.object, definition.object)
  )
}
