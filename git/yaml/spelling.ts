// A value to be written and the good text in; how the good text spells it, at the indentation of the tip,
// out (pure). What the good text does not spell, or only through anchors, is stringified.
import { isAlias, isMap, isScalar, isSeq, type Pair, type ParsedNode, stringify } from 'yaml'
import type { Edit } from './merge.ts'
import {
  columnAt,
  commentsAbove,
  endOf,
  keyOf,
  keyStart,
  lineEnd,
  pairEnd,
  type Splice,
  startOf,
} from './places.ts'
import type { FieldPath, YamlDocument } from './yaml-file.ts'

/** A text with the document in it that is edited, or that lends its spelling. */
export interface Written {
  readonly text: string
  readonly document: YamlDocument
  /** Path of the release in the document. */
  readonly root: FieldPath
}

export interface SpliceInput {
  readonly tip: Written
  readonly good: Written
  /** The file of the bad release, if known: then its comments go with what they speak of. */
  readonly badText?: string | undefined
  /** The merged release, for collections that are written anew. */
  readonly merged: unknown
  readonly edits: readonly Edit[]
}

/** A scalar for a scalar, on its line: the good text's own spelling, and the comment behind it stays. */
export function inlineScalar(
  edit: Extract<Edit, { kind: 'set' }>,
  node: ParsedNode,
  input: SpliceInput,
): Splice | null {
  const [start, end] = node.range
  const old = input.tip.text.slice(start, end)
  if (old === '' || /[\r\n]/.test(old)) return null
  const source = input.good.document.node([...input.good.root, ...goodPath(edit.path, input)])
  let spelling = isScalar(source) ? input.good.text.slice(source.range[0], source.range[1]) : ''
  const isInFlow = isFlowValue(edit.path, input)
  const isPlain = isScalar(source) && source.type === 'PLAIN'
  const isOdd = isInFlow && isPlain && /[,[\]{}]/.test(spelling)
  if (spelling === '' || source?.tag || isOdd || isJson(edit.path, input)) {
    spelling = JSON.stringify(edit.value)
  }
  return /[\r\n]/.test(spelling) ? null : { start, end, text: spelling }
}

export function renderPair(
  edit: Exclude<Edit, { kind: 'remove' }>,
  column: number,
  input: SpliceInput,
) {
  const key = String(edit.path.at(-1))
  const path = goodPath(edit.path, input)
  const { document, root, text } = input.good
  const parent = document.node([...root, ...path.slice(0, -1)])
  const pair =
    isMap(parent) && !parent.flow
      ? (parent.items as Pair[]).find((item) => keyOf(item) === key)
      : undefined
  if (pair && isSame(document.node([...root, ...path]), edit.value)) {
    const start = keyStart(pair)
    const source = text.slice(start, pairEnd(text, pair))
    if (isFree(pair.value)) {
      const isOnOwnLine = text.slice(start - columnAt(text, start), start).trim() === ''
      const lead = edit.kind === 'insert' && isOnOwnLine ? lostComments(input, start) : []
      const lines = [...lead, indented(source, columnAt(text, start), column)]
      return lines.join(`\n${' '.repeat(column)}`)
    }
  }
  return indented(stringifyPlain({ [key]: edit.value }), 0, column)
}

type Insertion = Extract<Edit, { kind: 'insert' }>

const itemPath = (edit: Insertion, input: SpliceInput): FieldPath => [
  ...goodPath(edit.path.slice(0, -1), input),
  edit.goodIndex ?? -1,
]

export function renderItem(edit: Insertion, column: number, input: SpliceInput) {
  const { document, root, text } = input.good
  const path = itemPath(edit, input)
  const parent = document.node([...root, ...path.slice(0, -1)])
  const item = document.node([...root, ...path])
  if (isSeq(parent) && !parent.flow && isSame(item, edit.value) && isFree(item)) {
    const start = startOf(item)
    return indented(text.slice(start, lineEnd(text, endOf(item))), columnAt(text, start), column)
  }
  return indented(stringifyPlain(edit.value), 0, column)
}

