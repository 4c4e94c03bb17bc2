// A template of `-o jsonpath=…` in, its text for an object out. The part of kubectl's language that scripts use:
//
//   {.a.b}  {.a['b.c']}  {.a\.b}  {.list[0]}  {.list[-1]}  {.list[0:2]}  {.list[0,2]}  {.list[*]}  {.map.*}  {..name}
//   {.list[?(@.type=="Ready")].status}  {range .items[*]}…{end}  {"\n"}  text
//
// What is not in it is refused by name, never guessed.
import { UsageError } from './failure.ts'
import { isRecord } from './json.ts'

type Segment =
  /** `inside` is where it may lie instead: kubectl reads dots in quotes as a path. */
  | { readonly kind: 'member'; readonly name: string; readonly inside?: readonly Segment[] }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'slice'; readonly bounds: readonly (number | undefined)[] }
  | { readonly kind: 'union'; readonly segments: readonly Segment[] }
  | { readonly kind: 'all' }
  /** The value itself and all that is in it. */
  | { readonly kind: 'descendants' }
  | { readonly kind: 'filter'; readonly path: readonly Segment[]; readonly test: Test | null }

interface Test {
  readonly operator: '==' | '!=' | '<' | '<=' | '>' | '>='
  readonly value: string | number | boolean
}

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly path: readonly Segment[] }
  | { readonly kind: 'range'; readonly path: readonly Segment[]; readonly body: readonly Part[] }

const templateLimit = 4_096

/** Fails with `UsageError` that names what is wrong or not supported. */
export function parseJsonPath(template: string): (object: unknown) => string {
  if (template.length > templateLimit) throw refused(`is longer than ${templateLimit} characters`)
  const words = [...wordsOf(template)]
  const parts = partsOf(words, false)
  return (object) => render(parts, object)
}

type Word = { readonly kind: 'text' | 'braces'; readonly text: string }

