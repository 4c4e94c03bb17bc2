// Sets of fields, as managedFields records them: `f:` a field, `k:` an item by its keys, `v:` an item by
// its value. A path is its elements joined by newlines, so that set operations are those of Set.
import { isEqual, isObject, type JsonObject } from './json.ts'
import {
  childSchema,
  isAtomicObject,
  isStructField,
  itemKey,
  listMerge,
  type Schema,
} from './schema.ts'

export type FieldSet = ReadonlySet<string>

const joint = '\n'
const join = (path: string, element: string): string =>
  path === '' ? element : `${path}${joint}${element}`

/** Fields an applied configuration states: leaves, keys of maps, and items of lists. */
export function fieldsOf(value: unknown, schema: Schema | undefined): Set<string> {
  const found = new Set<string>()
  if (isObject(value)) addFields(value, schema, { path: '', found, withContainers: false })
  return found
}

interface Walk {
  readonly path: string
  readonly found: Set<string>
  /** An update that brings a whole container owns the container too; an apply owns what it states. */
  readonly withContainers: boolean
}

function addFields(value: unknown, schema: Schema | undefined, walk: Walk): void {
  if (Array.isArray(value)) addItems(value, schema, walk)
  else if (!isObject(value) || isAtomicObject(schema)) walk.found.add(walk.path)
  else {
    const names = Object.keys(value)
    if (walk.path !== '' && (names.length === 0 || walk.withContainers)) walk.found.add(walk.path)
    for (const name of names) {
      const path = join(walk.path, `f:${name}`)
      if (!isStructField(schema, name)) walk.found.add(path)
      addFields(value[name], childSchema(schema, name), { ...walk, path })
    }
  }
}

function addItems(list: readonly unknown[], schema: Schema | undefined, walk: Walk): void {
  const merge = listMerge(schema)
  if (merge.kind === 'atomic' || list.length === 0 || walk.withContainers) walk.found.add(walk.path)
  if (merge.kind === 'atomic') return
  for (const item of list) {
    const path = join(walk.path, itemElement(item, schema))
    walk.found.add(path)
    if (merge.kind === 'map') addFields(item, schema?.items, { ...walk, path })
  }
}

/** How a path names an item of a keyed list or a set. */
export function itemElement(item: unknown, schema: Schema | undefined): string {
  const merge = listMerge(schema)
  const key = merge.kind === 'map' ? itemKey(item, merge.keys, schema?.items) : null
  return key === null ? `v:${JSON.stringify(item)}` : `k:${key}`
}

export interface Difference {
  /** Added or modified. */
  readonly changed: Set<string>
  readonly removed: Set<string>
}

/** What a write changed. */
export function compare(before: unknown, after: unknown, schema: Schema | undefined): Difference {
  const difference = { changed: new Set<string>(), removed: new Set<string>() }
  compareAt(before, after, { schema, path: '', ...difference })
  return difference
}

interface Comparison extends Difference {
  readonly schema: Schema | undefined
  readonly path: string
}

function compareAt(before: unknown, after: unknown, at: Comparison): void {
  if (before === after) return
  const { schema, path } = at
  if (after === undefined) {
    addFields(before, schema, { path, found: at.removed, withContainers: true })
  } else if (before === undefined) {
    addFields(after, schema, { path, found: at.changed, withContainers: true })
  } else if (isObject(before) && isObject(after) && !isAtomicObject(schema)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const inner = { ...at, schema: childSchema(schema, name), path: join(path, `f:${name}`) }
      compareAt(before[name], after[name], inner)
    }
  } else if (Array.isArray(before) && Array.isArray(after) && listMerge(schema).kind !== 'atomic') {
    compareItems(before, after, at)
  } else if (!isEqual(before, after)) at.changed.add(path)
}

function compareItems(before: readonly unknown[], after: readonly unknown[], at: Comparison): void {
  const old = byElement(before, at.schema)
  const now = byElement(after, at.schema)
  for (const element of new Set([...old.keys(), ...now.keys()])) {
    const inner = { ...at, schema: at.schema?.items, path: join(at.path, element) }
    compareAt(old.get(element), now.get(element), inner)
  }
}

export function byElement(
  list: readonly unknown[],
  schema: Schema | undefined,
): Map<string, unknown> {
  return new Map(list.map((item) => [itemElement(item, schema), item]))
}

export function union(...sets: readonly FieldSet[]): Set<string> {
  return new Set(sets.flatMap((set) => [...set]))
}

export function minus(set: FieldSet, other: FieldSet): Set<string> {
  return new Set([...set].filter((path) => !other.has(path)))
}

/** The set with every parent of a member as a member. */
export function withParents(set: FieldSet): Set<string> {
  const found = new Set<string>()
  for (const path of set) {
    let end = path.length
    while (end > 0) {
      const here = path.slice(0, end)
      if (found.has(here)) break
      found.add(here)
      end = here.lastIndexOf(joint)
    }
  }
  return found
}

export function intersect(set: FieldSet, other: FieldSet): Set<string> {
  return new Set([...set].filter((path) => other.has(path)))
}

/** The set without the given paths and all below them. */
export function withoutTrees(set: FieldSet, roots: FieldSet): Set<string> {
  const isBelow = (path: string) => [...withParents(new Set([path]))].some((p) => roots.has(p))
  return new Set([...set].filter((path) => !isBelow(path)))
}

export function toFieldsV1(set: FieldSet): JsonObject {
  const root: JsonObject = {}
  for (const path of [...set].sort()) {
    let node = root
    for (const element of path.split(joint)) {
      const next = node[element]
      const child: JsonObject = isObject(next) ? next : {}
      node[element] = child
      node = child
    }
    node['.'] = {}
  }
  return bare(root)
}

/** A member without children is written as an empty object. */
function bare(node: JsonObject): JsonObject {
  const names = Object.keys(node)
  if (names.length === 1 && names[0] === '.') return {}
  return Object.fromEntries(
    Object.entries(node).map(([name, child]) => [
      name,
      name === '.' || !isObject(child) ? {} : bare(child),
    ]),
  )
}

export function fromFieldsV1(fields: unknown): Set<string> {
  const found = new Set<string>()
  const visit = (node: unknown, path: string) => {
    const names = isObject(node) ? Object.keys(node) : []
    if (path !== '' && (names.length === 0 || names.includes('.'))) found.add(path)
    if (!isObject(node)) return
    for (const name of names) if (name !== '.') visit(node[name], join(path, name))
  }
  visit(fields, '')
  return found
}

/** A path as conflict messages show it: `.spec.containers[name="web"].image`. */
export function showPath(path: string): string {
  return path
    .split(joint)
    .map((element) => {
      const text = element.slice(2)
      if (element.startsWith('f:')) return `.${text}`
      if (element.startsWith('v:')) return `[=${text}]`
      const keys: unknown = JSON.parse(text)
      const shown = Object.entries(isObject(keys) ? keys : {}).map(
        ([name, value]) => `${name}=${JSON.stringify(value)}`,
      )
      return `[${shown.join(',')}]`
    })
    .join('')
}
