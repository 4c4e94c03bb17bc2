// Server-side apply: the live object and one manager's configuration in, the merged object out.
//
//   live ──merge configuration──▶ merged ──conflicts with other owners?──▶ refuse, unless forced
//                                   └──remove what this manager stopped stating──▶ result, its owners
import type { KubeObject } from '../../kube/api.ts'
import { parseObject } from './envelope.ts'
import {
  byElement,
  compare,
  type FieldSet,
  fieldsOf,
  intersect,
  itemElement,
  minus,
  showPath,
  union,
  withParents,
} from './field-set.ts'
import { isObject, type JsonObject } from './json.ts'
import {
  isSameManager,
  type Manager,
  type ManagerEntry,
  managed,
  managersOf,
  withManagers,
} from './managed-fields.ts'
import { childSchema, isAtomicObject, listMerge, type Schema } from './schema.ts'
import { applyConflict } from './status-error.ts'

export interface Application {
  readonly live: KubeObject
  readonly config: KubeObject
  readonly schema: Schema
  readonly manager: Manager
  readonly force: boolean
  readonly time: string
}

/** Fails with 409 when another manager owns a field that would change. */
export function applyConfiguration(application: Application): KubeObject {
  const { live, config, schema, manager, time } = application
  const stated = managed(config)
  const fields = fieldsOf(stated, schema)
  const entries = managersOf(live)
  const others = entries.filter((entry) => !isSameManager(entry, manager))
  const merged = merge(managed(live), stated, schema)
  const taken = compare(managed(live), merged, schema).changed
  refuseConflicts(application, { others, contested: intersect(fields, taken) })

  const rest = others.map((entry) => {
    const lost = intersect(entry.fields, intersect(fields, taken))
    return lost.size === 0 ? entry : { ...entry, fields: minus(entry.fields, lost) }
  })
  const last = entries.find((entry) => isSameManager(entry, manager))
  const dropped = droppedFields(last, fields, rest)
  const result = dropped.size === 0 ? merged : without(merged, { schema, paths: dropped, path: '' })
  const isSame = last !== undefined && isEqualSet(last.fields, fields)
  const entry = { ...manager, fields, time: isSame ? last.time : time }
  return withManagers(rejoin(live, result), [...rest, entry])
}

function refuseConflicts(
  { force }: Application,
  at: { others: readonly ManagerEntry[]; contested: FieldSet },
): void {
  if (force) return
  const causes = at.others.flatMap((entry) =>
    [...intersect(entry.fields, at.contested)].sort().map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${describe(entry)}`,
      field: showPath(path),
    })),
  )
  if (causes.length > 0) throw applyConflict(causes)
}

function describe(entry: ManagerEntry): string {
  if (entry.operation === 'Apply') return JSON.stringify(entry.name)
  const part = entry.subresource === '' ? '' : ` with subresource "${entry.subresource}"`
  return `"${entry.name}"${part} using ${entry.apiVersion}`
}

/** Fields the manager stated last time and not now, that nobody else owns. */
function droppedFields(
  last: ManagerEntry | undefined,
  fields: FieldSet,
  others: readonly ManagerEntry[],
): Set<string> {
  if (!last) return new Set()
  const kept = withParents(union(fields, ...others.map((entry) => entry.fields)))
  return minus(withParents(last.fields), kept)
}

const isEqualSet = (a: FieldSet, b: FieldSet): boolean =>
  a.size === b.size && [...a].every((path) => b.has(path))

/** The live value with the configuration laid over it, by the list types of the schema. */
export function merge<T>(live: unknown, config: T, schema: Schema | undefined): T | JsonObject
export function merge(live: unknown, config: unknown, schema: Schema | undefined): unknown {
  if (isObject(live) && isObject(config) && !isAtomicObject(schema)) {
    const result = { ...live }
    for (const [name, value] of Object.entries(config)) {
      result[name] = merge(live[name], value, childSchema(schema, name))
    }
    return result
  }
  if (Array.isArray(live) && Array.isArray(config) && listMerge(schema).kind !== 'atomic') {
    return mergeItems(live, config, schema)
  }
  return config
}

/** Stated items take the configuration's order; the others stay where they are among them. */
function mergeItems(
  live: readonly unknown[],
  config: readonly unknown[],
  schema: Schema | undefined,
): unknown[] {
  const old = byElement(live, schema)
  const stated = byElement(config, schema)
  const result: unknown[] = []
  const ahead = [...old]
  const taken = new Set<string>()
  const takeOthers = () => {
    for (let next = ahead[0]; next; next = ahead[0]) {
      const [element, item] = next
      if (stated.has(element) && !taken.has(element)) return
      if (!stated.has(element)) result.push(item)
      ahead.shift()
    }
  }
  for (const [element, value] of stated) {
    takeOthers()
    result.push(old.has(element) ? merge(old.get(element), value, schema?.items) : value)
    taken.add(element)
  }
  takeOthers()
  return result
}

interface Removal {
  readonly schema: Schema | undefined
  readonly paths: FieldSet
  readonly path: string
}

function without<T extends JsonObject>(value: T, removal: Removal): JsonObject
function without(value: unknown, removal: Removal): unknown
function without(value: unknown, removal: Removal): unknown {
  const { schema, paths, path } = removal
  const below = (element: string) => (path === '' ? element : `${path}\n${element}`)
  if (isObject(value) && !isAtomicObject(schema)) {
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, part]) => {
        const inner = { paths, schema: childSchema(schema, name), path: below(`f:${name}`) }
        return paths.has(inner.path) ? [] : [[name, without(part, inner)]]
      }),
    )
  }
  if (!Array.isArray(value) || listMerge(schema).kind === 'atomic') return value
  return value.flatMap((item) => {
    const inner = { paths, schema: schema?.items, path: below(itemElement(item, schema)) }
    return paths.has(inner.path) ? [] : [withKeys(item, without(item, inner), schema)]
  })
}

/** An item that stays because others own a part of it stays the same item. */
function withKeys(item: unknown, rest: unknown, schema: Schema | undefined): unknown {
  const merging = listMerge(schema)
  if (merging.kind !== 'map' || !isObject(item) || !isObject(rest)) return rest
  return Object.fromEntries(
    Object.entries(item).flatMap(([name, value]) => {
      if (name in rest) return [[name, rest[name]]]
      return merging.keys.includes(name) ? [[name, value]] : []
    }),
  )
}

/** The live envelope around a result that holds only what managers can own. */
function rejoin(live: KubeObject, result: JsonObject): KubeObject {
  const { metadata, ...rest } = result
  const envelope = { ...live.metadata }
  for (const name of Object.keys(objectPart(managed(live)['metadata']))) delete envelope[name]
  return parseObject({
    apiVersion: live.apiVersion,
    kind: live.kind,
    ...rest,
    metadata: { ...envelope, ...objectPart(metadata) },
  })
}

const objectPart = (value: unknown): JsonObject => (isObject(value) ? value : {})
