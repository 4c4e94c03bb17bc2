// PromQL text in, tokens with positions out.
import { parseNumber } from './exposition.ts'

export type Token =
  | { readonly kind: 'number'; readonly value: number; readonly at: number }
  | { readonly kind: 'duration'; readonly ms: number; readonly at: number }
  | { readonly kind: 'string'; readonly text: string; readonly at: number }
  | { readonly kind: 'word'; readonly text: string; readonly at: number }
  | { readonly kind: 'symbol'; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly at: number }

/** The query can not be read. `at` is the offset of the character that does not fit. */
export class PromqlError extends Error {
  readonly at: number

  constructor(message: string, at: number) {
    super(`${message} at character ${at + 1}`)
    this.name = 'PromqlError'
    this.at = at
  }
}

const space = /(?:\s|#[^\n]*)+/y
const duration = /(?:[0-9]+(?:ms|[smhdwy]))+(?![A-Za-z0-9_.])/y
const number = /0x[0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y
const word = /[A-Za-z_:][A-Za-z0-9_:]*/y
const symbol = /=~|!~|==|!=|>=|<=|[-+*/%^()[\]{},=<>]/y

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
}

export function lex(query: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    return pattern.exec(query)?.[0] ?? null
  }
  while (true) {
    at += take(space)?.length ?? 0
    if (at >= query.length) break
    const start = at
    const character = query[at] ?? ''
    if (character === '"' || character === "'" || character === '`') {
      const { text, length } = readString(query, at)
      tokens.push({ kind: 'string', text, at })
      at += length
      continue
    }
    const token = readPlain(take, start)
    if (token === null) throw new PromqlError(`unexpected ${JSON.stringify(character)}`, at)
    tokens.push(token.token)
    at += token.length
  }
  return [...tokens, { kind: 'end', at: query.length }]
}

function readPlain(
  take: (pattern: RegExp) => string | null,
  at: number,
): { token: Token; length: number } | null {
  const time = take(duration)
  if (time !== null)
    return { token: { kind: 'duration', ms: milliseconds(time), at }, length: time.length }
  const digits = take(number)
  if (digits !== null) {
    const value = parseNumber(digits) ?? Number.NaN
    return { token: { kind: 'number', value, at }, length: digits.length }
  }
  const text = take(word)
  if (text !== null) return { token: { kind: 'word', text, at }, length: text.length }
  const sign = take(symbol)
  return sign === null ? null : { token: { kind: 'symbol', text: sign, at }, length: sign.length }
}

function milliseconds(text: string): number {
  let total = 0
  for (const [, count, unit] of text.matchAll(/([0-9]+)(ms|[smhdwy])/g)) {
    total += Number(count) * (unitMs[unit ?? ''] ?? 0)
  }
  return total
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

function readString(query: string, start: number): { text: string; length: number } {
  const quote = query[start]
  let text = ''
  for (let at = start + 1; at < query.length; at += 1) {
    const character = query[at] ?? ''
    if (character === quote) return { text, length: at + 1 - start }
    if (character === '\n' && quote !== '`') break
    if (character !== '\\' || quote === '`') {
      text += character
      continue
    }
    at += 1
    const escaped = escapes[query[at] ?? '']
    if (escaped === undefined) throw new PromqlError('unknown escape sequence', at - 1)
    text += escaped
  }
  throw new PromqlError('unterminated string', start)
}
