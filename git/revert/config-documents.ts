// Files of one commit and the names in `spec.config` in; the documents that hold that configuration, their digests,
// and why one can not be restored, out (pure). Values of Secrets are in no sentence.
import {
  type ConfigRef,
  configRefsOf,
  contentDigest,
  type Hash,
  revisionOf,
} from '../../crds/revision.ts'
import { isMapping } from '../yaml/merge.ts'
import { parseYamlFile } from '../yaml/yaml-file.ts'
import {
  type FieldSides,
  type FileText,
  fieldOf,
  isSealed,
  type Target,
} from './document-revert.ts'
import { isRollout, type RolloutRelease } from './revert.ts'

/** A document that holds what a Rollout names. */
export interface ConfigDocument {
  readonly ref: ConfigRef
  readonly path: string
  /** Of the whole file. */
  readonly text: string
  readonly value: unknown
  /** Null when only the cluster knows what it holds. */
  readonly digest: string | null
}

export interface ConfigState {
  /** By `kind/name`. */
  readonly documents: ReadonlyMap<string, ConfigDocument>
  /** Files with one document each too many, by `kind/name`. */
  readonly twice: ReadonlyMap<string, readonly string[]>
  /** Kustomizations that make the object, by `kind/name`. */
  readonly generated: ReadonlyMap<string, string>
  /** Other Rollouts that name some of it, as `namespace/name`, each with what it names. */
  readonly neighbours: ReadonlyMap<string, readonly string[]>
}

/** A Secret may be in Git in a form that only the cluster can open. */
const kindsOf: Readonly<Record<ConfigRef['kind'], readonly string[]>> = {
  ConfigMap: ['ConfigMap'],
  Secret: ['Secret', 'SealedSecret', 'ExternalSecret'],
}

export const keyOf = ({ kind, name }: ConfigRef): string => `${kind}/${name}`

/** Names of a list that nobody has checked. */
export function refsOf({ config }: RolloutRelease): ConfigRef[] {
  if (!Array.isArray(config)) return []
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const entries = config.slice(0, 64).flatMap((entry: unknown) => {
    if (!isMapping(entry)) return []
    const one = { configMap: text(entry['configMap']), secret: text(entry['secret']) }
    return one.configMap === undefined && one.secret === undefined ? [] : [one]
  })
  return configRefsOf(entries)
}

interface Where {
  readonly rollout: { readonly namespace: string; readonly name: string }
  readonly refs: readonly ConfigRef[]
}

export function findConfig(files: readonly FileText[], { rollout, refs }: Where): ConfigState {
  const documents = new Map<string, ConfigDocument>()
  const twice = new Map<string, string[]>()
  const generated = new Map<string, string>()
  const neighbours = new Map<string, readonly string[]>()
  for (const { path, text, value } of valuesIn(files, refs)) {
    for (const ref of refs) {
      const key = keyOf(ref)
      if (generates(value, ref)) generated.set(key, path)
      if (!isConfig(value, ref, rollout.namespace)) continue
      const before = documents.get(key)
      if (before) twice.set(key, [...(twice.get(key) ?? [before.path]), path])
      else documents.set(key, { ref, path, text, value, digest: digestOf(value) })
    }
    const other = isRollout(value) ? neighbourOf(value, rollout) : null
    if (other) neighbours.set(other.name, other.refs.map(keyOf))
  }
  return { documents, twice, generated, neighbours }
}

function valuesIn(files: readonly FileText[], refs: readonly ConfigRef[]) {
  return files
    .filter(({ text }) => refs.some(({ name }) => text.includes(name)))
    .flatMap(({ path, text }) =>
      parseYamlFile(path, text).documents.flatMap(({ value, problems }) =>
        problems.length === 0 && isMapping(value) ? [{ path, text, value }] : [],
      ),
    )
}

/** The revision of a release, or null when something that it names is not in Git as the cluster sees it. */
export function revisionIn(
  release: RolloutRelease,
  { documents, twice }: Pick<ConfigState, 'documents' | 'twice'>,
): Hash | null {
  const digests = refsOf(release).map((ref) => {
    const digest = twice.has(keyOf(ref)) ? null : documents.get(keyOf(ref))?.digest
    return { ...ref, digest: digest ?? '' }
  })
  if (digests.some(({ digest }) => digest === '')) return null
  return revisionOf(release.template, digests)
}

/** How the document goes back, from one of its states to another. */
export function configTarget(namespace: string, bad: ConfigDocument, good: ConfigDocument): Target {
  const { ref } = good
  return {
    name: `${ref.kind} ${namespace}/${ref.name}`,
    prefix: `${ref.kind} ${ref.name} `,
    find: (documents) => documents.find(({ value }) => isConfig(value, ref, namespace)) ?? null,
    fields: fieldsOf(good).map(
      (path): FieldSides => ({ path, bad: fieldOf(bad, path), good: fieldOf(good, path) }),
    ),
    goodText: good.text,
  }
}

function fieldsOf({ ref, value }: ConfigDocument): (readonly string[])[] {
  if (!isMapping(value) || value['kind'] !== ref.kind) return [['spec']]
  const fields = [['data'], ['binaryData'], ['immutable']]
  return ref.kind === 'Secret' ? [...fields, ['stringData'], ['type']] : fields
}

function isConfig(value: unknown, { kind, name }: ConfigRef, namespace: string): boolean {
  if (!isMapping(value) || !kindsOf[kind].includes(String(value['kind']))) return false
  const metadata = value['metadata']
  if (!isMapping(metadata) || metadata['name'] !== name) return false
  return (metadata['namespace'] ?? namespace) === namespace
}

function digestOf(value: Readonly<Record<string, unknown>>): string | null {
  const isPlain = value['kind'] === 'ConfigMap' || value['kind'] === 'Secret'
  return isPlain && !isSealed(value) ? contentDigest(value) : null
}

function generates(value: Readonly<Record<string, unknown>>, { kind, name }: ConfigRef): boolean {
  const list = value[kind === 'ConfigMap' ? 'configMapGenerator' : 'secretGenerator']
  return Array.isArray(list) && list.some((one: unknown) => isMapping(one) && one['name'] === name)
}

function neighbourOf(
  value: Readonly<Record<string, unknown>>,
  { namespace, name }: Where['rollout'],
): { readonly name: string; readonly refs: readonly ConfigRef[] } | null {
  const metadata = isMapping(value['metadata']) ? value['metadata'] : {}
  const other = String(metadata['name'])
  if ((metadata['namespace'] ?? namespace) !== namespace || other === name) return null
  const config = fieldOf({ value }, ['spec', 'config'])
  return { name: `${namespace}/${other}`, refs: refsOf({ template: null, config }) }
}
