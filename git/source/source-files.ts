// A commit in; its files as definitions by path out. Blobs are read in one go, and only those not parsed before.
import { setImmediate } from 'node:timers/promises'
import type { Mirror } from '../repository/mirror.ts'
import { MirrorError } from '../repository/mirror-error.ts'
import { pathProblem } from '../repository/names.ts'
import type { Blob } from '../repository/object-batch.ts'
import { cacheKey, type DefinitionCache, readCached } from './definition-index.ts'
import { type FileDefinitions, mayHoldDefinitions, nothing } from './definitions.ts'

export interface Reader {
  readonly mirror: Mirror
  readonly namespace: string
  readonly isIncluded: (path: string) => boolean
  readonly cache: DefinitionCache
}

export interface ReadFile {
  readonly blobId: string
  readonly read: FileDefinitions
}

interface Older {
  readonly commit: string
  readonly files: ReadonlyMap<string, ReadFile>
}

const maxFiles = 50_000
const sliceFiles = 200

/** Every file of a commit that the globs name. */
export async function readAll(reader: Reader, head: string): Promise<Map<string, ReadFile>> {
  const tree = [...(await reader.mirror.tree(head))].filter(([path]) => reader.isIncluded(path))
  return readEntries(
    reader,
    tree.map(([path, { mode, id }]) => ({ path, mode, id })),
    new Map(tree.map(([, { id, size }]) => [id, size])),
  )
}

/** The files of an older commit, with those read again that changed on the way to `head`. */
export async function readChanges(
  reader: Reader,
  before: Older,
  head: string,
): Promise<Map<string, ReadFile>> {
  const all = await reader.mirror.changedPaths(before.commit, head)
  const changes = all.filter(({ path }) => reader.isIncluded(path))
  const files = new Map(before.files)
  for (const { path } of changes) files.delete(printable(path))
  const entries = changes.flatMap(({ path, now }) => (now ? [{ path, ...now }] : []))
  for (const [path, file] of await readEntries(reader, entries)) files.set(path, file)
  return files
}

async function readEntries(
  reader: Reader,
  entries: readonly Entry[],
  sizes?: ReadonlyMap<string, number>,
): Promise<Map<string, ReadFile>> {
  if (entries.length > maxFiles) {
    const message = `the globs match ${entries.length} files, more than ${maxFiles}. Narrow include`
    throw new MirrorError('other', message)
  }
  const refused = new Map(entries.map((entry) => [entry.path, entryProblem(entry)]))
  const readable = entries.filter(({ path }) => !refused.get(path))
  const parsed = await readBlobs(
    reader,
    readable.map(({ id }) => id),
    sizes,
  )
  return new Map(
    entries.map(({ path, id }) => {
      const problem = refused.get(path)
      const read = problem ? unreadable(problem) : (parsed.get(id) ?? unreadable('is not there'))
      return [printable(path), { blobId: id, read }]
    }),
  )
}

/** Definitions by blob id; parsed at most once, and in slices, so that other work gets its turn. */
export async function readBlobs(
  reader: Reader,
  ids: readonly string[],
  knownSizes?: ReadonlyMap<string, number>,
): Promise<Map<string, FileDefinitions>> {
  const { cache, mirror, namespace } = reader
  const missing = [...new Set(ids)].filter((id) => !cache.has(cacheKey(id, namespace)))
  const sizes =
    knownSizes === undefined
      ? await mirror.sizes(missing)
      : new Map(missing.map((id) => [id, knownSizes.get(id) ?? 0]))
  let count = 0
  for await (const [id, blob] of mirror.streamBlobs(sizes, { isWanted: mayHoldDefinitions })) {
    const problem = blobProblem(blob)
    if (problem) cache.set(cacheKey(id, namespace), unreadable(problem))
    else if (blob.kind === 'text') readCached({ blobId: id, text: blob.text }, namespace, cache)
    else cache.set(cacheKey(id, namespace), nothing)
    count += 1
    if (count % sliceFiles === 0) await setImmediate()
  }
  return new Map(
    ids.flatMap((id) => {
      const read = cache.get(cacheKey(id, namespace))
      return read ? [[id, read] as const] : []
    }),
  )
}

interface Entry {
  readonly path: string
  readonly mode: string
  readonly id: string
}

function entryProblem({ path, mode }: Entry): string | null {
  if (mode === '120000') return 'is a symbolic link, which is refused. Put the file itself here'
  if (mode === '160000') return 'is a submodule, which is refused. Commit its files here'
  const problem = pathProblem(path)
  return problem === null ? null : `is refused because ${problem}. Rename it`
}

function blobProblem(blob: Blob): string | null {
  if (blob.kind === 'too-large') return `has ${blob.bytes} bytes, more than 1 MiB. Split the file`
  return blob.kind === 'not-text' ? 'is not UTF-8 text. Save it as UTF-8' : null
}

function unreadable(message: string): FileDefinitions {
  return { definitions: [], errors: [{ line: 0, column: 0, message }], broken: [], isUnclear: true }
}

/** Paths reach status and logs: bounded, and without characters that move a cursor. */
function printable(path: string): string {
  return [...path.slice(0, 1024)]
    .map((char) => (char < ' ' || char === '\x7f' ? '?' : char))
    .join('')
}
