// The text of one file in; the Rollouts and AnalysisTemplates in it, and errors with their places, out (pure).
// Other kinds are nobody's business here. A result is kept by blob id, so it does not name its path.

import type { SourceError } from '../../crds/git-source.ts'
import { listed } from '../../crds/listed.ts'
import { parseAnalysisTemplate, parseRollout } from '../../crds/parse.ts'
import { describeProblem } from '../../crds/problem.ts'
import { configRefsOf, type Hash, revisionOf } from '../../crds/revision.ts'
import type { RolloutSpec } from '../../crds/rollout.ts'
import { isMapping } from '../yaml/merge.ts'
import { parsePlainYaml } from '../yaml/plain-yaml.ts'
import { parseYamlFile, type YamlDocument } from '../yaml/yaml-file.ts'
import type { SourcedConfigMap } from './config-maps.ts'

export const definitionKinds = ['Rollout', 'AnalysisTemplate'] as const
export type DefinitionKind = (typeof definitionKinds)[number]

/** Ours, too, but no business of a GitSource. */
const otherKinds = ['GitSource', 'Notification']

/** A Rollout or AnalysisTemplate as written in Git. */
export interface Definition {
  /** `kind/namespace/name`. */
  readonly identity: string
  readonly kind: DefinitionKind
  readonly namespace: string
  readonly name: string
  readonly path: string
  readonly documentIndex: number
  readonly line: number
  /** As written, with its namespace filled in; defaults are the API server's to add. */
  readonly object: Readonly<Record<string, unknown>>
  /** Of the pod template; only Rollouts have one. */
  readonly revision?: Hash
  /** ConfigMaps in `spec.config`; absent when there are none. */
  readonly configNames?: readonly string[]
  /** Those of them that stand in files of the same source. */
  readonly configMaps?: readonly SourcedConfigMap[]
}

export interface FileDefinitions {
  readonly definitions: readonly Omit<Definition, 'path'>[]
  readonly errors: readonly Omit<SourceError, 'path'>[]
  /** Identities of documents that are there but can not be used. */
  readonly broken: readonly string[]
  /** True when a document can not be used and does not say whose it is. */
  readonly isUnclear: boolean
  /** They are read when a Rollout names one. */
  readonly mayHoldConfigMaps?: boolean
}

/** Text that every definition holds; a file without it is not even parsed. */
export const groupMarker = 'sluice.dev/'
/** Text that every file with a ConfigMap holds. */
export const configMapMarker = 'ConfigMap'

const largeFileMarker = 'version https://git-lfs.github.com/spec/'

export const nothing: FileDefinitions = {
  definitions: [],
  errors: [],
  broken: [],
  isUnclear: false,
}
const onlyConfigMaps: FileDefinitions = { ...nothing, mayHoldConfigMaps: true }
const maxErrorsPerFile = 32

/** False for bytes that can hold neither a definition, nor what one names, nor an error worth telling. */
export function mayHoldDefinitions(bytes: Buffer): boolean {
  return (
    bytes.includes(groupMarker) ||
    bytes.includes(configMapMarker) ||
    bytes.subarray(0, 200).includes(largeFileMarker)
  )
}

export function readFile(text: string, namespace: string): FileDefinitions {
  if (text.startsWith(largeFileMarker)) {
    const message = 'is a Git LFS pointer, which is refused. Store the file itself in Git'
    return { ...nothing, errors: [{ line: 1, column: 1, message }], isUnclear: true }
  }
  const mayHoldConfigMaps = text.includes(configMapMarker)
  if (!text.includes(groupMarker)) return mayHoldConfigMaps ? onlyConfigMaps : nothing
  const read = readPlain(text, namespace) ?? readFully(text, namespace)
  return mayHoldConfigMaps ? { ...read, mayHoldConfigMaps } : read
}

/** Nearly every file is written plainly and without errors; only the others need places. */
function readPlain(text: string, namespace: string): FileDefinitions | null {
  const plain = parsePlainYaml(text)
  if (plain === null) return null
  const read = plain.map(({ value, line }, index) =>
    readDocument({ index, value, problems: [], place: () => ({ line, column: 1 }) }, namespace),
  )
  return read.some(({ errors }) => errors !== undefined) ? null : collected(read)
}

function readFully(text: string, namespace: string): FileDefinitions {
  const file = parseYamlFile('', text)
  if (file.problems.length > 0) {
    return { ...nothing, errors: file.problems.map(withoutPath), isUnclear: true }
  }
  return collected(file.documents.map((document) => readDocument(document, namespace)))
}

function collected(read: readonly Read[]): FileDefinitions {
  return {
    definitions: read.flatMap(({ definition }) => definition ?? []),
    errors: read.flatMap(({ errors }) => errors ?? []).slice(0, maxErrorsPerFile),
    broken: read.flatMap(({ broken }) => broken ?? []),
    isUnclear: read.some(({ isUnclear }) => isUnclear),
  }
}

