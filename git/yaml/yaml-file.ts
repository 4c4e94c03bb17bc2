// The text of one YAML file in; its documents as plain values out, with places for error messages.
// Read as YAML 1.1, as kubectl does. Hostile text ends in an error with its place (pure).
import {
  type CollectionTag,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  type ScalarTag,
  type Tags,
} from 'yaml'
import type { SourceError } from '../../crds/git-source.ts'
import { limits, textProblem } from './yaml-limits.ts'

export type FieldPath = readonly (string | number)[]

/** One document of a file. It holds the syntax tree: read it and let go, never keep it. */
export interface YamlDocument {
  readonly index: number
  readonly value: unknown
  readonly problems: readonly SourceError[]
  /** The node at a field path, or null when it is absent or behind an alias. */
  node(path: FieldPath): ParsedNode | null
  /** Where a field stands, or the nearest field around it that is written. */
  place(path: FieldPath): { readonly line: number; readonly column: number }
}

export interface YamlFile {
  readonly documents: readonly YamlDocument[]
  /** Errors of the file as a whole; then there are no documents. */
  readonly problems: readonly SourceError[]
}

const yamlOptions = {
  version: '1.1' as const,
  strict: true,
  // Our own check is linear; the one of the parser compares every key with every other.
  uniqueKeys: false,
  stringKeys: true,
  prettyErrors: false,
  logLevel: 'silent' as const,
  // Types that kubectl reads as plain text, and merge keys, which we refuse with a better message.
  customTags: (tags: Tags): Tags =>
    tags.flatMap((tag): Tags => {
      if (typeof tag === 'string') return [tag]
      return isKept(tag) ? [withDigits(tag)] : []
    }),
}

export function parseYamlFile(path: string, text: string): YamlFile {
  const failed = (line: number, column: number, message: string): YamlFile => ({
    documents: [],
    problems: [{ path, line, column, message }],
  })
  const problem = textProblem(text)
  if (problem) return failed(problem.line, problem.column, problem.message)
  try {
    const lines = new LineCounter()
    const parsed = parseAllDocuments<ParsedNode>(text, { ...yamlOptions, lineCounter: lines })
    const documents = Array.isArray(parsed) ? parsed : []
    return {
      problems: [],
      documents: documents.map((document, index) => readDocument({ path, document, index, lines })),
    }
  } catch (error) {
    return failed(1, 1, `cannot be read as YAML: ${shortMessage(error)}. Simplify the file`)
  }
}

interface Source {
  readonly path: string
  readonly document: Document.Parsed<ParsedNode>
  readonly index: number
  readonly lines: LineCounter
}

function readDocument(source: Source): YamlDocument {
  const { document, lines, path } = source
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const problems: SourceError[] = [...document.errors, ...document.warnings]
    .slice(0, 8)
    .map((error) => ({
      path,
      ...at(error.pos[0]),
      message: `${shortMessage(error)}. Correct the YAML at this place`,
    }))
  const report = (offset: number, message: string) => {
    if (problems.length < 8) problems.push({ path, ...at(offset), message })
  }
  if (problems.length === 0 && document.contents) checkNode(document.contents, 0, report)
  return {
    index: source.index,
    value: problems.length === 0 ? plainValue(document, report) : roughValue(document),
    problems,
    node: (field) => nodeAt(document.contents, field),
    place: (field) => at(offsetOf(document.contents, field)),
  }
}

type Report = (offset: number, message: string) => void

function checkNode(node: Node, depth: number, report: Report): void {
  const start = node.range?.[0] ?? 0
  if (depth > limits.depth) {
    report(start, `is nested deeper than ${limits.depth} levels. Flatten it`)
    return
  }
  if (isMap(node)) checkMap(node.items, depth, report)
  if (isSeq(node)) {
    for (const item of node.items) {
      if (isPair(item)) checkMap([item], depth, report)
      else if (item) checkNode(item as Node, depth + 1, report)
    }
  }
}

