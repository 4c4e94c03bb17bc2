// A text and the edits of a merge in; the text with only those fields changed out. Comments, quoting and
// every other byte stay. What can not be spliced is an error for a person; the caller proves the result (pure).
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type ParsedNode } from 'yaml'
import type { Edit } from './merge.ts'
import {
  columnAt,
  endOf,
  eolOf,
  insertAfter,
  isCollection,
  keyOf,
  keyStart,
  pairEnd,
  removeLines,
  type Splice,
  startOf,
  toEol,
  Unspliceable,
  withLinesAbove,
} from './places.ts'
import {
  comingComments,
  inlineScalar,
  isFlowValue,
  itemComments,
  renderFlow,
  renderItem,
  renderPair,
  type SpliceInput,
  type Written,
} from './spelling.ts'
import type { FieldPath } from './yaml-file.ts'

export function spliceEdits(input: SpliceInput): string {
  const splices = lift(input).map((edit) => spliceOf(edit, input))
  // From the end, so that offsets stay true; of two at one place the later edit goes first.
  const ordered = splices
    .map((splice, order) => ({ ...splice, order }))
    .sort((a, b) => b.start - a.start || b.end - a.end || b.order - a.order)
  let text = input.tip.text
  let limit = text.length
  for (const { start, end, text: piece } of ordered) {
    if (end > limit) throw new Unspliceable('two changes touch the same place')
    text = text.slice(0, start) + piece + text.slice(end)
    limit = start
  }
  return text
}

/**
 * An edit within a flow collection that adds or removes members, or one that leaves nothing of a collection,
 * becomes one edit that writes the collection anew.
 */
function lift({ edits, tip, merged }: SpliceInput): Edit[] {
  const lifted = new Map<string, Edit>()
  for (const edit of edits) {
    const path = liftedPath(edit, edits, tip)
    if (path === null) lifted.set(JSON.stringify([edit.path, edit.kind, lifted.size]), edit)
    else lifted.set(JSON.stringify(path), { kind: 'set', path, value: valueAt(tip, merged, path) })
  }
  const paths = [...lifted.values()].filter((edit) => edit.kind === 'set').map((edit) => edit.path)
  // What lies within a collection that is written anew needs no edit of its own.
  return [...lifted.values()].filter(
    (edit) => !paths.some((path) => path.length < edit.path.length && startsWith(edit.path, path)),
  )
}

function liftedPath(edit: Edit, edits: readonly Edit[], tip: Written): FieldPath | null {
  let flowRoot: FieldPath | null = null
  for (let length = 0; length < edit.path.length; length++) {
    const path = edit.path.slice(0, length)
    const node = tip.document.node([...tip.root, ...path])
    if (isAlias(node)) throw new Unspliceable('the release is written behind an alias')
    if ((isMap(node) || isSeq(node)) && node.flow) flowRoot ??= path
  }
  if (flowRoot !== null) {
    const node = tip.document.node([...tip.root, ...edit.path])
    const isInPlace = edit.kind === 'set' && isScalar(node) && !isCollection(edit.value)
    if (!isInPlace) return flowRoot
  }
  const parentPath = edit.path.slice(0, -1)
  const parent = tip.document.node([...tip.root, ...parentPath])
  if (edit.kind === 'set' || !(isMap(parent) || isSeq(parent))) {
    return edit.kind === 'set' ? null : parentPath
  }
  const removed = edits.filter(
    (other) =>
      other.kind === 'remove' &&
      other.path.length === edit.path.length &&
      startsWith(other.path, parentPath),
  )
  return removed.length >= parent.items.length ? parentPath : null
}

function spliceOf(edit: Edit, input: SpliceInput): Splice {
  const { tip } = input
  if (edit.path.length === 0) return spliceWhole(edit, input)
  const parent = tip.document.node([...tip.root, ...edit.path.slice(0, -1)])
  if (isMap(parent)) return spliceInMap(edit, parent.items as Pair[], input)
  if (isSeq(parent)) return spliceInList(edit, parent.items as (Node | null)[], input)
  throw new Unspliceable('the field is not where it was expected')
}

function spliceWhole(edit: Edit, input: SpliceInput): Splice {
  const node = input.tip.document.node(input.tip.root)
  if (edit.kind !== 'set' || !isMap(node) || !node.flow) {
    throw new Unspliceable('the whole release would have to be written anew')
  }
  const [start, end] = node.range
  const old = input.tip.text.slice(start, end)
  return { start, end, text: toEol(renderFlow(edit.value, old, input), input.tip.text) }
}

