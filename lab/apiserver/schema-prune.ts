// Pruning: fields that a custom kind's schema does not know are left out, and named.
import { isObject } from './json.ts'
import type { Schema } from './schema.ts'

/** `unknown` receives the path of each field left out. */
export function prune(value: unknown, schema: Schema, unknown: string[], path = ''): unknown {
  if (Array.isArray(value)) {
    const { items } = schema
    return items ? value.map((item, i) => prune(item, items, unknown, `${path}[${i}]`)) : value
  }
  if (!isObject(value)) return value
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true
  const others = schema.additionalProperties
  const kept: [string, unknown][] = []
  for (const [name, part] of Object.entries(value)) {
    const inner = path === '' ? name : `${path}.${name}`
    const declared = schema.properties?.[name] ?? (isObject(others) ? others : undefined)
    if (declared) kept.push([name, prune(part, declared, unknown, inner)])
    else if (isOpen || others === true || isEnvelope(schema, name)) kept.push([name, part])
    else unknown.push(inner)
  }
  return Object.fromEntries(kept)
}

const envelope = ['apiVersion', 'kind', 'metadata']

function isEnvelope(schema: Schema, name: string): boolean {
  return schema['x-kubernetes-embedded-resource'] === true && envelope.includes(name)
}

const metadataFields = new Set([
  'name',
  'generateName',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'labels',
  'annotations',
  'finalizers',
  'ownerReferences',
  'managedFields',
])

/** The same for the metadata every object has. */
export function pruneMetadata(metadata: Record<string, unknown>, unknown: string[]): string[] {
  const strange = Object.keys(metadata).filter((name) => !metadataFields.has(name))
  unknown.push(...strange.map((name) => `metadata.${name}`))
  return strange
}
