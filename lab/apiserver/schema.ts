// Structural schemas: what custom kinds declare, and the little that built-in kinds need for merging.
import { isObject, type JsonObject, listOf, objectOf } from './json.ts'

export interface CelValidation {
  readonly rule: string
  readonly message?: string
  readonly messageExpression?: string
  readonly reason?: string
  readonly fieldPath?: string
}

export interface Schema {
  readonly type?: string
  readonly description?: string
  readonly format?: string
  readonly nullable?: boolean
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-embedded-resource'?: boolean
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular'
  readonly 'x-kubernetes-validations'?: readonly CelValidation[]
  readonly [keyword: string]: unknown
}

/** How a list merges: whole, as a set of values, or item by item under its keys. */
export type ListMerge =
  | { readonly kind: 'atomic' }
  | { readonly kind: 'set' }
  | { readonly kind: 'map'; readonly keys: readonly string[] }

export function listMerge(schema: Schema | undefined): ListMerge {
  const type = schema?.['x-kubernetes-list-type']
  if (type === 'set') return { kind: 'set' }
  const keys = schema?.['x-kubernetes-list-map-keys'] ?? []
  return type === 'map' && keys.length > 0 ? { kind: 'map', keys } : { kind: 'atomic' }
}

export function isAtomicObject(schema: Schema | undefined): boolean {
  return schema?.['x-kubernetes-map-type'] === 'atomic'
}

export function childSchema(schema: Schema | undefined, name: string): Schema | undefined {
  const declared = schema?.properties?.[name]
  if (declared) return declared
  const others = schema?.additionalProperties
  return typeof others === 'object' ? others : undefined
}

/** True for fields of a struct; false for keys of a map, which are members of a field set themselves. */
export function isStructField(schema: Schema | undefined, name: string): boolean {
  if (schema?.properties?.[name]) return true
  return !schema?.additionalProperties && !schema?.['x-kubernetes-preserve-unknown-fields']
}

/** The identity of an item of a keyed list, with defaults for keys that are left out; null without one. */
export function itemKey(
  item: unknown,
  keys: readonly string[],
  items: Schema | undefined,
): string | null {
  if (!isObject(item)) return null
  const found: JsonObject = {}
  for (const key of [...keys].sort()) {
    const value = item[key] ?? items?.properties?.[key]?.default
    if (value !== undefined) found[key] = value
  }
  return Object.keys(found).length === 0 ? null : JSON.stringify(found)
}

const map = (keys: readonly string[], items: Schema = {}): Schema => ({
  type: 'array',
  items,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
})

const set: Schema = { type: 'array', 'x-kubernetes-list-type': 'set' }
const atomicObject: Schema = { type: 'object', 'x-kubernetes-map-type': 'atomic' }
const strings: Schema = { type: 'object', additionalProperties: { type: 'string' } }

export const objectMeta: Schema = {
  type: 'object',
  description: "Standard object's metadata.",
  properties: {
    labels: strings,
    annotations: strings,
    finalizers: set,
    ownerReferences: map(['uid']),
  },
}

const container: Schema = {
  properties: {
    ports: map(['containerPort', 'protocol'], { properties: { protocol: { default: 'TCP' } } }),
    env: map(['name']),
    volumeMounts: map(['mountPath']),
    volumeDevices: map(['devicePath']),
  },
}

const conditions = map(['type'])
const localReferences = map(['name'])

const podSpec: Schema = {
  properties: {
    containers: map(['name'], container),
    initContainers: map(['name'], container),
    ephemeralContainers: map(['name'], container),
    volumes: map(['name']),
    imagePullSecrets: localReferences,
    hostAliases: map(['ip']),
    topologySpreadConstraints: map(['topologyKey', 'whenUnsatisfiable']),
    nodeSelector: atomicObject,
  },
}

const podTemplate: Schema = { properties: { metadata: objectMeta, spec: podSpec } }
const withConditions: Schema = { properties: { conditions } }

/** Merge rules of built-in kinds, by kind. What is not named merges as maps and atomic lists. */
const builtinSchemas: Readonly<Record<string, Schema>> = {
  Pod: object(podSpec, { properties: { conditions, podIPs: map(['ip']), hostIPs: map(['ip']) } }),
  ReplicaSet: object({ properties: { selector: atomicObject, template: podTemplate } }),
  Deployment: object({ properties: { selector: atomicObject, template: podTemplate } }),
  Service: object({
    properties: {
      ports: map(['port', 'protocol'], { properties: { protocol: { default: 'TCP' } } }),
      selector: atomicObject,
    },
  }),
  ServiceAccount: {
    properties: {
      metadata: objectMeta,
      secrets: localReferences,
      imagePullSecrets: localReferences,
    },
  },
  EndpointSlice: { properties: { metadata: objectMeta } },
  Node: object({ properties: { taints: { 'x-kubernetes-list-type': 'atomic' }, podCIDRs: set } }),
}

export function builtinSchema(kind: string): Schema {
  return builtinSchemas[kind] ?? object({})
}

function object(spec: Schema, status: Schema = withConditions): Schema {
  return { type: 'object', properties: { metadata: objectMeta, spec, status } }
}

/** The schema of a custom kind, its envelope replaced by the one all objects share. */
export function withEnvelope(schema: Schema): Schema {
  return {
    ...schema,
    type: 'object',
    properties: {
      apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
      kind: { type: 'string', description: 'What this object is.' },
      ...schema.properties,
      metadata: objectMeta,
    },
  }
}

/** Parts of a schema that hold schemas, with the path each adds to a value's path. */
export function subschemas(schema: Schema): [path: string, schema: Schema][] {
  const found: [string, Schema][] = Object.entries(schema.properties ?? {}).map(
    ([name, part]): [string, Schema] => [`.properties[${name}]`, part],
  )
  if (schema.items) found.push(['.items', schema.items])
  if (typeof schema.additionalProperties === 'object') {
    found.push(['.additionalProperties', schema.additionalProperties])
  }
  return found
}

/** Untrusted JSON as a schema: keywords that have a shape are refused when they do not have it. */
export function parseSchema(value: unknown, path: string): Schema {
  if (!isObject(value)) throw new Error(`${path}: must be a schema`)
  const properties = Object.entries(objectOf(value['properties'])).map(([name, part]) => [
    name,
    parseSchema(part, `${path}.properties[${name}]`),
  ])
  const others = value['additionalProperties']
  return {
    ...value,
    ...(value['properties'] !== undefined && { properties: Object.fromEntries(properties) }),
    ...(value['items'] !== undefined && { items: parseSchema(value['items'], `${path}.items`) }),
    ...(isObject(others) && {
      additionalProperties: parseSchema(others, `${path}.additionalProperties`),
    }),
    ...(value['required'] !== undefined && { required: listOf(value['required']).map(String) }),
  }
}
