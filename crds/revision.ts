// A pod template and the configuration named beside it in, their revision out: the identity of what runs, not of
// how it rolls. Git (release digest), the controller (fleet, subset, metrics) and the plugin share this one function.
import { createHash } from 'node:crypto'

/** Key of a fleet, a subset and a metrics series: ten hex digits, safe as a label and as a subset name. */
export type Hash = string

/** A ConfigMap or a Secret, in the namespace of its Rollout. */
export interface ConfigRef {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly name: string
}

/** What a ConfigMap or Secret of a release holds, as a digest. */
export interface ConfigDigest extends ConfigRef {
  readonly digest: string
}

/**
 * The revision of a pod template with the configuration it runs with. Two templates that are equal as JSON have
 * the same revision, whatever the order of their keys, their comments or their formatting in Git. Without
 * configuration it is the digest of the template alone.
 */
export function revisionOf(template: unknown, config: readonly ConfigDigest[] = []): Hash {
  const release = config.length === 0 ? template : { template, config: sorted(config) }
  return sha256(canonicalJson(release)).slice(0, 10)
}

/** Names in `spec.config`, each once. */
export function configRefsOf(
  config: readonly {
    readonly configMap?: string | undefined
    readonly secret?: string | undefined
  }[] = [],
): ConfigRef[] {
  const refs = config.map(
    ({ configMap, secret }): ConfigRef =>
      configMap === undefined
        ? { kind: 'Secret', name: secret ?? '' }
        : { kind: 'ConfigMap', name: configMap },
  )
  return sorted(refs.filter((ref, at) => refs.findIndex((other) => isSameRef(ref, other)) === at))
}

/**
 * Digest of what a ConfigMap or Secret holds, the same for the object in Git and in the cluster: a Secret's
 * `stringData` counts as the `data` that the API server makes of it. The length keeps it from being cut.
 */
export function contentDigest(object: Readonly<Record<string, unknown>>): string {
  const data = { ...members(object['data']), ...encoded(members(object['stringData'])) }
  const binaryData = members(object['binaryData'])
  const type = object['kind'] === 'Secret' ? (object['type'] ?? 'Opaque') : undefined
  const text = canonicalJson({ kind: object['kind'], type, data, binaryData })
  return `${text.length}-${sha256(text)}`
}

/** JSON with sorted keys and without `undefined` and `null` members, which the API server drops. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  // Said in few steps, since every tick and every look at a branch asks for it.
  const members = value as Readonly<Record<string, unknown>>
  let text = ''
  for (const key of Object.keys(members).sort()) {
    const member = members[key]
    if (member === undefined || member === null) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`
  }
  return `{${text}}`
}

function isSameRef(a: ConfigRef, b: ConfigRef): boolean {
  return a.kind === b.kind && a.name === b.name
}

function sorted<Ref extends ConfigRef>(refs: readonly Ref[]): Ref[] {
  const keyOf = ({ kind, name }: ConfigRef) => `${kind}/${name}`
  return refs.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function encoded(texts: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(texts)
  return Object.fromEntries(
    entries.map(([key, text]) => [key, Buffer.from(String(text)).toString('base64')]),
  )
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