interface Read {
  readonly definition?: Omit<Definition, 'path'>
  readonly errors?: readonly Omit<SourceError, 'path'>[]
  readonly broken?: string
  readonly isUnclear?: boolean
}

type Readable = Pick<YamlDocument, 'index' | 'value' | 'problems' | 'place'>

function readDocument(document: Readable, namespace: string): Read {
  const { value, problems } = document
  const header = headerOf(value)
  if (isListOfOurs(value)) {
    const message =
      'is a List with kinds of Sluice in it, which are not read there. Write each as a document of its own'
    return { errors: [{ ...document.place(['items']), message }], isUnclear: true }
  }
  const isForeign = header.apiVersion !== undefined && !header.apiVersion.startsWith(groupMarker)
  if (isForeign) return {}
  const kind = definitionKinds.find((one) => one === header.kind)
  const identity = kind && header.name ? `${kind}/${namespace}/${header.name}` : undefined
  const broken = (errors: readonly Omit<SourceError, 'path'>[]): Read =>
    identity ? { errors, broken: identity } : { errors, isUnclear: true }
  // Of a document that can not be read it is not known that it is another kind.
  if (problems.length > 0) return header.kind && !kind ? {} : broken(problems.map(withoutPath))
  if (!isMapping(value) || header.apiVersion === undefined) return {}
  if (!kind) return otherKind(document, { kind: header.kind, namespace })
  const stray = strayError(document, namespace)
  if (stray) return { errors: [stray] }
  const rollout = kind === 'Rollout' ? parseRollout(value) : null
  const result = rollout ?? parseAnalysisTemplate(value)
  if (!result.ok) {
    return broken(
      result.problems.slice(0, 8).map((problem) => ({
        ...document.place(problem.path),
        message: `${kind} ${header.name ?? 'without a name'}: ${describeProblem(problem)}`.slice(
          0,
          1024,
        ),
      })),
    )
  }
  const name = result.value.metadata.name
  const metadata = { ...(isMapping(value['metadata']) ? value['metadata'] : {}), namespace }
  const spec = value['spec']
  return {
    definition: {
      identity: `${kind}/${namespace}/${name}`,
      kind,
      namespace,
      name,
      documentIndex: document.index,
      line: document.place([]).line,
      object: { ...value, metadata },
      ...(kind === 'Rollout' && isMapping(spec) ? { revision: revisionOf(spec['template']) } : {}),
      ...(rollout?.ok ? configNamesOf(rollout.value.spec) : {}),
    },
  }
}

function otherKind(
  { place, value }: Readable,
  { kind, namespace }: { readonly kind: string | undefined; readonly namespace: string },
): Read {
  if (kind === undefined || otherKinds.includes(kind)) return {}
  if (kind === 'ClusterAnalysisTemplate') {
    const { name = '' } = headerOf(value)
    const message = `ClusterAnalysisTemplate ${name} is for all namespaces, but this GitSource may only write to ${namespace}. Write an AnalysisTemplate, or leave the file out by "include" and let an administrator apply it`
    return { errors: [{ ...place(['kind']), message: message.slice(0, 1024) }] }
  }
  const known = listed(definitionKinds, 'or')
  const message = `kind "${kind.slice(0, 80)}" is unknown. Write ${known}`
  return { errors: [{ ...place(['kind']), message }], isUnclear: true }
}

/** A definition that asks for another namespace. */
function strayError({ value, place }: Readable, namespace: string) {
  const { kind, name = '', namespace: asked = namespace } = headerOf(value)
  if (asked === namespace) return null
  const message = `${kind} ${name} asks for namespace ${asked}, but this GitSource may only write to ${namespace}. Remove metadata.namespace, or add a GitSource there`
  return { ...place(['metadata', 'namespace']), message: message.slice(0, 1024) }
}

/** As `kubectl get -o yaml` writes several objects. */
function isListOfOurs(value: unknown): boolean {
  if (!isMapping(value) || value['kind'] !== 'List' || !Array.isArray(value['items'])) return false
  return value['items'].some(
    (item: unknown) => isMapping(item) && String(item['apiVersion']).startsWith(groupMarker),
  )
}

function configNamesOf({ config }: RolloutSpec): Pick<Definition, 'configNames'> {
  const refs = configRefsOf(config).filter(({ kind }) => kind === 'ConfigMap')
  return refs.length === 0 ? {} : { configNames: refs.map(({ name }) => name) }
}

function headerOf(value: unknown) {
  const text = (member: unknown) => (typeof member === 'string' ? member : undefined)
  const top = isMapping(value) ? value : {}
  const metadata = isMapping(top['metadata']) ? top['metadata'] : {}
  return {
    apiVersion: text(top['apiVersion']),
    kind: text(top['kind']),
    name: text(metadata['name']),
    namespace: text(metadata['namespace']),
  }
}

function withoutPath({ line, column, message }: SourceError): Omit<SourceError, 'path'> {
  return { line, column, message }
}
