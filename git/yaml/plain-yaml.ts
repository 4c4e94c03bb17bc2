// The text of a plainly written YAML file in; its values out, at a tenth of the cost of the full parser. Whatever
// is not plain (quotes with escapes, block text, anchors, odd types) gives null: then the full parser is asked.
import { isPlainlyShallow } from './yaml-limits.ts'

export interface PlainDocument {
  readonly value: Readonly<Record<string, unknown>>
  /** Line of the first field, from 1. */
  readonly line: number
}

interface Line {
  readonly number: number
  readonly indent: number
  /** Without indentation; never empty and never only a comment. */
  readonly text: string
}

/** Thrown for what only the full parser may judge; never leaves this file. */
const notPlain = new Error('not plainly written')

/** The documents of a file, or null when the file is written in any way that needs the full parser. */
export function parsePlainYaml(text: string): readonly PlainDocument[] | null {
  if (text.length > 262_144 || /[^\n\x20-\x7e\u00a1-\ud7ff]/.test(text)) return null
  if (!isPlainlyShallow(text)) return null
  const documents: PlainDocument[] = []
  try {
    for (const lines of documentsOf(text)) {
      const reader = { lines, at: 0 }
      const [first] = lines
      if (first?.indent !== 0 || first.text.startsWith('- ')) return null
      documents.push({ value: readMap(reader, 0), line: first.number })
      if (reader.at < lines.length) return null
    }
    return documents
  } catch (error) {
    if (error === notPlain) return null
    throw error
  }
}

/** Lines with content, by document. A document without content is left to the full parser. */
function documentsOf(text: string): Line[][] {
  const documents: Line[][] = [[]]
  let number = 0
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf('\n', start)
    if (end < 0) end = text.length
    number += 1
    let first = start
    while (text.charCodeAt(first) === space) first += 1
    const isContent = first < end && text.charCodeAt(first) !== hash
    const line = { number, indent: first - start, text: isContent ? text.slice(first, end) : '' }
    if (line.text === '---' && line.indent === 0) documents.push([])
    else if (isMarker(line)) throw notPlain
    else if (isContent) documents.at(-1)?.push(line)
    start = end + 1
  }
  if (documents[0]?.length === 0) documents.shift()
  if (documents.some((lines) => lines.length === 0)) throw notPlain
  return documents
}

const [space, hash] = [32, 35]
const isMarker = ({ indent, text }: Line) => indent === 0 && /^(\.|-[^ ]|-$)/.test(text)

interface Reader {
  readonly lines: Line[]
  at: number
}

type Value = Record<string, unknown>

function readMap(reader: Reader, indent: number): Value {
  const map: Value = {}
  for (;;) {
    const line = reader.lines[reader.at]
    if (line === undefined || line.indent < indent) return map
    if (line.indent > indent) throw notPlain
    // The end of a list at the same column as its key, or no map at all: its owner decides.
    if (line.text.startsWith('- ')) return map
    reader.at += 1
    readPair(reader, map, line)
  }
}

function readPair(reader: Reader, map: Value, { indent, text }: Line): void {
  const colon = text.indexOf(':')
  const key = text.slice(0, colon)
  const rest = text.slice(colon + 1)
  if (colon < 1 || !(rest === '' || rest.startsWith(' '))) throw notPlain
  put(map, key, isBlank(rest) ? readBlock(reader, indent) : readInline(rest.trimStart()))
}

/** What stands below `key:` or nothing at all, which is null. */
function readBlock(reader: Reader, indent: number): unknown {
  const next = reader.lines[reader.at]
  if (next === undefined || next.indent < indent) return null
  if (next.text.startsWith('- ')) return readList(reader, next.indent)
  return next.indent > indent ? readMap(reader, next.indent) : null
}

function readList(reader: Reader, indent: number): unknown[] {
  const list: unknown[] = []
  for (;;) {
    const line = reader.lines[reader.at]
    if (line === undefined || line.indent < indent) return list
    if (line.indent > indent) throw notPlain
    if (!line.text.startsWith('- ')) return list
    const text = line.text.slice(2).trimStart()
    if (pairStart.test(text)) {
      // The item is a map whose first line shares the line of the dash.
      const inner = indent + line.text.length - text.length
      reader.lines[reader.at] = { number: line.number, indent: inner, text }
      list.push(readMap(reader, inner))
    } else {
      reader.at += 1
      list.push(readInline(text))
    }
  }
}

