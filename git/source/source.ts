// A GitSource in; the definitions at the head of its branch, what changed since, and errors, out. The cost
// follows the change: one fetch, one diff, the blobs of changed files. A branch that did not move costs a fetch.
import type { GitSourceSpec, SourceError } from '../../crds/git-source.ts'
import type { CredentialFiles } from '../repository/credentials.ts'
import { type Mirror, openMirror } from '../repository/mirror.ts'
import { equal } from '../yaml/merge.ts'
import { type ConfigMapReader, createConfigMapReader } from './config-map-files.ts'
import { type ConfigMap, configMapAt, type SourcedConfigMap } from './config-maps.ts'
import {
  type Accepted,
  acceptDefinitions,
  cacheKey,
  type DefinitionCache,
} from './definition-index.ts'
import type { Definition, FileDefinitions } from './definitions.ts'
import { pathFilter } from './glob.ts'
import { findLastChanges, type OlderFile, walkAhead } from './last-change.ts'
import { configMapBlobs, namedConfigMaps, withConfigMaps } from './release-config.ts'
import { requireSignatures, type SignaturePolicy } from './signatures.ts'
import { type Reader, type ReadFile, readAll, readBlobs, readChanges } from './source-files.ts'

export interface SourcedDefinition extends Definition {
  /** The commit that last changed its value, or a ConfigMap that it names; formatting and comments do not count. */
  readonly commit: string
}

export interface SourceState {
  readonly commit: string
  readonly definitions: readonly SourcedDefinition[]
  /** At most 1,000, by path and line. */
  readonly errors: readonly SourceError[]
  /** Identities that are written but can not be used; without a last good form they are not in `definitions`. */
  readonly broken: readonly string[]
  /** False when an unreadable file may hide definitions: then absence is not removal, above all after a restart. */
  readonly isComplete: boolean
  /** Identities that were added, changed or removed since the refresh before. */
  readonly changed: readonly string[]
  /** The branch was force-pushed since the refresh before. */
  readonly rewritten: boolean
  /** Files that match the globs, and those of them that hold nothing of Sluice. */
  readonly files: number
  readonly skipped: number
}

export interface SourceOptions {
  readonly spec: Pick<GitSourceSpec, 'repository' | 'branch' | 'include' | 'exclude'>
  /** Namespace of the GitSource; definitions may live nowhere else. */
  readonly namespace: string
  /** Directory of the mirror. Its content is a cache and may be deleted at any time. */
  readonly directory: string
  readonly networkDeadlineMs?: number
  readonly signatures?: SignaturePolicy | undefined
  /** The commit that was accepted before a restart: signatures are looked at from there on. */
  readonly acceptedCommit?: string | undefined
  readonly credentials?: CredentialFiles | undefined
}

export interface Source {
  readonly mirror: Mirror
  /** Reads the branch. Throws `MirrorError`, whose message may be shown; the last state stays in use. */
  refresh(): Promise<SourceState>
  /** What is to be applied of a ConfigMap that was read. */
  readConfigMap(configMap: SourcedConfigMap): Promise<ConfigMap>
}

const maxErrors = 1_000

interface Memory {
  readonly state: SourceState
  readonly files: ReadonlyMap<string, ReadFile>
  readonly accepted: ReadonlyMap<string, SourcedDefinition>
}