/** A release that stands in braces as a whole, as in a JSON file. */
export function renderFlow(value: unknown, old: string, { good }: SpliceInput): string {
  const source = good.document.node(good.root)
  const isFlow = (isMap(source) || isSeq(source)) && source.flow === true
  if (isFlow && isSame(source, value)) {
    return indented(good.text.slice(source.range[0], source.range[1]), 0, 0)
  }
  if (/^\{\s*"/.test(old)) return JSON.stringify(value)
  return stringify(value, {
    version: '1.1',
    lineWidth: 0,
    collectionStyle: 'flow',
    aliasDuplicateObjects: false,
  }).trimEnd()
}

/** Comments above what comes back, which the tip has no more. */
function lostComments({ good, tip }: SpliceInput, start: number): string[] {
  const above = commentsAbove(good.text, start)
  return above.every((one) => timesIn(tip.text, one) < timesIn(good.text, one)) ? above : []
}

const timesIn = (text: string, words: string) => text.split(words).length - 1

/** The same of an item of a list. */
export function itemComments(edit: Insertion, input: SpliceInput): string[] {
  const item = input.good.document.node([...input.good.root, ...itemPath(edit, input)])
  return isSame(item, edit.value) ? lostComments(input, startOf(item)) : []
}

/** How many comments above what goes came with it: those of the bad text that the good one does not hold. */
export function comingComments({ tip, good, badText }: SpliceInput, start: number): number {
  if (badText === undefined) return 0
  const nearest = commentsAbove(tip.text, start).reverse()
  const first = nearest.findIndex((one) => timesIn(badText, one) <= timesIn(good.text, one))
  return first < 0 ? nearest.length : first
}

function stringifyPlain(value: unknown): string {
  return stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false }).trimEnd()
}

/** Positions in named lists differ between tip and good: follow the names. */
function goodPath(path: FieldPath, { tip, good }: SpliceInput): FieldPath {
  const result: (string | number)[] = []
  for (const [depth, part] of path.entries()) {
    const list = good.document.node([...good.root, ...result])
    if (typeof part === 'string' || !isSeq(list)) {
      result.push(part)
      continue
    }
    const item = tip.document.node([...tip.root, ...path.slice(0, depth), part])
    const keys = path[depth - 1] === 'volumeMounts' ? ['mountPath'] : ['name', 'containerPort']
    const found = keys.map((key) =>
      isMap(item) && item.has(key)
        ? list.items.findIndex((other) => isMap(other) && other.get(key) === item.get(key))
        : -1,
    )
    result.push(found.find((index) => index >= 0) ?? -1)
  }
  return result
}

function indented(source: string, from: number, to: number): string {
  const [first = '', ...rest] = source.replaceAll('\r\n', '\n').replace(/\n+$/, '').split('\n')
  const moved = rest.map((line) => {
    if (line.trim() === '') return ''
    const lead = Math.min(from, line.length - line.trimStart().length)
    return ' '.repeat(to) + line.slice(lead)
  })
  return [first, ...moved].join('\n')
}

/** Free of anchors, aliases and tags, whose meaning depends on the rest of the file. */
function isFree(node: unknown): boolean {
  if (isAlias(node)) return false
  if (isScalar(node)) return !node.anchor && !node.tag
  if (!(isMap(node) || isSeq(node))) return true
  if (node.anchor || node.tag) return false
  return node.items.every((item) =>
    item !== null && typeof item === 'object' && 'key' in item
      ? isFree((item as Pair).value)
      : isFree(item),
  )
}

function isSame(node: ParsedNode | null, value: unknown): boolean {
  if (node === null || !isFree(node)) return false
  return JSON.stringify(node.toJSON()) === JSON.stringify(value)
}

/** Keys in quotes, in braces: the file may have to stay JSON. */
function isJson(path: FieldPath, { tip }: Pick<SpliceInput, 'tip'>): boolean {
  const parent = tip.document.node([...tip.root, ...path.slice(0, -1)])
  if (isSeq(parent))
    return parent.flow === true && path.length > 1 && isJson(path.slice(0, -1), { tip })
  if (!isMap(parent) || parent.flow !== true) return false
  return (parent.items as Pair[]).every(({ key }) => isScalar(key) && key.type === 'QUOTE_DOUBLE')
}

export function isFlowValue(path: FieldPath, { tip }: SpliceInput): boolean {
  return path.some((_, length) => {
    const node = tip.document.node([...tip.root, ...path.slice(0, length)])
    return (isMap(node) || isSeq(node)) && node.flow === true
  })
}
