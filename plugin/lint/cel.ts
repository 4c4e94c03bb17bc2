// The text of a rule of the API in, a function that judges a value by it out. Pure. The part of CEL that our
// rules are written in; a rule beyond it does not compile, and a test compiles them all.
import { durationMs } from '../../crds/duration.ts'
import { isRecord } from '../json.ts'

/** False when it does not hold, null when it cannot be judged because the value is wrong elsewhere. */
export type Judge = (self: unknown) => boolean | null

export function compileRule(rule: string): Judge {
  const tokens = rule.match(token) ?? []
  const parser: Parser = { tokens, at: 0 }
  const run = either(parser)
  if (parser.at < tokens.length) throw unsupported(parser)
  return (self) => {
    try {
      return run({ self }) === true
    } catch {
      return null
    }
  }
}

type Scope = Readonly<Record<string, unknown>>
type Run = (scope: Scope) => unknown

interface Parser {
  readonly tokens: readonly string[]
  at: number
}

const token =
  /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\d+(?:\.\d+)?|[A-Za-z_]\w*|\|\||&&|[=!<>]=|[^\s]/g

function next(parser: Parser): string {
  const word = parser.tokens[parser.at]
  if (word === undefined) throw unsupported(parser)
  parser.at += 1
  return word
}

function take(parser: Parser, ...words: readonly string[]): string | null {
  const word = parser.tokens[parser.at]
  if (word === undefined || !words.includes(word)) return null
  parser.at += 1
  return word
}

function expect(parser: Parser, word: string): void {
  if (take(parser, word) === null) throw unsupported(parser)
}

function unsupported({ tokens, at }: Parser): Error {
  return new Error(`the rule is not understood at "${tokens.slice(at, at + 4).join(' ')}"`)
}

function either(parser: Parser): Run {
  let left = both(parser)
  while (take(parser, '||')) left = joined(left, both(parser), true)
  return left
}

function both(parser: Parser): Run {
  let left = compared(parser)
  while (take(parser, '&&')) left = joined(left, compared(parser), false)
  return left
}

/** As CEL has it, the side that decides wins over an error of the other. */
function joined(left: Run, right: Run, decisive: boolean): Run {
  return (scope) => {
    let failure: unknown
    try {
      if (left(scope) === decisive) return decisive
    } catch (error) {
      failure = error
    }
    if (right(scope) === decisive) return decisive
    if (failure !== undefined) throw failure
    return !decisive
  }
}

const comparisons: Readonly<Record<string, (a: unknown, b: unknown) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => amount(a) < amount(b),
  '<=': (a, b) => amount(a) <= amount(b),
  '>': (a, b) => amount(a) > amount(b),
  '>=': (a, b) => amount(a) >= amount(b),
}

function compared(parser: Parser): Run {
  const left = summed(parser)
  const compare = comparisons[take(parser, ...Object.keys(comparisons)) ?? '']
  if (!compare) return left
  const right = summed(parser)
  return (scope) => compare(left(scope), right(scope))
}

function summed(parser: Parser): Run {
  let left = negated(parser)
  for (let sign = take(parser, '+', '-'); sign; sign = take(parser, '+', '-')) {
    const [before, right, factor] = [left, negated(parser), sign === '+' ? 1 : -1]
    left = (scope) => amount(before(scope)) + factor * amount(right(scope))
  }
  return left
}

function negated(parser: Parser): Run {
  if (!take(parser, '!')) return selected(parser)
  const inner = negated(parser)
  return (scope) => inner(scope) !== true
}

function selected(parser: Parser): Run {
  let value = primary(parser)
  for (let sign = take(parser, '.', '['); sign; sign = take(parser, '.', '[')) {
    const owner = value
    if (sign === '[') {
      const index = either(parser)
      expect(parser, ']')
      value = (scope) => present(items(owner(scope))[amount(index(scope))])
    } else {
      const name = next(parser)
      value = take(parser, '(') ? method(parser, owner, name) : member(owner, name)
    }
  }
  return value
}

function member(owner: Run, name: string): Run {
  return (scope) => present(fieldOf(owner(scope), name))
}

function method(parser: Parser, owner: Run, name: string): Run {
  if (name === 'size') {
    expect(parser, ')')
    return (scope) => sizeOf(owner(scope))
  }
  if (name === 'matches') {
    const pattern = either(parser)
    expect(parser, ')')
    return (scope) => new RegExp(String(pattern(scope))).test(String(owner(scope)))
  }
  if (name !== 'all' && name !== 'filter') throw unsupported(parser)
  const variable = next(parser)
  expect(parser, ',')
  const body = either(parser)
  expect(parser, ')')
  const judge = (scope: Scope) => (item: unknown) => body({ ...scope, [variable]: item }) === true
  return name === 'all'
    ? (scope) => holdsForAll(items(owner(scope)), judge(scope))
    : (scope) => items(owner(scope)).filter(judge(scope))
}

/** As in a long `&&`: one that does not hold wins over an error of another. */
function holdsForAll(all: readonly unknown[], judge: (item: unknown) => boolean): boolean {
  let failure: unknown
  for (const item of all) {
    try {
      if (!judge(item)) return false
    } catch (error) {
      failure = error
    }
  }
  if (failure !== undefined) throw failure
  return true
}

function primary(parser: Parser): Run {
  const word = next(parser)
  if (/^\d/.test(word)) return () => Number(word)
  if (/^['"]/.test(word)) {
    const text = word.slice(1, -1).replace(/\\(.)/g, '$1')
    return () => text
  }
  if (word === '(') {
    const inner = either(parser)
    expect(parser, ')')
    return inner
  }
  if (word === '[') return listOf(parser)
  if (!/^[A-Za-z_]/.test(word)) throw unsupported(parser)
  if (take(parser, '(')) return call(parser, word)
  return (scope) => present(scope[word])
}

function listOf(parser: Parser): Run {
  const members: Run[] = []
  while (!take(parser, ']')) {
    members.push(either(parser))
    take(parser, ',')
  }
  return (scope) => members.map((run) => run(scope))
}

function call(parser: Parser, name: string): Run {
  const argument = either(parser)
  expect(parser, ')')
  switch (name) {
    case 'has':
      return (scope) => isThere(() => argument(scope))
    case 'size':
      return (scope) => sizeOf(argument(scope))
    case 'duration':
      return (scope) => durationMs(String(argument(scope)))
    default:
      throw unsupported(parser)
  }
}

function isThere(read: () => unknown): boolean {
  try {
    return read() !== undefined
  } catch {
    return false
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

function present(value: unknown): unknown {
  if (value === undefined) throw new Error('no such field')
  return value
}

/** A map is walked by its keys. */
function items(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (isRecord(value)) return Object.keys(value)
  throw new Error('not a list')
}

function sizeOf(value: unknown): number {
  return typeof value === 'string' ? value.length : items(value).length
}

function amount(value: unknown): number {
  if (typeof value !== 'number') throw new Error('not a number')
  return value
}
