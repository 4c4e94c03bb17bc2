// The Prometheus text format in, samples out.
import type { Labels } from './series.ts'

export interface ExposedSample {
  /** With the metric's name as `__name__`. */
  readonly labels: Labels
  readonly value: number
  /** Set where the line carries its own time. */
  readonly timeMs: number | null
}

/** Throws an error that names the line when the text is not in the format. */
export function parseExposition(text: string): ExposedSample[] {
  const samples: ExposedSample[] = []
  let lineNumber = 0
  for (const line of text.split('\n')) {
    lineNumber += 1
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const sample = parseLine(trimmed)
    if (sample === null) throw new Error(`line ${lineNumber} is not a sample: ${line.slice(0, 80)}`)
    samples.push(sample)
  }
  return samples
}

const namePattern = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const labelPattern = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|(?=\}))/y

function parseLine(line: string): ExposedSample | null {
  const name = match(namePattern, line, 0)
  if (name === null) return null
  const labels: Record<string, string> = { __name__: name[0] }
  let at = name[0].length
  while (line[at] === ' ' || line[at] === '\t') at += 1
  if (line[at] === '{') {
    at += 1
    let label = match(labelPattern, line, at)
    while (label !== null) {
      labels[label[1] ?? ''] = unescaped(label[2] ?? '')
      at += label[0].length
      label = match(labelPattern, line, at)
    }
    while (line[at] === ' ') at += 1
    if (line[at] !== '}') return null
    at += 1
  }
  const [value, time, ...rest] = line.slice(at).trim().split(/\s+/)
  const number = parseNumber(value ?? '')
  if (number === null || rest.length > 0) return null
  if (time !== undefined && !/^-?[0-9]+$/.test(time)) return null
  return { labels, value: number, timeMs: time === undefined ? null : Number(time) }
}

/** A number as Prometheus writes it, `null` when it is none. */
export function parseNumber(text: string): number | null {
  if (/^[+-]?inf(inity)?$/i.test(text)) {
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }
  if (/^[+-]?nan$/i.test(text)) return Number.NaN
  if (/^0x[0-9a-f]+$/i.test(text)) return Number(text)
  return /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(text) ? Number(text) : null
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (whole, character: string) => {
    if (character === 'n') return '\n'
    return character === '\\' || character === '"' ? character : whole
  })
}
