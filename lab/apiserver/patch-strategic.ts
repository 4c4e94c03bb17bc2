// Strategic merge patch, for built-in kinds: lists merge by their keys, and `$patch`, `$retainKeys`,
// `$deleteFromPrimitiveList` and `$setElementOrder` direct the merge.
import { isEqual, isObject, type JsonObject, listOf } from './json.ts'
import { childSchema, listMerge, type Schema } from './schema.ts'
import { badRequest } from './status-error.ts'

export function applyStrategicPatch(
  target: unknown,
  patch: unknown,
  schema: Schema | undefined,
): unknown {
  if (Array.isArray(patch)) return mergeList(listOf(target), patch, schema)
  if (!isObject(patch)) return patch
  return mergeObject(isObject(target) ? target : {}, patch, schema)
}

const orderDirective = '$setElementOrder/'
const deleteDirective = '$deleteFromPrimitiveList/'

function mergeObject(
  target: JsonObject,
  patch: JsonObject,
  schema: Schema | undefined,
): JsonObject {
  switch (patch['$patch']) {
    case 'replace':
      return plain(patch)
    case 'delete':
      return {}
    case undefined:
    case 'merge':
      break
    default:
      throw badRequest(`Unknown patch type found: ${String(patch['$patch'])}`)
  }
  const retained = patch['$retainKeys']
  const result = Array.isArray(retained)
    ? Object.fromEntries(Object.entries(target).filter(([name]) => retained.includes(name)))
    : { ...target }
  for (const [name, value] of Object.entries(plain(patch))) {
    if (value === null) delete result[name]
    else result[name] = applyStrategicPatch(result[name], value, childSchema(schema, name))
  }
  return directLists(result, patch, schema)
}

/** Directives for a list stand beside it in the patch. */
function directLists(
  result: JsonObject,
  patch: JsonObject,
  schema: Schema | undefined,
): JsonObject {
  const directed = { ...result }
  for (const [directive, values] of Object.entries(patch)) {
    if (directive.startsWith(deleteDirective)) {
      const name = directive.slice(deleteDirective.length)
      const gone = listOf(values)
      directed[name] = listOf(directed[name]).filter((v) => !gone.some((g) => isEqual(g, v)))
    } else if (directive.startsWith(orderDirective)) {
      const name = directive.slice(orderDirective.length)
      if (Array.isArray(directed[name])) {
        directed[name] = ordered(directed[name], listOf(values), childSchema(schema, name))
      }
    }
  }
  return directed
}

function ordered(
  items: readonly unknown[],
  order: readonly unknown[],
  schema: Schema | undefined,
): unknown[] {
  const key = mergeKey(schema)
  const identity = (item: unknown) => (key !== null && isObject(item) ? item[key] : item)
  const place = (item: unknown) => {
    const index = order.findIndex((wanted) => isEqual(identity(wanted), identity(item)))
    return index < 0 ? order.length : index
  }
  return [...items].sort((a, b) => place(a) - place(b))
}

function mergeList(
  target: readonly unknown[],
  patch: readonly unknown[],
  schema: Schema | undefined,
): unknown[] {
  const key = mergeKey(schema)
  const directive = patch.find((item) => isObject(item) && item['$patch'] === 'replace')
  if (directive) return patch.filter((item) => item !== directive)
  if (key !== null) return mergeKeyed(target, patch, { key, items: schema?.items })
  if (listMerge(schema).kind !== 'set') return patch.map(plainValue)
  return [...target, ...patch.filter((item) => !target.some((old) => isEqual(old, item)))]
}

function mergeKeyed(
  target: readonly unknown[],
  patch: readonly unknown[],
  { key, items }: { readonly key: string; readonly items: Schema | undefined },
): unknown[] {
  return patch.reduce<unknown[]>(
    (list, item) => {
      if (!isObject(item) || item[key] === undefined) {
        throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`)
      }
      const isSame = (other: unknown) => isObject(other) && isEqual(other[key], item[key])
      if (item['$patch'] === 'delete') return list.filter((other) => !isSame(other))
      const index = list.findIndex(isSame)
      if (index < 0) return list.concat([applyStrategicPatch({}, item, items)])
      return list.with(index, applyStrategicPatch(list[index], item, items))
    },
    [...target],
  )
}

/** The first key of a keyed list is its merge key. */
function mergeKey(schema: Schema | undefined): string | null {
  const merge = listMerge(schema)
  return merge.kind === 'map' ? (merge.keys[0] ?? null) : null
}

function plain(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) => (name.startsWith('$') ? [] : [[name, part]])),
  )
}

function plainValue(value: unknown): unknown {
  return isObject(value) ? plain(value) : value
}
