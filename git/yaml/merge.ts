// Three values of one release (bad, tip, good) in; the tip with what the bad release changed taken back,
// and the edits that lead there, out. Pure values: the text follows in splice.ts.
import { canonicalJson } from '../../crds/revision.ts'
import type { FieldPath } from './yaml-file.ts'

/** `after` names the sibling before which nothing of the kind stood in the good value. */
export type Edit =
  | { readonly kind: 'set'; readonly path: FieldPath; readonly value: unknown }
  | { readonly kind: 'remove'; readonly path: FieldPath }
  | {
      readonly kind: 'insert'
      readonly path: FieldPath
      readonly value: unknown
      /** Where it belongs: siblings that stand before it in the good value, nearest first. */
      readonly after: readonly (string | number)[]
      /** For an item of a list: where it stood in the good list. */
      readonly goodIndex?: number
    }

export type Merge =
  | { readonly kind: 'merged'; readonly value: unknown; readonly edits: readonly Edit[] }
  | { readonly kind: 'third-value'; readonly path: FieldPath }

export interface Sides {
  readonly bad: unknown
  readonly tip: unknown
  readonly good: unknown
}

type Mapping = Readonly<Record<string, unknown>>

/**
 * Fields that are equal in bad and good keep the tip's value. A field that the bad release changed gets
 * its good value where the tip still has the bad one; any other value at the tip is a person's: third-value.
 */
export function mergeRelease(sides: Sides, path: FieldPath = []): Merge {
  const { bad, tip, good } = sides
  if (equal(bad, good) || equal(tip, good)) return { kind: 'merged', value: tip, edits: [] }
  if (isMapping(bad) && isMapping(tip) && isMapping(good)) {
    return mergeMappings({ bad, tip, good }, path)
  }
  const key = listKey(path, [bad, tip, good])
  if (key !== null) {
    const merge = mergeLists({ bad, tip, good } as Lists, key, path)
    // Order is part of a list: where only it differs, the good list is taken as a whole.
    if (!equal(tip, bad) || (merge.kind === 'merged' && equal(merge.value, good))) return merge
  }
  if (!equal(tip, bad)) return { kind: 'third-value', path }
  return { kind: 'merged', value: good, edits: [replace(sides, path)] }
}

export function equal(a: unknown, b: unknown): boolean {
  // Most values are equal in the order of their keys too; only the others need sorting.
  return a === b || JSON.stringify(a) === JSON.stringify(b) || canonicalJson(a) === canonicalJson(b)
}

function replace({ tip, good }: Sides, path: FieldPath): Edit {
  if (isAbsent(good)) return { kind: 'remove', path }
  if (tip === undefined) return { kind: 'insert', path, value: good, after: [] }
  return { kind: 'set', path, value: good }
}

function mergeMappings(
  sides: { bad: Mapping; tip: Mapping; good: Mapping },
  path: FieldPath,
): Merge {
  const { bad, tip, good } = sides
  const value: Record<string, unknown> = { ...tip }
  const edits: Edit[] = []
  const goodKeys = Object.keys(good)
  for (const key of new Set([...Object.keys(tip), ...goodKeys, ...Object.keys(bad)])) {
    const merge = mergeRelease({ bad: bad[key], tip: tip[key], good: good[key] }, [...path, key])
    if (merge.kind === 'third-value') return merge
    const after = goodKeys.slice(0, Math.max(goodKeys.indexOf(key), 0)).reverse()
    edits.push(...merge.edits.map((edit) => placed(edit, path.length + 1, after)))
    if (isAbsent(merge.value) && merge.edits.length > 0) delete value[key]
    else if (merge.edits.length > 0) value[key] = merge.value
  }
  return { kind: 'merged', value, edits }
}

/** An insert learns its place from the level on which it was decided. */
function placed(edit: Edit, depth: number, after: readonly string[]): Edit {
  return edit.kind === 'insert' && edit.path.length === depth ? { ...edit, after } : edit
}

interface Lists {
  readonly bad: readonly Mapping[]
  readonly tip: readonly Mapping[]
  readonly good: readonly Mapping[]
}

function mergeLists({ bad, tip, good }: Lists, key: string, path: FieldPath): Merge {
  const find = (list: readonly Mapping[], name: unknown) => list.find((item) => item[key] === name)
  const value: Mapping[] = []
  const edits: Edit[] = []
  for (const [index, item] of tip.entries()) {
    const name = item[key]
    const sides = { bad: find(bad, name), tip: item, good: find(good, name) }
    const merge = mergeRelease(sides, [...path, index])
    if (merge.kind === 'third-value') return merge
    edits.push(...merge.edits)
    if (isMapping(merge.value)) value.push(merge.value)
  }
  for (const [goodIndex, item] of good.entries()) {
    if (find(tip, item[key])) continue
    const was = find(bad, item[key])
    if (was && equal(was, item)) continue
    if (was) return { kind: 'third-value', path }
    const before = good.slice(0, goodIndex).reverse()
    const after = before.map((other) => tip.findIndex((one) => one[key] === other[key]))
    const place = before.findIndex((other) => find(value, other[key]))
    const at = value.findIndex((one) => one[key] === before[place]?.[key]) + 1
    value.splice(at, 0, item)
    const siblings = after.filter((position) => position >= 0)
    edits.push({ kind: 'insert', path: [...path, -1], value: item, after: siblings, goodIndex })
  }
  return { kind: 'merged', value, edits }
}

/** The field that names the items of a list, when all three lists have it and names are unique. */
function listKey(path: FieldPath, lists: readonly unknown[]): string | null {
  const field = path.at(-1)
  const candidates =
    field === 'volumeMounts'
      ? ['mountPath']
      : field === 'ports'
        ? ['name', 'containerPort']
        : ['name']
  return candidates.find((key) => lists.every((list) => isKeyedBy(list, key))) ?? null
}

function isKeyedBy(list: unknown, key: string): boolean {
  if (!Array.isArray(list)) return false
  const names = list.map((item: unknown) => (isMapping(item) ? item[key] : undefined))
  return (
    names.every((name) => typeof name === 'string' || typeof name === 'number') &&
    new Set(names).size === names.length
  )
}

export function isMapping(value: unknown): value is Mapping {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

const isAbsent = (value: unknown) => value === undefined || value === null
