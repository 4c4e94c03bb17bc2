// PromQL text in, an expression tree out, for the part of the language that the built-in checks and
// simple queries use. What is not supported is refused with its position, never guessed.
import { lex, PromqlError, type Token } from './promql-lex.ts'
import {
  aggregations,
  comparisons,
  type Expression,
  type Grouping,
  type Matcher,
  type Matching,
  predicateOf,
  setOperators,
  signatures,
  typeOf,
} from './promql-tree.ts'

const precedence: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '>': 3,
  '<': 3,
  '>=': 3,
  '<=': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  '^': 6,
}
const maxDepth = 100

/** Throws a `PromqlError` with the position of what does not fit. */
export function parsePromql(query: string): Expression {
  const parser: Parser = { tokens: lex(query), next: 0, depth: 0 }
  const expression = parseBinary(parser, 1)
  const rest = peek(parser)
  if (rest.kind !== 'end') throw new PromqlError(`unexpected ${shown(rest)}`, rest.at)
  return expression
}

interface Parser {
  readonly tokens: readonly Token[]
  next: number
  depth: number
}

function parseBinary(parser: Parser, least: number): Expression {
  parser.depth += 1
  if (parser.depth > maxDepth) throw new PromqlError('nested too deeply', peek(parser).at)
  let left = parseUnary(parser)
  while (true) {
    const token = peek(parser)
    const operator = token.kind === 'symbol' || token.kind === 'word' ? token.text : ''
    const binding = precedence[operator]
    if (binding === undefined || binding < least) break
    parser.next += 1
    const { bool, matching } = parseModifiers(parser)
    // Powers alone bind to the right.
    const right = parseBinary(parser, operator === '^' ? binding : binding + 1)
    left = { kind: 'binary', operator, bool, matching, left, right, at: token.at }
    checkBinary(left)
  }
  parser.depth -= 1
  return left
}

function parseUnary(parser: Parser): Expression {
  const token = peek(parser)
  if (token.kind !== 'symbol' || (token.text !== '-' && token.text !== '+')) {
    return parsePrimary(parser)
  }
  parser.next += 1
  // A sign binds tighter than a product and looser than a power.
  const arg = parseBinary(parser, 6)
  if (typeOf(arg) === 'range') throw new PromqlError('a range vector has no sign', token.at)
  return token.text === '-' ? { kind: 'negate', arg, at: token.at } : arg
}

function parsePrimary(parser: Parser): Expression {
  const token = peek(parser)
  if (token.kind === 'number') {
    parser.next += 1
    return { kind: 'number', value: token.value, at: token.at }
  }
  if (token.kind === 'symbol' && token.text === '(') {
    parser.next += 1
    const inner = parseBinary(parser, 1)
    expect(parser, ')')
    return inner
  }
  if (token.kind === 'symbol' && token.text === '{') return parseSelector(parser, null)
  if (token.kind !== 'word') throw new PromqlError(`unexpected ${shown(token)}`, token.at)
  parser.next += 1
  if (/^(inf|nan)$/i.test(token.text)) {
    const value = /^inf$/i.test(token.text) ? Number.POSITIVE_INFINITY : Number.NaN
    return { kind: 'number', value, at: token.at }
  }
  const following = peek(parser)
  const isCall = following.kind === 'symbol' && following.text === '('
  if (aggregations.includes(token.text) && (isCall || isGrouping(following))) {
    return parseAggregate(parser, token)
  }
  return isCall ? parseCall(parser, token) : parseSelector(parser, token)
}

function parseAggregate(parser: Parser, name: Token & { kind: 'word' }): Expression {
  let grouping = parseGrouping(parser)
  expect(parser, '(')
  const arg = parseBinary(parser, 1)
  expect(parser, ')')
  grouping ??= parseGrouping(parser)
  if (typeOf(arg) !== 'vector') throw new PromqlError(`${name.text} needs a vector`, arg.at)
  return {
    kind: 'aggregate',
    name: name.text,
    grouping: grouping ?? { kind: 'by', labels: [] },
    arg,
    at: name.at,
  }
}

function parseCall(parser: Parser, name: Token & { kind: 'word' }): Expression {
  const signature = Object.hasOwn(signatures, name.text) ? signatures[name.text] : undefined
  if (!signature) throw new PromqlError(`function ${name.text} is not supported`, name.at)
  expect(parser, '(')
  const args: Expression[] = []
  while (!isSymbol(peek(parser), ')')) {
    if (args.length > 0) expect(parser, ',')
    args.push(parseBinary(parser, 1))
  }
  expect(parser, ')')
  if (args.length !== signature.args.length) {
    throw new PromqlError(`${name.text} takes ${signature.args.length} arguments`, name.at)
  }
  for (const [i, arg] of args.entries()) {
    const wanted = signature.args[i]
    if (typeOf(arg) !== wanted) {
      throw new PromqlError(`${name.text} needs a ${wanted} here, not a ${typeOf(arg)}`, arg.at)
    }
  }
  return { kind: 'call', name: name.text, args, at: name.at }
}