function checkMap(
  items: readonly { key: unknown; value: unknown }[],
  depth: number,
  report: Report,
): void {
  const seen = new Set<string>()
  for (const { key, value } of items) {
    const offset = (key as Node | null)?.range?.[0] ?? 0
    if (!isScalar(key)) {
      report(offset, 'has a key that is not plain text. Write the key as text')
      continue
    }
    const name = String(key.value)
    if (seen.has(name)) report(offset, `has the key "${shorten(name)}" twice. Remove one`)
    if (forbiddenKeys.has(name))
      report(offset, `has the key "${name}", which is refused. Rename it`)
    if (name === '<<' && key.type === 'PLAIN') {
      report(offset, 'uses a merge key (<<), which is refused. Write the fields out')
    }
    seen.add(name)
    if (value) checkNode(value as Node, depth + 1, report)
  }
}

const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype'])

function plainValue(document: Document.Parsed<ParsedNode>, report: Report): unknown {
  try {
    const value: unknown = document.toJS({ maxAliasCount: limits.aliases })
    if (isShallow(value, limits.depth)) return value
    report(0, `is nested deeper than ${limits.depth} levels by its aliases. Write it out`)
    return null
  } catch (error) {
    report(0, `cannot be expanded: ${shortMessage(error)}. Use fewer aliases`)
    return null
  }
}

/** Aliases may nest a value deeper than its text, or even within itself. */
function isShallow(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== 'object') return true
  return levels >= 0 && Object.values(value).every((member) => isShallow(member, levels - 1))
}

/** Enough of a broken document to tell whose it is: the top fields that are still readable. */
function roughValue(document: Document.Parsed<ParsedNode>): unknown {
  const text = (path: FieldPath) => {
    const node = nodeAt(document.contents, path)
    return isScalar(node) && typeof node.value === 'string' ? node.value : undefined
  }
  return {
    apiVersion: text(['apiVersion']),
    kind: text(['kind']),
    metadata: { name: text(['metadata', 'name']), namespace: text(['metadata', 'namespace']) },
  }
}

function nodeAt(root: ParsedNode | null, path: FieldPath): ParsedNode | null {
  let node: unknown = root
  for (const part of path) {
    if (isMap(node)) node = pairOf(node.items, part)?.value
    else if (isSeq(node)) node = node.items[Number(part)]
    else return null
  }
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? (node as ParsedNode) : null
}

function offsetOf(root: ParsedNode | null, path: FieldPath): number {
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  for (const part of path) {
    let next: unknown
    if (isMap(node)) {
      const pair = pairOf(node.items, part)
      offset = (pair?.key as Node | undefined)?.range?.[0] ?? offset
      next = pair?.value
    } else if (isSeq(node)) {
      next = node.items[Number(part)]
      offset = (next as Node | undefined)?.range?.[0] ?? offset
    }
    if (!next) return offset
    node = next
  }
  return offset
}

function pairOf<T extends { key: unknown }>(items: readonly T[], name: string | number) {
  return items.find(({ key }) => isScalar(key) && String(key.value) === String(name))
}

function isKept(tag: { tag: string; format?: string }): boolean {
  return (
    !/:(timestamp|binary|omap|pairs|set|merge)$/.test(tag.tag) &&
    // Sexagesimal numbers: kubectl reads 1:30 as text.
    tag.format !== 'TIME'
  )
}

/** The parser takes e50 for a number that is none; kubectl, and people, for text. */
function withDigits(tag: CollectionTag | ScalarTag): CollectionTag | ScalarTag {
  if (!('test' in tag) || tag.format !== 'EXP') return tag
  return Object.assign({}, tag, {
    test: /^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)[eE][-+]?[0-9]+$/,
  })
}

function shortMessage(error: unknown): string {
  return shorten(error instanceof Error ? error.message : String(error)).replace(/\.$/, '')
}

const shorten = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text)