const pairStart = /^[A-Za-z_][\w./-]*:( |$)/
const plainKey = /^[A-Za-z_][\w./-]*$/
// Words that YAML 1.1 may read as something else than text.
const reserved = /^(y|n|yes|no|on|off|true|false|null|__proto__|constructor|prototype)$/i

function put(map: Value, key: string, value: unknown): void {
  if (!plainKey.test(key) || reserved.test(key) || Object.hasOwn(map, key)) throw notPlain
  map[key] = value
}

const isBlank = (rest: string) => /^ *( #.*)?$/.test(rest)

function readInline(text: string): unknown {
  const code = text[0]
  if (code === '{' || code === '[') {
    const flow = { text, at: 0 }
    const value = readFlow(flow)
    if (!isBlank(text.slice(flow.at))) throw notPlain
    return value
  }
  if (code === '"' || code === "'") {
    const end = text.indexOf(code, 1)
    if (end < 0 || !isBlank(text.slice(end + 1))) throw notPlain
    return quoted(text.slice(1, end))
  }
  const comment = text.indexOf(' #')
  return scalar((comment < 0 ? text : text.slice(0, comment)).trimEnd())
}

/** Without escapes; two quotes in a row have ended the text before, which is not blank behind it. */
function quoted(text: string): string {
  if (text.includes('\\')) throw notPlain
  return text
}

interface Flow {
  readonly text: string
  at: number
}

function readFlow(flow: Flow): unknown {
  const open = flow.text[flow.at]
  const close = open === '{' ? '}' : ']'
  const list: unknown[] = []
  const map: Value = {}
  flow.at += 1
  skipSpaces(flow)
  if (flow.text[flow.at] === close) {
    flow.at += 1
    return open === '{' ? map : list
  }
  for (;;) {
    skipSpaces(flow)
    if (open === '{') {
      const colon = flow.text.indexOf(': ', flow.at)
      if (colon < 0) throw notPlain
      const key = flow.text.slice(flow.at, colon)
      flow.at = colon + 2
      skipSpaces(flow)
      put(map, key, readFlowValue(flow))
    } else list.push(readFlowValue(flow))
    skipSpaces(flow)
    const end = flow.text[flow.at]
    flow.at += 1
    if (end === close) return open === '{' ? map : list
    if (end !== ',' || flow.text[flow.at] !== ' ') throw notPlain
  }
}

function readFlowValue(flow: Flow): unknown {
  const first = flow.text[flow.at]
  if (first === '{' || first === '[') return readFlow(flow)
  if (first === '"' || first === "'") {
    const end = flow.text.indexOf(first, flow.at + 1)
    if (end < 0) throw notPlain
    const text = quoted(flow.text.slice(flow.at + 1, end))
    flow.at = end + 1
    return text
  }
  let end = flow.at
  while (end < flow.text.length && !',[]{}'.includes(flow.text[end] ?? '')) end += 1
  const text = flow.text.slice(flow.at, end).trimEnd()
  flow.at = end
  return scalar(text)
}

function skipSpaces(flow: Flow): void {
  while (flow.text.charCodeAt(flow.at) === space) flow.at += 1
}

const plainText = /^[A-Za-z/_][\w./:@+%=~ ()-]*$/
const integer = /^(0|-?[1-9][0-9]{0,14})$/
const decimal = /^(0|[1-9][0-9]{0,6})\.[0-9]{1,6}$/
// Quantities, durations and versions: digits that no rule of YAML 1.1 takes for a number.
const textOfDigits = /^([0-9]+(\.[0-9]+)?(ms?|s|h|d|[KkMGTP]i?)|[0-9]+(\.[0-9]+){2,})$/

function scalar(text: string): unknown {
  if (plainText.test(text)) {
    if (text === 'true') return true
    if (text === 'false') return false
    if (text === 'null') return null
    if (reserved.test(text) || text.includes(': ') || text.endsWith(':')) throw notPlain
    return text
  }
  if (integer.test(text) || decimal.test(text)) return Number(text)
  if (textOfDigits.test(text)) return text
  throw notPlain
}