export function createSource(options: SourceOptions): Source {
  const { spec, namespace } = options
  const mirror = openMirror({ ...options, url: spec.repository, branch: spec.branch })
  const cache: DefinitionCache = new Map()
  const isIncluded = pathFilter(spec.include, spec.exclude)
  const reader: Reader = { mirror, namespace, isIncluded, cache }
  const configMaps = createConfigMapReader(mirror, namespace)
  let memory: Memory | null = null

  async function refresh(): Promise<SourceState> {
    const { head } = await mirror.fetch()
    if (memory?.state.commit === head) {
      memory = { ...memory, state: { ...memory.state, changed: [], rewritten: false } }
      return memory.state
    }
    if (options.signatures) {
      const since = memory?.state.commit ?? options.acceptedCommit
      await requireSignatures(mirror, options.signatures, { head, since, isIncluded })
    }
    memory = await read(head, memory)
    return memory.state
  }

  async function read(head: string, before: Memory | null): Promise<Memory> {
    const isAhead = before !== null && (await mirror.isAncestor(before.state.commit, head))
    const ahead = isAhead ? [] : walkAhead(mirror, head, isIncluded)
    const files = isAhead
      ? await readChanges(reader, { commit: before.state.commit, files: before.files }, head)
      : await readAll(reader, head)
    const parsed = new Map([...files].map(([path, file]) => [path, file.read]))
    const old: Accepted = before?.accepted ?? new Map()
    const plain = acceptDefinitions(parsed, old)
    const names = namedConfigMaps(plain.definitions, old)
    const beside = await configMaps.read(configMapBlobs(files), names)
    const acceptance = withConfigMaps(plain, { files, configMaps: beside, before: old })
    const { definitions, errors, broken, isComplete } = acceptance
    const changes = { head, definitions, before, isAhead, ahead, configMaps, names }
    const accepted = await withCommits(reader, changes)
    forget(files)
    const state: SourceState = {
      commit: head,
      definitions: [...accepted.values()],
      errors: errors.sort(byPlace).slice(0, maxErrors),
      broken,
      isComplete,
      changed: changedIdentities(old, accepted),
      rewritten: before !== null && !isAhead,
      files: files.size,
      skipped: [...files.values()].filter(({ read }) => isEmpty(read)).length,
    }
    return { state, files, accepted }
  }

  function forget(files: ReadonlyMap<string, ReadFile>): void {
    if (cache.size <= files.size * 2 + 1_000) return
    const inUse = new Set([...files.values()].map(({ blobId }) => cacheKey(blobId, namespace)))
    for (const key of cache.keys()) if (!inUse.has(key)) cache.delete(key)
    configMaps.keep(new Set([...files.values()].map(({ blobId }) => blobId)))
  }

  return {
    mirror,
    refresh: () => mirror.exclusive(() => mirror.healing(refresh)),
    readConfigMap: (wanted) => mirror.exclusive(() => readConfigMap(mirror, wanted)),
  }
}

async function readConfigMap(mirror: Mirror, wanted: SourcedConfigMap): Promise<ConfigMap> {
  const blob = (await mirror.blobs([wanted.blobId])).get(wanted.blobId)
  const found = blob?.kind === 'text' ? configMapAt(blob.text, wanted) : null
  if (found) return found
  throw new Error(`ConfigMap ${wanted.name} can not be read again from ${wanted.path}`)
}

interface CommitInput {
  readonly head: string
  readonly definitions: readonly Definition[]
  readonly before: Memory | null
  readonly isAhead: boolean
  readonly ahead: ReturnType<typeof walkAhead>
  readonly configMaps: ConfigMapReader
  readonly names: ReadonlySet<string>
}

async function withCommits(
  reader: Reader,
  input: CommitInput,
): Promise<Map<string, SourcedDefinition>> {
  const { head, definitions, before, isAhead, ahead, configMaps, names } = input
  const known = new Map<string, string>()
  for (const definition of definitions) {
    const last = before?.accepted.get(definition.identity)
    // After a force-push the commit is looked up again: the old one may be gone from the branch.
    if (isAhead && last && sameValue(last, definition)) {
      known.set(definition.identity, last.commit)
    }
  }
  const unknown = definitions.filter(({ identity }) => !known.has(identity))
  const until = isAhead ? before?.state.commit : undefined
  const found = await findLastChanges(reader.mirror, {
    head,
    until,
    definitions: unknown,
    ahead,
    // Older texts are read once and not kept.
    readBlobs: async (ids) => {
      const files = await readBlobs({ ...reader, cache: new Map() }, ids)
      return withOlder(files, await configMaps.read(ids, names))
    },
  })
  return new Map(
    definitions.map((definition) => {
      const { identity } = definition
      const commit = known.get(identity) ?? found.get(identity) ?? head
      return [identity, { ...definition, commit }]
    }),
  )
}

function withOlder(
  files: ReadonlyMap<string, FileDefinitions>,
  configMaps: Awaited<ReturnType<ConfigMapReader['read']>>,
): ReadonlyMap<string, OlderFile> {
  return new Map(
    [...files].map(([id, { definitions }]) => [
      id,
      { definitions, configMaps: configMaps.get(id)?.configMaps ?? [] },
    ]),
  )
}

function changedIdentities(before: Accepted, now: ReadonlyMap<string, Definition>): string[] {
  const removed = [...before.keys()].filter((identity) => !now.has(identity))
  const changed = [...now.values()].filter((definition) => {
    const last = before.get(definition.identity)
    return !last || last.path !== definition.path || !sameValue(last, definition)
  })
  return [...removed, ...changed.map(({ identity }) => identity)].sort()
}

function sameValue(a: Definition, b: Definition): boolean {
  const isSame = a.object === b.object || (a.revision === b.revision && equal(a.object, b.object))
  return isSame && configOf(a) === configOf(b)
}

function configOf({ configMaps = [] }: Definition): string {
  return configMaps.map(({ name, digest }) => `${name} ${digest}`).join('\n')
}

const isEmpty = ({ definitions, errors }: FileDefinitions) =>
  definitions.length === 0 && errors.length === 0

const byPlace = (a: SourceError, b: SourceError) =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line