function spliceInMap(edit: Edit, items: readonly Pair[], input: SpliceInput): Splice {
  const { text } = input.tip
  const name = String(edit.path.at(-1))
  const pair = items.find((item) => keyOf(item) === name)
  if (edit.kind === 'insert') {
    const column = columnAt(text, keyStart(items[0]))
    const piece = toEol(renderPair(edit, column, input), text)
    const before = edit.after
      .map((other) => items.find((item) => keyOf(item) === String(other)))
      .find((item) => item && !isRemoved(edit.path, keyOf(item), input))
    if (!before) {
      const start = keyStart(items[isAfterDash(text, items) ? 0 : stayingIndex(edit, items, input)])
      return { start, end: start, text: `${piece}${eolOf(text)}${' '.repeat(column)}` }
    }
    return insertAfter(text, pairEnd(text, before), `${' '.repeat(column)}${piece}`)
  }
  if (!pair) throw new Unspliceable(`the field ${name} is not written where it was expected`)
  const start = keyStart(pair)
  const end = pairEnd(text, pair)
  if (edit.kind === 'remove') return removePair({ edit, items, start, end }, input)
  const value = pair.value as ParsedNode | null
  if (isScalar(value) && !isCollection(edit.value)) {
    const inline = inlineScalar(edit, value, input)
    if (inline !== null) return inline
  }
  if (isFlowValue(edit.path, input)) throw new Unspliceable('a long text would stand in braces')
  return { start, end, text: toEol(renderPair(edit, columnAt(text, start), input), text) }
}

interface Removal {
  readonly edit: Edit
  readonly items: readonly Pair[]
  readonly start: number
  readonly end: number
}

/** The first fields of a list item share its dash: they go together, up to the first field that stays. */
function removePair({ edit, items, start, end }: Removal, input: SpliceInput): Splice {
  const { text } = input.tip
  const staying = stayingIndex(edit, items, input)
  const position = items.findIndex((item) => keyOf(item) === String(edit.path.at(-1)))
  if (!isAfterDash(text, items) || position > staying) return removeWithComments(input, start, end)
  if (position > 0) return { start, end: start, text: '' }
  return { start, end: keyStart(items[staying]), text: '' }
}

function stayingIndex(edit: Edit, items: readonly Pair[], input: SpliceInput): number {
  return items.findIndex((item) => !isRemoved(edit.path, keyOf(item), input))
}

function isAfterDash(text: string, items: readonly Pair[]): boolean {
  const first = keyStart(items[0])
  return text.slice(first - columnAt(text, first), first).includes('-')
}

function spliceInList(edit: Edit, items: readonly (Node | null)[], input: SpliceInput): Splice {
  const { text } = input.tip
  const dashOf = (item: Node | null | undefined) => {
    const start = startOf(item)
    const lineStart = text.lastIndexOf('\n', start - 1) + 1
    const lead = /^([ ]*)-([ ]+)$/.exec(text.slice(lineStart, start))
    if (!lead) throw new Unspliceable('an item of a list does not begin on a line of its own')
    return { lineStart, indent: lead[1] ?? '', gap: lead[2] ?? ' ' }
  }
  if (edit.kind === 'remove') {
    const item = items[Number(edit.path.at(-1))]
    const { lineStart } = dashOf(item)
    return removeWithComments(input, lineStart, endOf(item))
  }
  if (edit.kind !== 'insert') throw new Unspliceable('an item of a list would change its type')
  const { indent, gap } = dashOf(items[0])
  const column = indent.length + 1 + gap.length
  const above = itemComments(edit, input).map((comment) => `${indent}${comment}${eolOf(text)}`)
  const piece = `${above.join('')}${indent}-${gap}${toEol(renderItem(edit, column, input), text)}`
  const before = edit.after.find((index) => !isRemoved(edit.path, index, input))
  if (before !== undefined) return insertAfter(text, endOf(items[Number(before)]), piece)
  const staying = items.find((_, index) => !isRemoved(edit.path, index, input))
  const { lineStart } = dashOf(staying)
  return { start: lineStart, end: lineStart, text: `${piece}${eolOf(text)}` }
}

function removeWithComments(input: SpliceInput, start: number, end: number): Splice {
  const { text } = input.tip
  const lines = removeLines(text, start, end)
  return { ...lines, start: withLinesAbove(text, lines.start, comingComments(input, start)) }
}

function isRemoved(path: FieldPath, sibling: string | number, { edits }: SpliceInput): boolean {
  const wanted = JSON.stringify([...path.slice(0, -1), sibling])
  return edits.some((edit) => edit.kind === 'remove' && JSON.stringify(edit.path) === wanted)
}

function valueAt(tip: Written, merged: unknown, path: FieldPath): unknown {
  let value = merged
  for (const [depth, part] of path.entries()) {
    if (Array.isArray(value)) {
      // Items of the merged list stand elsewhere than at the tip when some were removed before them.
      const item = tip.document.node([...tip.root, ...path.slice(0, depth), part])
      const key = path[depth - 1] === 'volumeMounts' ? 'mountPath' : 'name'
      const name = isMap(item) ? item.get(key) : undefined
      value = value.find((one) => one?.[key] === name)
    } else if (value !== null && typeof value === 'object') value = Reflect.get(value, part)
    else return undefined
  }
  return value
}

const startsWith = (path: FieldPath, start: FieldPath) => start.every((part, i) => path[i] === part)
