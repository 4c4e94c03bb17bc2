// Rollouts of one commit and the ConfigMaps beside them in; each Rollout with those that it names, and errors, out
// (pure). A release is whole or it is not used: what is wrong with one part holds the others as they were.
import type { SourceError } from '../../crds/git-source.ts'
import type { ConfigMapFiles } from './config-map-files.ts'
import type { SourcedConfigMap, WrittenConfigMap } from './config-maps.ts'
import type { Acceptance, Accepted } from './definition-index.ts'
import type { Definition } from './definitions.ts'
import type { ReadFile } from './source-files.ts'

/** Names in `spec.config` of Rollouts that were read now, not of those that are kept from before. */
export function namedConfigMaps(
  definitions: readonly Definition[],
  before: Accepted,
): ReadonlySet<string> {
  const fresh = definitions.filter((one) => before.get(one.identity) !== one)
  return new Set(fresh.flatMap(({ configNames = [] }) => configNames))
}

/** Blobs that may hold a ConfigMap. */
export function configMapBlobs(files: ReadonlyMap<string, ReadFile>): string[] {
  return [...files.values()].flatMap(({ blobId, read }) =>
    read.mayHoldConfigMaps === true ? [blobId] : [],
  )
}

interface Written {
  readonly path: string
  readonly blobId: string
  readonly one: WrittenConfigMap
}

interface Places {
  readonly byName: ReadonlyMap<string, readonly Written[]>
  /** Files that can not be read as a whole. */
  readonly unclear: ReadonlySet<string>
}

export function withConfigMaps(
  acceptance: Acceptance,
  { files, configMaps, before }: ReadConfig,
): Acceptance {
  const places = placesOf(files, configMaps)
  const broken = new Set(acceptance.broken)
  const problems = new Map<string, SourceError>()
  const definitions = acceptance.definitions.flatMap((definition): readonly Definition[] => {
    const last = before.get(definition.identity)
    if (!definition.configNames || last === definition) return [definition]
    const parts = definition.configNames.map((name) => partOf(name, { places, last }))
    const found = parts.flatMap(({ errors }) => errors)
    if (found.length === 0) {
      return [{ ...definition, configMaps: parts.flatMap(({ configMap }) => configMap ?? []) }]
    }
    broken.add(definition.identity)
    // Two Rollouts may name the same one.
    for (const error of found) problems.set(`${error.path}:${error.line}:${error.message}`, error)
    return last ? [last] : []
  })
  const errors = [...acceptance.errors, ...problems.values()]
  return { ...acceptance, definitions, errors, broken: [...broken].sort() }
}

export interface ReadConfig {
  readonly files: ReadonlyMap<string, ReadFile>
  /** By blob id. */
  readonly configMaps: ConfigMapFiles
  readonly before: Accepted
}

function placesOf(files: ReadonlyMap<string, ReadFile>, configMaps: ConfigMapFiles): Places {
  const unclear = new Set<string>()
  const written = [...files].flatMap(([path, { blobId, read }]): readonly Written[] => {
    const file = configMaps.get(blobId)
    if (read.isUnclear || file?.isUnclear) unclear.add(path)
    return file?.configMaps.map((one) => ({ path, blobId, one })) ?? []
  })
  return { byName: Map.groupBy(written, ({ one }) => one.name), unclear }
}

interface Part {
  readonly configMap?: SourcedConfigMap
  readonly errors: readonly SourceError[]
}

/** None when it is not in these files: then somebody else brings it. */
function partOf(
  name: string,
  { places, last }: { readonly places: Places; readonly last: Definition | undefined },
): Part {
  const found = places.byName.get(name) ?? []
  const [first] = found
  if (!first) {
    const path = last?.configMaps?.find((one) => one.name === name)?.path
    if (path === undefined || !places.unclear.has(path)) return { errors: [] }
    const message = `ConfigMap ${name} was in this file, which can not be read any more. Correct it`
    return { errors: [{ path, line: 1, column: 1, message }] }
  }
  if (found.length > 1) return { errors: found.map((one) => duplicate(one, found)) }
  const { path, blobId, one } = first
  const { problems, ...configMap } = one
  return {
    configMap: { ...configMap, path, blobId },
    errors: problems.map((problem) => ({ path, ...problem })),
  }
}

function duplicate({ path, one }: Written, all: readonly Written[]): SourceError {
  const other = all.find((candidate) => candidate.one !== one || candidate.path !== path)
  const message = `ConfigMap ${one.name} is also written in ${other?.path}:${other?.one.line}, so neither is used. Remove one`
  return { path, line: one.line, column: 1, message }
}
