// A ConfigMap or Secret and a revision in, the copy that this revision keeps out; and a pod template with the
// names of copies in place of theirs, and back. Pure. What they hold is copied and digested, and kept nowhere.
import { compact } from '../crds/compact.ts'
import { annotation, label } from '../crds/names.ts'
import { type ConfigDigest, type ConfigRef, contentDigest, type Hash } from '../crds/revision.ts'
import type { KubeObject, OwnerReference } from './api.ts'
import { boundedName, rolloutLabel } from './bounded-name.ts'

export interface CopySpec {
  /** The live ConfigMap or Secret. */
  readonly source: KubeObject
  readonly rollout: string
  readonly revision: Hash
  /** The ReplicaSet that runs with it, and with which it goes. */
  readonly owner: OwnerReference
  readonly decision: number
}

/** Secrets of these types are filled or consumed by the cluster under their own name. */
const uncopiable = new Set(['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token'])

/** Why an object can not be copied; null when it can. */
export function copyProblem(source: KubeObject): string | null {
  const type: unknown = source['type']
  return source.kind === 'Secret' && typeof type === 'string' && uncopiable.has(type)
    ? `Secret ${source.metadata.name} is of type ${type}, which works under its own name only: take it out of spec.config`
    : null
}

/** What the store keeps of a ConfigMap or Secret: names, version and a digest; never what it holds. */
export function slimConfig(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, labels, deletionTimestamp } = object.metadata
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: compact({ name, namespace, uid, resourceVersion, labels, deletionTimestamp }),
    digest: contentDigest(object),
    problem: copyProblem(object),
  }
}

/** Of an object that `slimConfig` made. */
export function readConfig(slim: KubeObject): {
  readonly config: ConfigDigest
  readonly problem: string | null
} {
  const { kind, metadata, digest, problem } = slim
  const config: ConfigDigest = {
    kind: kind === 'Secret' ? 'Secret' : 'ConfigMap',
    name: metadata.name,
    digest: String(digest),
  }
  return { config, problem: typeof problem === 'string' ? problem : null }
}

export function renderCopy({ source, rollout, revision, owner, decision }: CopySpec): KubeObject {
  const { apiVersion, kind, data, binaryData, type } = source
  return {
    apiVersion,
    kind,
    metadata: {
      name: copyName(source.metadata.name, revision),
      namespace: source.metadata.namespace ?? '',
      labels: { [label.rollout]: rolloutLabel(rollout), [label.revision]: revision },
      annotations: { [annotation.decision]: String(decision) },
      ownerReferences: [owner],
    },
    immutable: true,
    ...compact({ data, binaryData, type }),
  }
}

/** Whether an object that has the name of a copy is one: of this fleet, unchangeable, with the same content. */
export function isCopy(object: KubeObject, copy: KubeObject): boolean {
  const uids = new Set(copy.metadata.ownerReferences?.map(({ uid }) => uid))
  return (
    object['immutable'] === true &&
    (object.metadata.ownerReferences ?? []).some(({ uid }) => uids.has(uid)) &&
    contentDigest(object) === contentDigest(copy)
  )
}

/** `<name>-<revision>`, cut and made unique by a digest where that is too long. */
export function copyName(name: string, revision: Hash): string {
  return boundedName(name, revision)
}

/** The template with the copies of a revision in place of what `refs` name. */
export function withCopies<Template>(
  template: Template,
  refs: readonly ConfigRef[],
  revision: Hash,
): Template {
  const copies = new Map(refs.map((ref) => [keyOf(ref), copyName(ref.name, revision)]))
  return renamed(template, copies)
}

/** The template as it was before `withCopies`. */
export function withoutCopies<Template>(
  template: Template,
  refs: readonly ConfigRef[],
  revision: Hash,
): Template {
  const names = new Map(
    refs.map((ref) => [keyOf({ ...ref, name: copyName(ref.name, revision) }), ref.name]),
  )
  return renamed(template, names)
}

type Json = Readonly<Record<string, unknown>>
type Rename = (ref: ConfigRef) => string | undefined

const keyOf = ({ kind, name }: ConfigRef): string => `${kind}/${name}`

function renamed<Template>(template: Template, names: ReadonlyMap<string, string>): Template {
  if (names.size === 0 || !isJson(template)) return template
  const rename: Rename = (ref) => names.get(keyOf(ref))
  return within(template, 'spec', (spec) => {
    const withContainers = ['containers', 'initContainers'].reduce<Json>(
      (pod, field) => each(pod, field, (container) => ofContainer(container, rename)),
      spec,
    )
    return each(withContainers, 'volumes', (volume) => ofVolume(volume, rename))
  }) as Template
}

function ofContainer(container: Json, rename: Rename): Json {
  const withEnv = each(container, 'env', (entry) =>
    within(entry, 'valueFrom', (from) =>
      within(
        within(from, 'configMapKeyRef', (ref) => named(ref, { kind: 'ConfigMap', rename })),
        'secretKeyRef',
        (ref) => named(ref, { kind: 'Secret', rename }),
      ),
    ),
  )
  return each(withEnv, 'envFrom', (from) =>
    within(
      within(from, 'configMapRef', (ref) => named(ref, { kind: 'ConfigMap', rename })),
      'secretRef',
      (ref) => named(ref, { kind: 'Secret', rename }),
    ),
  )
}

function ofVolume(volume: Json, rename: Rename): Json {
  const ofMap = within(volume, 'configMap', (ref) => named(ref, { kind: 'ConfigMap', rename }))
  const ofSecret = within(ofMap, 'secret', (ref) =>
    named(ref, { kind: 'Secret', rename, field: 'secretName' }),
  )
  return within(ofSecret, 'projected', (projected) =>
    each(projected, 'sources', (source) =>
      within(
        within(source, 'configMap', (ref) => named(ref, { kind: 'ConfigMap', rename })),
        'secret',
        (ref) => named(ref, { kind: 'Secret', rename }),
      ),
    ),
  )
}

interface Naming {
  readonly kind: ConfigRef['kind']
  readonly rename: Rename
  readonly field?: string
}

function named(holder: Json, { kind, rename, field = 'name' }: Naming): Json {
  const name = holder[field]
  const other = typeof name === 'string' ? rename({ kind, name }) : undefined
  return other === undefined ? holder : { ...holder, [field]: other }
}

function within(holder: Json, field: string, edit: (value: Json) => Json): Json {
  const value = holder[field]
  return isJson(value) ? { ...holder, [field]: edit(value) } : holder
}

function each(holder: Json, field: string, edit: (value: Json) => Json): Json {
  const items = holder[field]
  if (!Array.isArray(items)) return holder
  return { ...holder, [field]: items.map((item) => (isJson(item) ? edit(item) : item)) }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
