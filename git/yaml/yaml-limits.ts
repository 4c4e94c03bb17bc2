// Limits on YAML text, checked on the flat token stream before anything recursive sees it (pure).
import { CST, Lexer } from 'yaml'

export const limits = {
  bytes: 1024 * 1024,
  depth: 64,
  documents: 1_000,
  aliases: 64,
} as const

export interface TextProblem {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** The first limit that a text breaks, or null. Linear in the length of the text. */
export function textProblem(text: string): TextProblem | null {
  if (text.length > limits.bytes || Buffer.byteLength(text) > limits.bytes) {
    return { line: 1, column: 1, message: 'is larger than 1 MiB. Split the file' }
  }
  if (text.includes('\0')) {
    return { line: 1, column: 1, message: 'holds a NUL byte. Save it as UTF-8 text' }
  }
  return isPlainlyShallow(text) ? null : scan(text)
}

/**
 * True for nearly every real file, at a tenth of the cost of the scan: so few brackets, separators and so
 * little indentation that it can not be deep, whatever they mean.
 */
export function isPlainlyShallow(text: string): boolean {
  const counted = { brackets: 0, levels: 0, lines: 0 }
  let isLead = true
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === newline) {
      isLead = true
      counted.levels = 0
      counted.lines += text.charCodeAt(i + 1) === dash ? 1 : 0
    } else if (code === bracket || code === brace) counted.brackets += 1
    else if (code === colon || (isLead && leads.has(code))) counted.levels += 1
    else isLead = false
    if (counted.levels > limits.depth || counted.brackets > limits.depth) return false
  }
  return counted.lines < limits.documents
}

const [newline, dash, colon, bracket, brace] = [10, 45, 58, 91, 123]
const leads = new Set([...' -?\t'].map((char) => char.charCodeAt(0)))

/**
 * Depth in flow collections is exact. In blocks it is the number of columns that are open, which is at
 * least half of the true depth: enough to keep recursion shallow; the exact check follows on the tree.
 */
function scan(text: string): TextProblem | null {
  const at = { line: 1, column: 1 }
  const depth: Depth = { open: [], flow: 0 }
  let documents = 1
  for (const token of new Lexer().lex(text)) {
    if (markers.has(token)) continue
    const kind = CST.tokenType(token)
    if (kind === 'doc-start') documents += 1
    if (documents > limits.documents + 1) {
      return { ...at, message: `has more than ${limits.documents} documents. Split the file` }
    }
    enter(depth, kind, at.column)
    if (depth.flow > limits.depth || depth.open.length > limits.depth * 2) {
      return { ...at, message: `is nested deeper than ${limits.depth} levels. Flatten it` }
    }
    const newline = token.lastIndexOf('\n')
    at.line += newline < 0 ? 0 : countNewlines(token)
    at.column = newline < 0 ? at.column + token.length : token.length - newline
  }
  return null
}

interface Depth {
  readonly open: number[]
  flow: number
}

const markers = new Set<string>([CST.DOCUMENT, CST.SCALAR, CST.FLOW_END, CST.BOM])
const blank = new Set<string | null>(['space', 'newline', 'comment'])

function enter(depth: Depth, kind: string | null, column: number): void {
  if (kind === 'flow-map-start' || kind === 'flow-seq-start') depth.flow += 1
  else if (kind === 'flow-map-end' || kind === 'flow-seq-end') depth.flow -= 1
  else if (depth.flow <= 0 && !blank.has(kind)) {
    while (depth.open.length > 0 && (depth.open.at(-1) ?? 0) >= column) depth.open.pop()
    depth.open.push(column)
  }
}

function countNewlines(token: string): number {
  let count = 0
  for (let at = token.indexOf('\n'); at >= 0; at = token.indexOf('\n', at + 1)) count += 1
  return count
}
