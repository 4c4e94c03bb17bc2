// Files in; one definition per identity, and errors, out (pure). Results are cached by blob id. A definition
// that turns bad, or is written twice, keeps its last accepted form in use.
import { createHash } from 'node:crypto'
import type { SourceError } from '../../crds/git-source.ts'
import { type Definition, type FileDefinitions, groupMarker, readFile } from './definitions.ts'

export interface SourceFile {
  readonly path: string
  readonly blobId: string
  readonly text: string
}

/** Parsed files by blob id and namespace. The caller drops ids that are no longer in use. */
export type DefinitionCache = Map<string, FileDefinitions>

export interface ReadInput {
  readonly files: readonly SourceFile[]
  readonly namespace: string
  readonly cache?: DefinitionCache
}

/** All definitions of a set of files, without a past. */
export function readDefinitions({ files, namespace, cache = new Map() }: ReadInput) {
  const parsed = new Map(files.map((file) => [file.path, readCached(file, namespace, cache)]))
  return { ...acceptDefinitions(parsed, new Map()), skipped: countSkipped(files) }
}

export function readCached(
  { blobId, text }: Omit<SourceFile, 'path'>,
  namespace: string,
  cache: DefinitionCache,
): FileDefinitions {
  const key = cacheKey(blobId || createHash('sha256').update(text).digest('hex'), namespace)
  const known = cache.get(key)
  if (known) return known
  const read = readFile(text, namespace)
  cache.set(key, read)
  return read
}

export const cacheKey = (blobId: string, namespace: string) => `${namespace} ${blobId}`

/** What was accepted before, by identity. */
export type Accepted = ReadonlyMap<string, Definition>

export interface Acceptance {
  readonly definitions: Definition[]
  readonly errors: SourceError[]
  /** Written in Git but not usable: absence from `definitions` must not be taken for removal. */
  readonly broken: string[]
  /** False when a file that can not be read may hide definitions of any name. */
  readonly isComplete: boolean
}

export function acceptDefinitions(
  files: ReadonlyMap<string, FileDefinitions>,
  before: Accepted,
): Acceptance {
  const all = [...files]
  const candidates = Map.groupBy(
    all.flatMap(([path, file]) => file.definitions.map((one): Definition => ({ ...one, path }))),
    ({ identity }) => identity,
  )
  const broken = new Set(all.flatMap(([, file]) => file.broken))
  const unclear = new Set(all.flatMap(([path, file]) => (file.isUnclear ? [path] : [])))
  const errors = all.flatMap(([path, file]) => file.errors.map((error) => ({ path, ...error })))
  const definitions: Definition[] = []
  for (const [identity, found] of candidates) {
    const [first] = found
    if (found.length === 1 && first) definitions.push(first)
    else {
      broken.add(identity)
      errors.push(...found.map((one) => duplicateError(one, found)))
      keep(before.get(identity))
    }
  }
  for (const [identity, definition] of before) {
    if (candidates.has(identity)) continue
    if (broken.has(identity) || unclear.has(definition.path)) keep(definition)
  }
  return { definitions, errors, broken: [...broken].sort(), isComplete: unclear.size === 0 }

  function keep(definition: Definition | undefined): void {
    if (definition) definitions.push(definition)
  }
}

function duplicateError(one: Definition, all: readonly Definition[]): SourceError {
  const other = all.find((candidate) => candidate !== one)
  const place = `${other?.path}:${other?.line}`
  return {
    path: one.path,
    line: one.line,
    column: 1,
    message: `${one.kind} ${one.name} is also written in ${place}, so neither is used. Remove one`,
  }
}

function countSkipped(files: readonly SourceFile[]): number {
  return files.filter((file) => !file.text.includes(groupMarker)).length
}
