// The text of one file in; the ConfigMaps in it, each with a digest, and what is wrong with them, out (pure). What
// they hold is not kept: it is read again by the one who applies it.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { SourceError } from '../../crds/git-source.ts'
import { problemsOf } from '../../crds/issue.ts'
import { describeProblem } from '../../crds/problem.ts'
import { canonicalJson } from '../../crds/revision.ts'
import { isMapping } from '../yaml/merge.ts'
import { parsePlainYaml } from '../yaml/plain-yaml.ts'
import { parseYamlFile, type YamlDocument } from '../yaml/yaml-file.ts'

/** A ConfigMap as it stands in one file, whatever its path. */
export interface WrittenConfigMap {
  readonly name: string
  readonly documentIndex: number
  readonly line: number
  /** Of all that would be applied. */
  readonly digest: string
  /** Why it can not be applied. */
  readonly problems: readonly Omit<SourceError, 'path'>[]
}

/** A ConfigMap that a Rollout of the same source names, and where it stands. */
export interface SourcedConfigMap extends Omit<WrittenConfigMap, 'problems'> {
  readonly path: string
  readonly blobId: string
}

export interface ConfigMapFile {
  readonly configMaps: readonly WrittenConfigMap[]
  /** True when a document that can not be read may be any of them. */
  readonly isUnclear: boolean
}

const ConfigMap = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('ConfigMap'),
  metadata: z.looseObject({
    name: z.string().max(253),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  data: z.record(z.string(), z.string()).optional(),
  binaryData: z.record(z.string(), z.base64()).optional(),
  immutable: z.boolean().optional(),
})
export type ConfigMap = z.infer<typeof ConfigMap>

export function readConfigMaps(text: string, namespace: string): ConfigMapFile {
  const plain = parsePlainYaml(text)?.map(({ value, line }, index) =>
    readDocument({ index, value, problems: [], place: () => ({ line, column: 1 }) }, namespace),
  )
  const isWell = plain?.every((one) => one === null || one.problems.length === 0)
  if (plain && isWell) return { configMaps: plain.filter((one) => one !== null), isUnclear: false }
  const file = parseYamlFile('', text)
  const read = file.documents.map((document) => readDocument(document, namespace))
  const isUnclear = file.documents.some((document, i) => !read[i] && isNameless(document))
  return {
    configMaps: read.filter((one) => one !== null),
    isUnclear: isUnclear || file.problems.length > 0,
  }
}

/** What is applied of a ConfigMap of a file, or null when it is not there as it was read. */
export function configMapAt(
  text: string,
  { documentIndex, name, digest }: Omit<WrittenConfigMap, 'line' | 'problems'>,
): ConfigMap | null {
  const value = parseYamlFile('', text).documents[documentIndex]?.value
  const parsed = ConfigMap.safeParse(withoutNulls(value))
  if (!parsed.success || parsed.data.metadata.name !== name) return null
  return digestOf(parsed.data) === digest ? parsed.data : null
}

type Readable = Pick<YamlDocument, 'index' | 'value' | 'problems' | 'place'>

/** Null for another kind, another namespace, and what another tool has to open first. */
function readDocument(document: Readable, namespace: string): WrittenConfigMap | null {
  const { value, index, problems: yamlProblems, place } = document
  if (!isMapping(value) || value['kind'] !== 'ConfigMap') return null
  const metadata = isMapping(value['metadata']) ? value['metadata'] : {}
  const name = metadata['name']
  if (typeof name !== 'string' || (metadata['namespace'] ?? namespace) !== namespace) return null
  if (isMapping(value['sops'])) return null
  const written = (problems: WrittenConfigMap['problems'], digest = ''): WrittenConfigMap => {
    return { name, documentIndex: index, line: place([]).line, digest, problems }
  }
  if (yamlProblems.length > 0) {
    return written(yamlProblems.map(({ line, column, message }) => ({ line, column, message })))
  }
  const parsed = ConfigMap.safeParse(withoutNulls(value))
  if (parsed.success) return written([], digestOf(parsed.data))
  const found = problemsOf(parsed.error, ConfigMap, value).slice(0, maxProblems)
  return written(
    found.map((problem) => ({
      ...place(problem.path),
      message: `ConfigMap ${name}: ${describeProblem(problem)}`.slice(0, 1024),
    })),
  )
}

const maxProblems = 8

/** A document that is broken before it says whose it is. */
function isNameless({ value, problems }: YamlDocument): boolean {
  if (problems.length === 0 || !isMapping(value)) return false
  const { metadata } = value
  const isNamed = isMapping(metadata) && typeof metadata['name'] === 'string'
  return value['kind'] === undefined || (value['kind'] === 'ConfigMap' && !isNamed)
}

/** Fields that are written as null count as absent, as they do for the API server. */
function withoutNulls(value: unknown): unknown {
  if (!isMapping(value)) return value
  const entries = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(entries)
}

function digestOf({ metadata, data, binaryData, immutable }: ConfigMap): string {
  const { labels, annotations } = metadata
  const text = canonicalJson({ labels, annotations, data, binaryData, immutable })
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