function parseSelector(parser: Parser, name: (Token & { kind: 'word' }) | null): Expression {
  const at = name?.at ?? peek(parser).at
  const matchers: Matcher[] = []
  if (name) matchers.push({ label: '__name__', operator: '=', value: name.text })
  if (isSymbol(peek(parser), '{')) {
    parser.next += 1
    while (!isSymbol(peek(parser), '}')) {
      matchers.push(parseMatcher(parser))
      if (!isSymbol(peek(parser), '}')) expect(parser, ',')
    }
    parser.next += 1
  }
  if (!matchers.some((matcher) => !predicateOf(matcher)(''))) {
    throw new PromqlError('a selector needs a matcher that refuses the empty value', at)
  }
  if (!isSymbol(peek(parser), '[')) return { kind: 'selector', matchers, rangeMs: null, at }
  parser.next += 1
  const range = take(parser)
  if (range.kind !== 'duration' || range.ms === 0)
    throw new PromqlError('needs a duration', range.at)
  expect(parser, ']')
  return { kind: 'selector', matchers, rangeMs: range.ms, at }
}

function parseMatcher(parser: Parser): Matcher {
  const label = take(parser)
  if (label.kind !== 'word') throw new PromqlError(`${shown(label)} is no label`, label.at)
  const operator = take(parser)
  const value = take(parser)
  if (operator.kind !== 'symbol' || !['=', '!=', '=~', '!~'].includes(operator.text)) {
    throw new PromqlError(`${shown(operator)} matches no label`, operator.at)
  }
  if (value.kind !== 'string') throw new PromqlError(`${shown(value)} is no string`, value.at)
  const matcher = { label: label.text, operator: operator.text, value: value.text } as Matcher
  try {
    predicateOf(matcher)
  } catch (cause) {
    throw new PromqlError(`not a regular expression (${String(cause)})`, value.at)
  }
  return matcher
}

function parseModifiers(parser: Parser): { bool: boolean; matching: Matching } {
  const bool = isWord(peek(parser), 'bool')
  if (bool) parser.next += 1
  const token = peek(parser)
  if (!isWord(token, 'on') && !isWord(token, 'ignoring')) {
    return { bool, matching: { kind: 'ignoring', labels: [] } }
  }
  parser.next += 1
  const kind = isWord(token, 'on') ? 'on' : 'ignoring'
  const labels = parseLabels(parser)
  const group = peek(parser)
  if (isWord(group, 'group_left') || isWord(group, 'group_right')) {
    throw new PromqlError('many-to-one matching is not supported', group.at)
  }
  return { bool, matching: { kind, labels } }
}

function parseGrouping(parser: Parser): Grouping | null {
  const token = peek(parser)
  if (!isGrouping(token)) return null
  parser.next += 1
  return { kind: isWord(token, 'by') ? 'by' : 'without', labels: parseLabels(parser) }
}

function parseLabels(parser: Parser): string[] {
  expect(parser, '(')
  const labels: string[] = []
  while (!isSymbol(peek(parser), ')')) {
    const label = take(parser)
    if (label.kind !== 'word') throw new PromqlError(`${shown(label)} is no label`, label.at)
    labels.push(label.text)
    if (!isSymbol(peek(parser), ')')) expect(parser, ',')
  }
  parser.next += 1
  return labels
}

function checkBinary(binary: Expression & { kind: 'binary' }): void {
  const types = [typeOf(binary.left), typeOf(binary.right)]
  if (types.includes('range')) throw new PromqlError('a range vector has no operators', binary.at)
  const isComparison = comparisons.includes(binary.operator)
  if (setOperators.includes(binary.operator) && types.includes('scalar')) {
    throw new PromqlError(`${binary.operator} needs vectors on both sides`, binary.at)
  }
  if (binary.bool && !isComparison) throw new PromqlError('bool is for comparisons', binary.at)
  if (isComparison && !binary.bool && !types.includes('vector')) {
    throw new PromqlError('a comparison of scalars needs bool', binary.at)
  }
}

function peek(parser: Parser): Token {
  return parser.tokens[parser.next] ?? { kind: 'end', at: 0 }
}

function take(parser: Parser): Token {
  const token = peek(parser)
  parser.next += 1
  return token
}

function expect(parser: Parser, text: string): void {
  const token = take(parser)
  if (!isSymbol(token, text)) {
    throw new PromqlError(`expected ${text} but found ${shown(token)}`, token.at)
  }
}

function isSymbol(token: Token, text: string): boolean {
  return token.kind === 'symbol' && token.text === text
}

function isWord(token: Token, text: string): boolean {
  return token.kind === 'word' && token.text === text
}

function isGrouping(token: Token): boolean {
  return isWord(token, 'by') || isWord(token, 'without')
}

function shown(token: Token): string {
  switch (token.kind) {
    case 'end':
      return 'the end'
    case 'number':
      return String(token.value)
    case 'duration':
      return 'a duration'
    case 'string':
      return JSON.stringify(token.text)
    case 'word':
    case 'symbol':
      return JSON.stringify(token.text)
  }
}
