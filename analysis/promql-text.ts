// Values in, PromQL text out. Everything a user or a cluster names passes through here before it
// becomes part of a query.

/** A double-quoted PromQL string. */
export function quoted(value: string): string {
  return `"${escapeIn('"', value)}"`
}

/** A matcher for any of the values: equality for one, an alternation for several. */
export function oneOf(label: string, values: readonly string[]): string {
  const distinct = [...new Set(values)].sort()
  const [only] = distinct
  if (only !== undefined && distinct.length === 1) return `${label}=${quoted(only)}`
  return `${label}=~${quoted(distinct.map(escapeRegex).join('|'))}`
}

/** A PromQL duration; whole seconds where that is exact. */
export function promqlDuration(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${Math.round(ms)}ms`
}

export type Filled = { readonly text: string } | { readonly problem: string }

/**
 * Fills `{{name}}` with values. Inside quotes a value is escaped, so it can not end the string; outside
 * of quotes only plain words and numbers are let in. A placeholder for which `lookUp` gives
 * `undefined` is a problem; `'keep'` leaves it for a later pass.
 */
export function fill(
  template: string,
  lookUp: (placeholder: string) => string | undefined | typeof keep,
): Filled {
  let text = ''
  let quote: Quote | null = null
  for (const part of template.matchAll(/\{\{([^{}]*)\}\}|\\[\s\S]|[\s\S]/g)) {
    const [source, inner] = part
    if (inner === undefined) {
      quote = nextQuote(quote, source)
      text += source
      continue
    }
    const value = lookUp(inner.trim())
    if (value === undefined) return { problem: `unknown placeholder {{${inner.trim()}}}` }
    if (value === keep) {
      text += source
      continue
    }
    const safe = insert(quote, value)
    if (safe === null) {
      return { problem: `the value of {{${inner.trim()}}} can not stand here: put it in quotes` }
    }
    text += safe
  }
  return { text }
}

/**
 * Whether a query stays a part of a larger one: its strings end, and no bracket of it closes one that it did
 * not open. Other text must not be asked together with queries of other people.
 */
export function isSelfContained(query: string): boolean {
  const open: string[] = []
  let quote: Quote | null = null
  for (const [source] of query.matchAll(/\\[\s\S]|[\s\S]/g)) {
    const before: Quote | null = quote
    quote = nextQuote(quote, source)
    if (before !== null || quote !== null) continue
    const closing = { '(': ')', '[': ']', '{': '}' }[source]
    if (closing !== undefined) open.push(closing)
    else if (/^[)\]}]$/.test(source) && open.pop() !== source) return false
  }
  return open.length === 0 && (quote === null || quote === '#')
}

export interface Placeholder {
  readonly name: string
  /** Of its first brace, in the text. */
  readonly offset: number
  /** It asks about nothing where it stands. */
  readonly isComment: boolean
}

/**
 * The placeholders of a query, and the query with words of equal length in their place, so that a parser
 * reads it and its places stay right: a time within brackets and after `offset`, a name elsewhere.
 */
export function masked(template: string): {
  readonly text: string
  readonly placeholders: readonly Placeholder[]
} {
  const placeholders: Placeholder[] = []
  let text = ''
  let quote: Quote | null = null
  for (const part of template.matchAll(/\{\{([^{}]*)\}\}|\\[\s\S]|[\s\S]/g)) {
    const [source, inner] = part
    if (inner === undefined) {
      quote = nextQuote(quote, source)
      text += source
      continue
    }
    placeholders.push({ name: inner.trim(), offset: part.index, isComment: quote === '#' })
    const isTime = quote === null && /(\[|\[[^\]]*:|\boffset)\s*-?\s*$/.test(text)
    text += isTime ? '1s'.padStart(source.length, '0') : 'x'.repeat(source.length)
  }
  return { text, placeholders }
}

/** Says that a placeholder is filled by a later pass. */
export const keep = Symbol('keep')

/** Where in a query a character stands: in one of three kinds of string, or in a comment. */
type Quote = '"' | "'" | '`' | '#'

function nextQuote(quote: Quote | null, source: string): Quote | null {
  if (source === '\n') return quote === '`' ? quote : null
  // A raw string knows no escapes: a backslash before its end does not keep it open.
  const character = quote === '`' ? source.at(-1) : source
  if (quote !== null) return quote === character && quote !== '#' ? null : quote
  return character === '"' || character === "'" || character === '`' || character === '#'
    ? character
    : null
}

function insert(quote: Quote | null, value: string): string | null {
  if (quote === null || quote === '#') return /^[A-Za-z0-9_.:+-]+$/.test(value) ? value : null
  if (quote === '`') return value.includes('`') ? null : value
  return escapeIn(quote, value)
}

function escapeIn(quote: '"' | "'", value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`).replaceAll('\n', '\\n')
}

function escapeRegex(value: string): string {
  return value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
