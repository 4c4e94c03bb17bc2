// Who owns which fields of an object: entries of metadata.managedFields, read, and rewritten after an update.
import type { KubeObject } from '../../kube/api.ts'
import {
  compare,
  type FieldSet,
  fromFieldsV1,
  minus,
  toFieldsV1,
  union,
  withoutTrees,
} from './field-set.ts'
import { isEqual, isObject, type JsonObject, listOf, omit, textOf } from './json.ts'
import type { Schema } from './schema.ts'

export interface Manager {
  readonly name: string
  readonly operation: 'Apply' | 'Update'
  /** Empty for the object itself. */
  readonly subresource: string
  readonly apiVersion: string
}

export interface ManagerEntry extends Manager {
  readonly time: string
  readonly fields: FieldSet
}

/** Most update managers that are remembered one by one; older ones are merged, as Kubernetes does. */
const updateManagerLimit = 10
const ancient = 'ancient-changes'

/** Stored entries are frozen and shared by many versions of an object: each is parsed and rendered once. */
const parsed = new WeakMap<object, FieldSet>()
const rendered = new WeakMap<FieldSet, JsonObject>()

export function managersOf(object: KubeObject): ManagerEntry[] {
  return listOf(object.metadata['managedFields']).flatMap((entry) => {
    if (!isObject(entry)) return []
    return [
      {
        name: textOf(entry['manager']),
        operation: entry['operation'] === 'Apply' ? 'Apply' : 'Update',
        subresource: textOf(entry['subresource']),
        apiVersion: textOf(entry['apiVersion']),
        time: textOf(entry['time']),
        fields: fieldsOfEntry(entry['fieldsV1']),
      },
    ]
  })
}

function fieldsOfEntry(fields: unknown): FieldSet {
  if (!isObject(fields)) return new Set()
  const known = parsed.get(fields)
  if (known) return known
  const found = fromFieldsV1(fields)
  if (!Object.isFrozen(fields)) return found
  parsed.set(fields, found)
  rendered.set(found, fields)
  return found
}

export function withManagers(object: KubeObject, entries: readonly ManagerEntry[]): KubeObject {
  const before = listOf(object.metadata['managedFields'])
  const kept = entries.filter((entry) => entry.fields.size > 0)
  const managedFields = limited(kept).sort(byOperationAndTime).map(renderEntry)
  if (isEqual(before, managedFields)) return object
  if (managedFields.length > 0)
    return { ...object, metadata: { ...object.metadata, managedFields } }
  return {
    ...object,
    metadata: { ...omit(object.metadata, 'managedFields'), name: object.metadata.name },
  }
}

function limited(entries: readonly ManagerEntry[]): ManagerEntry[] {
  const updates = entries
    .filter((entry) => entry.operation === 'Update' && entry.subresource === '')
    .sort((a, b) => (a.time < b.time ? -1 : 1))
  const excess = updates.length - updateManagerLimit
  if (excess <= 0) return [...entries]
  const old = updates.slice(0, excess + 1)
  const last = old.at(-1)
  if (!last) return [...entries]
  const merged = { ...last, name: ancient, fields: union(...old.map((entry) => entry.fields)) }
  return [...entries.filter((entry) => !old.includes(entry)), merged]
}

function byOperationAndTime(a: ManagerEntry, b: ManagerEntry): number {
  const keyOf = (entry: ManagerEntry) => `${entry.operation} ${entry.time} ${entry.name}`
  return keyOf(a) < keyOf(b) ? -1 : 1
}

function renderEntry(entry: ManagerEntry): JsonObject {
  return {
    manager: entry.name,
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    time: entry.time,
    fieldsType: 'FieldsV1',
    fieldsV1: rendered.get(entry.fields) ?? toFieldsV1(entry.fields),
    ...(entry.subresource !== '' && { subresource: entry.subresource }),
  }
}

export function isSameManager(a: Manager, b: Manager): boolean {
  return a.name === b.name && a.operation === b.operation && a.subresource === b.subresource
}

export interface Update {
  /** Null for a create. */
  readonly before: KubeObject | null
  readonly after: KubeObject
  readonly schema: Schema
  readonly manager: Manager
  readonly time: string
}

/** After a create, replace or patch: the writer owns what it changed, and the others no longer do. */
export function afterUpdate(update: Update): KubeObject {
  const { before, after, schema, manager, time } = update
  const { changed, removed } = compare(
    before === null ? { metadata: {} } : { metadata: {}, ...managed(before) },
    { metadata: {}, ...managed(after) },
    schema,
  )
  const entries = before === null ? [] : managersOf(before)
  if (changed.size === 0 && removed.size === 0) return withManagers(after, entries)
  const next = entries.map((entry) => {
    const left = removed.size === 0 ? entry.fields : withoutTrees(entry.fields, removed)
    if (isSameManager(entry, manager)) return { ...entry, fields: union(left, changed), time }
    const isTouched = [...changed].some((path) => left.has(path))
    return { ...entry, fields: isTouched ? minus(left, changed) : left }
  })
  const isKnown = next.some((entry) => isSameManager(entry, manager))
  return withManagers(after, isKnown ? next : [...next, { ...manager, time, fields: changed }])
}

/** The part of an object that managers can own. */
export function managed(object: JsonObject): JsonObject {
  const { apiVersion: _, kind: __, metadata, ...rest } = object
  const owned = omit(
    isObject(metadata) ? metadata : {},
    'name',
    'namespace',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'generateName',
    'managedFields',
  )
  return Object.keys(owned).length === 0 ? rest : { ...rest, metadata: owned }
}