function* wordsOf(template: string): Generator<Word> {
  let rest = template
  while (rest !== '') {
    const open = rest.indexOf('{')
    if (open === -1) return yield { kind: 'text', text: rest }
    if (open > 0) yield { kind: 'text', text: rest.slice(0, open) }
    // A brace inside quotes is text.
    const inside = /^\{((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^{}"'])*)\}/.exec(rest.slice(open))
    if (!inside) throw refused(`has a "{" without its "}" at "${rest.slice(open, open + 20)}"`)
    yield { kind: 'braces', text: (inside[1] ?? '').trim() }
    rest = rest.slice(open + inside[0].length)
  }
}

function partsOf(words: Word[], isInRange: boolean): Part[] {
  const parts: Part[] = []
  for (let word = words.shift(); word; word = words.shift()) {
    if (word.kind === 'text') parts.push({ kind: 'text', text: word.text })
    else if (word.text === 'end') {
      if (!isInRange) throw refused('has {end} without {range …}')
      return parts
    } else if (/^range\s/.test(word.text)) {
      const path = pathOf(word.text.slice(5).trim())
      parts.push({ kind: 'range', path, body: partsOf(words, true) })
    } else if (/^["']/.test(word.text)) parts.push({ kind: 'text', text: unquote(word.text) })
    else parts.push({ kind: 'path', path: pathOf(word.text) })
  }
  if (isInRange) throw refused('has {range …} without {end}')
  return parts
}

function pathOf(source: string): Segment[] {
  let rest = source.replace(/^[$@]/, '')
  const segments: Segment[] = []
  if (rest === '' || rest === '.') return segments
  if (!/^[.[]/.test(rest)) rest = `.${rest}`
  while (rest !== '') {
    const [segment, length] = segmentOf(rest, source)
    segments.push(segment)
    rest = rest.slice(length)
  }
  return segments
}

function segmentOf(rest: string, source: string): [Segment, number] {
  if (/^\.\.(?=[^.\s])/.test(rest)) {
    return [{ kind: 'descendants' }, rest[2] === '[' ? 2 : 1]
  }
  const all = /^(\.\*|\[\*\])/.exec(rest)
  if (all) return [{ kind: 'all' }, all[0].length]
  const member = /^\.((?:[^.[\]{}\s"'\\]|\\.)+)/.exec(rest)
  if (member) {
    return [{ kind: 'member', name: (member[1] ?? '').replace(/\\(.)/g, '$1') }, member[0].length]
  }
  const quoted = /^\[("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\]/.exec(rest)
  if (quoted) return [quotedMember(quoted[1] ?? ''), quoted[0].length]
  const index = /^\[(-?\d{1,9})\]/.exec(rest)
  if (index) return [{ kind: 'index', index: Number(index[1]) }, index[0].length]
  const filter = /^\[\?\(((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^"'()])*)\)\]/.exec(rest)
  if (filter) return [filterOf(filter[1] ?? ''), filter[0].length]
  const slice = /^\[(-?\d{1,9})?:(-?\d{1,9})?(?::(\d{1,9}))?\]/.exec(rest)
  if (slice) {
    const bounds = slice.slice(1).map((bound) => (bound === undefined ? undefined : Number(bound)))
    if (bounds[2] !== 0) return [{ kind: 'slice', bounds }, slice[0].length]
  }
  const union = /^\[((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[-\d\s,])+)\]/.exec(rest)
  if (union && /[^\s,]/.test(union[1] ?? '')) {
    const members = [...(union[1] ?? '').matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^,\s]+/g)]
    const segments = members.map(([one]) => segmentOf(`[${one}]`, source)[0])
    return [{ kind: 'union', segments }, union[0].length]
  }
  throw refused(`is not understood at "${rest.slice(0, 20)}" of "${source}"`)
}

function quotedMember(source: string): Segment {
  const name = unquote(source)
  const isPath = name.includes('.') && !source.includes('\\')
  // A name that is no path is a name and nothing else.
  const inside = isPath && /^[^.[\]{}\s"']+(\.[^.[\]{}\s"']+)+$/.test(name) ? pathOf(name) : null
  return { kind: 'member', name, ...(inside && { inside }) }
}

function filterOf(source: string): Segment {
  const found = /^\s*(@[^\s=!<>]*)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?)\s*)?$/.exec(source)
  if (!found) throw refused(`has a filter that is not supported: ${source}`)
  const [, path = '', operator, value = ''] = found
  if (operator === undefined) return { kind: 'filter', path: pathOf(path), test: null }
  const test = { operator: operator as Test['operator'], value: literalOf(value) }
  return { kind: 'filter', path: pathOf(path), test }
}

function literalOf(source: string): Test['value'] {
  if (/^["'].*["']$/.test(source)) return unquote(source)
  if (source === 'true' || source === 'false') return source === 'true'
  if (/^-?\d+(\.\d+)?$/.test(source)) return Number(source)
  throw refused(`compares with something that is no text, number, true or false: ${source}`)
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }

function unquote(source: string): string {
  return source.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter)
}

function render(parts: readonly Part[], object: unknown): string {
  return parts
    .map((part) => {
      if (part.kind === 'text') return part.text
      const found = select(part.path, object)
      if (part.kind === 'path') return found.map(shown).join(' ')
      return found.map((one) => render(part.body, one)).join('')
    })
    .join('')
}

/** As kubectl does, what is not there is nothing rather than an error. */
function select(path: readonly Segment[], object: unknown): unknown[] {
  let found = [object]
  for (const segment of path) {
    // Of a union kubectl tells the first of all values, then the second of all.
    const parts = segment.kind === 'union' ? segment.segments : [segment]
    found = parts.flatMap((part) => found.flatMap((one) => below(part, one)))
  }
  return found
}

function below(segment: Segment, value: unknown): unknown[] {
  switch (segment.kind) {
    case 'member':
      if (isRecord(value) && Object.hasOwn(value, segment.name)) return [value[segment.name]]
      return segment.inside ? select(segment.inside, value) : []
    case 'index':
      return Array.isArray(value)
        ? [value.at(segment.index)].filter((one) => one !== undefined)
        : []
    case 'slice':
      return Array.isArray(value) ? sliced(value, segment.bounds) : []
    case 'union':
      return segment.segments.flatMap((one) => below(one, value))
    case 'descendants':
      return [value, ...below({ kind: 'all' }, value).flatMap((one) => below(segment, one))]
    case 'all':
      return Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : []
    case 'filter':
      return Array.isArray(value) ? value.filter((one) => holds(segment, one)) : []
  }
}

function sliced(list: readonly unknown[], [from, to, step = 1]: readonly (number | undefined)[]) {
  return list.slice(from ?? 0, to).filter((_, i) => i % step === 0)
}

function holds({ path, test }: Extract<Segment, { kind: 'filter' }>, one: unknown): boolean {
  const [left] = select(path, one)
  if (left === undefined || !test) return left !== undefined
  const { operator, value: right } = test
  if (operator === '==') return left === right
  if (operator === '!=') return left !== right
  if (typeof left !== typeof right || typeof left === 'boolean') return false
  const [a, b] = typeof left === 'number' ? [left, Number(right)] : [String(left), String(right)]
  if (operator === '<') return a < b
  if (operator === '<=') return a <= b
  return operator === '>' ? a > b : a >= b
}

function shown(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function refused(why: string): UsageError {
  return new UsageError(`the jsonpath ${why}`)
}
