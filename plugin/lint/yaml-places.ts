// The text of a file in, its documents as plain values and where each field of them stands out. Pure. Read as
// YAML 1.1, as kubectl does; JSON is YAML too.
import {
  type CollectionTag,
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type ScalarTag,
  type Tags,
} from 'yaml'
import type { Path } from '../../crds/problem.ts'

export interface Place {
  /** From 1. */
  readonly line: number
  readonly column: number
}

export interface Written {
  /** Undefined when the text is wrong. */
  readonly value: unknown
  readonly problems: readonly (Place & { readonly message: string })[]
  /** Where a field stands, or the nearest field around it that is written. */
  place(path: Path): Place
  /** Where a character of a text stands; the text itself may be quoted, folded or a block. */
  placeIn(path: Path, offset: number): Place
}

const limits = { bytes: 1024 * 1024, aliases: 64, depth: 64, problems: 8 }

export function readYaml(text: string): Written[] {
  const trouble = troubleOf(text)
  if (trouble !== null) return [failed(trouble)]
  const lineCounter = new LineCounter()
  try {
    const documents = parseAllDocuments(text, { ...options, lineCounter })
    const read = (one: Document) => readDocument(one, { lines: lineCounter, source: text })
    return Array.isArray(documents) ? documents.map(read) : []
  } catch {
    return [failed('cannot be read as YAML: simplify the file')]
  }
}

const options = {
  version: '1.1' as const,
  stringKeys: true,
  prettyErrors: false,
  logLevel: 'silent' as const,
  // Types that kubectl reads as plain text, and merge keys.
  customTags: (tags: Tags): Tags => tags.filter((tag) => typeof tag === 'string' || isKept(tag)),
}

function isKept(tag: ScalarTag | CollectionTag): boolean {
  const isTime = 'format' in tag && tag.format === 'TIME'
  return !isTime && !/:(timestamp|binary|omap|pairs|set|merge)$/.test(tag.tag)
}

function readDocument(
  document: Document,
  { lines, source }: { readonly lines: LineCounter; readonly source: string },
): Written {
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const problems = [...document.errors, ...document.warnings]
    .slice(0, limits.problems)
    .map(({ pos, message }) => ({ ...at(pos[0]), message: message.slice(0, 200) }))
  const place = (path: Path) => at(offsetOf(document.contents, path))
  const placeIn = (path: Path, offset: number) => {
    const node = path.length > 0 ? document.getIn(path, true) : undefined
    return isScalar(node) && typeof node.value === 'string' && node.range
      ? at(offsetInText(source, { value: node.value, range: node.range, offset }))
      : place(path)
  }
  const places = { place, placeIn }
  if (problems.length > 0) return { value: undefined, problems, ...places }
  try {
    return { value: document.toJS({ maxAliasCount: limits.aliases }), problems, ...places }
  } catch {
    const message = `it has more than ${limits.aliases} aliases: write them out`
    return { value: undefined, problems: [{ ...at(0), message }], ...places }
  }
}

function offsetOf(root: unknown, path: Path): number {
  let node = root
  let offset = startOf(root)
  for (const step of path) {
    let next: unknown
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
      if (!pair) return offset
      offset = startOf(pair.key)
      next = pair.value
    } else if (isSeq(node)) {
      next = node.items[Number(step)]
      if (next === undefined) return offset
      offset = startOf(next)
    } else return offset
    node = next
  }
  return offset
}

/**
 * Walks value and source side by side: what folds and indents is white space, and the rest of the value
 * stands in the source in its order, with quotes, escapes and the head of a block between.
 */
function offsetInText(
  source: string,
  text: { readonly value: string; readonly range: readonly number[]; readonly offset: number },
): number {
  const { value, offset } = text
  const [start = 0, end = source.length] = text.range
  const isBlock = /^[|>]/.test(source.slice(start, start + 1))
  let at = isBlock ? source.indexOf('\n', start) + 1 : start
  if (/^["']/.test(source.slice(start, start + 1))) at += 1
  for (let i = 0; i < Math.min(offset, value.length) && at < end; i += 1) {
    const letter = value[i] ?? ''
    if (/\s/.test(letter)) continue
    while (at < end && source[at] !== letter) at += 1
    at += 1
  }
  while (at < end && value[offset] !== undefined && source[at] !== value[offset]) at += 1
  return Math.min(at, Math.max(start, end - 1))
}

function startOf(node: unknown): number {
  return (isNode(node) ? node.range?.[0] : undefined) ?? 0
}

function failed(message: string): Written {
  const place = () => ({ line: 1, column: 1 })
  return { value: undefined, problems: [{ ...place(), message }], place, placeIn: place }
}

/** Cheap limits before anything recursive sees the text. */
function troubleOf(text: string): string | null {
  if (Buffer.byteLength(text) > limits.bytes) return 'is larger than 1 MiB: split the file'
  if (text.includes('\0')) return 'holds a NUL byte: save it as UTF-8 text'
  let open = 0
  for (const letter of text) {
    if (letter === '[' || letter === '{') open += 1
    if (letter === ']' || letter === '}') open -= 1
    if (open > limits.depth) return `is nested deeper than ${limits.depth} levels: flatten it`
  }
  const indent = /^(?: {2}|- ){200}/m.test(text)
  return indent ? `is nested deeper than ${limits.depth} levels: flatten it` : null
}
