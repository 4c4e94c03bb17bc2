// A schema node and a value in, what is wrong with its type, its bounds and its form out, in words. Pure.
import { listed } from '../../crds/listed.ts'
import { textMeaning, textPattern } from '../../crds/news-words.ts'
import { foundText, type Path, pathText } from '../../crds/problem.ts'
import { isRecord, type Json, number, text } from '../json.ts'

export interface Place {
  readonly schema: Json
  readonly path: Path
}

const typeNames: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  object: 'an object',
  string: 'text',
}

/** Null when the value is of the type, or one of the choices, that the schema asks for. */
export function wrongType(
  { schema, path }: Place,
  value: unknown,
): { readonly message: string; readonly remedy?: string } | null {
  const name = pathText(path)
  const choice = schema['enum']
  if (Array.isArray(choice)) {
    if (choice.includes(value)) return null
    const one = choice.length === 1 ? '' : 'one of '
    const message = `${name} must be ${one}${listed(choice.map(String), 'or')}${foundText(value)}`
    if (value !== false || !choice.includes('off')) return { message }
    return { message, remedy: 'write "off", in quotes, because YAML reads the bare word as false' }
  }
  const type = text(schema['type']) ?? ''
  const isRight = isOfType(type, value)
  if (isRight) return null
  // A text where a whole number belongs is no number at all.
  const wanted = type === 'integer' && typeof value !== 'number' ? 'number' : type
  const message = `${name} must be ${typeNames[wanted] ?? wanted}${foundText(value)}`
  if (wanted === 'number' && typeof value === 'string' && value.includes('{{')) {
    return { message, remedy: 'write the default, and let an argument set it by its "sets"' }
  }
  const other = typeof value === 'string' ? unquoted(value) : quoted(value)
  return other === undefined ? { message } : retried({ schema, path }, { value, other, message })
}

/** The same with or without quotes: then that is the remedy, or what the value must look like is. */
function retried(
  { schema, path }: Place,
  { value, other, message }: { value: unknown; other: unknown; message: string },
): { readonly message: string; readonly remedy?: string } {
  if (!isOfType(text(schema['type']) ?? '', other)) return { message }
  const [first] = valueProblems(schema, other)
  if (first === undefined) {
    const remedy =
      typeof value === 'string'
        ? `write ${value.trim()} without quotes`
        : `write ${JSON.stringify(other)}, in quotes`
    return { message, remedy }
  }
  if (patternProblems(schema, other)[0] !== first) return { message }
  return { message: `${pathText(path)} ${first}${foundText(value)}` }
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return isRecord(value) && Object.prototype.toString.call(value) === '[object Object]'
    case 'array':
      return Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    case 'number':
      return number(value) !== undefined
    default:
      return type === '' || typeof value === type
  }
}

function unquoted(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}

function quoted(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** What a value of the right type must be and is not, as `must be at least 1`. */
export function valueProblems(schema: Json, value: unknown): string[] {
  return [...boundProblems(schema, value), ...patternProblems(schema, value)]
}

function boundProblems(schema: Json, value: unknown): string[] {
  if (typeof value === 'number') {
    return [
      ...(schema['exclusiveMinimum'] === true
        ? broken(schema['minimum'], (bound) => value <= bound, 'must be more than')
        : broken(schema['minimum'], (least) => value < least, 'must be at least')),
      ...(schema['exclusiveMaximum'] === true
        ? broken(schema['maximum'], (bound) => value >= bound, 'must be less than')
        : broken(schema['maximum'], (most) => value > most, 'must be at most')),
    ]
  }
  if (typeof value === 'string') return sizeProblems(schema, value.length, ['Length', 'character'])
  if (Array.isArray(value)) return sizeProblems(schema, value.length, ['Items', 'item'])
  return isRecord(value) ? entryProblems(schema, Object.keys(value).length) : []
}

function entryProblems(schema: Json, size: number): string[] {
  const [least = 0, most] = [number(schema['minProperties']), number(schema['maxProperties'])]
  if (most === undefined || (size >= least && size <= most)) return []
  return [`must have ${least > 0 ? `${least} to ${most}` : `at most ${most}`} entries`]
}

function sizeProblems(
  schema: Json,
  size: number,
  [suffix, unit]: readonly [string, string],
): string[] {
  return [
    ...broken(schema[`min${suffix}`], (least) => size < least, 'must have at least', unit),
    ...broken(schema[`max${suffix}`], (most) => size > most, 'must have at most', unit),
  ]
}

function broken(
  bound: unknown,
  isBroken: (bound: number) => boolean,
  ...[what, unit]: readonly [string, string?]
): string[] {
  const limit = number(bound)
  if (limit === undefined || !isBroken(limit)) return []
  return [`${what} ${unit === undefined ? limit : counted(limit, unit)}`]
}

function patternProblems(schema: Json, value: unknown): string[] {
  const pattern = text(schema['pattern'])
  if (pattern === undefined || typeof value !== 'string') return []
  return new RegExp(pattern).test(value)
    ? []
    : [patternMeanings[pattern] ?? `must match ${pattern}`]
}

/** What a pattern means; the schema holds only the pattern. A test wants a line for each. */
export const patternMeanings: Readonly<Record<string, string>> = {
  [textPattern]: textMeaning,
  '^(https|ssh)://[^\\s?#]+$': 'must be an https or ssh URL of a repository',
  '^([0-9]{1,9}(ms|s|m|h))+$': 'must be a duration such as 500ms, 30s or 1h30m',
  '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$':
    'must be a lower-case DNS name',
  '^(\\*|[a-z0-9*]([-a-z0-9.]*[a-z0-9])?)$': 'must be a host name',
  '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$': 'must be a label value',
  '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$': 'must be lower-case letters, digits and dashes',
  '^https?://[^\\s@?#]+$': 'must be an https or http URL without credentials',
  '^(https|ssh|file)://[^\\s]+$': 'must be an https, ssh or file URL',
  '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$':
    'must be a time such as 2026-01-31T12:00:00Z',
  '^[-A-Za-z0-9_.]+$': 'must be the name of a cookie',
  '^[-A-Za-z0-9_.=]+$': 'must be the value of a cookie',
  '^[A-Za-z0-9_][A-Za-z0-9._/-]*$': 'must be a branch name',
  '^(/[^/]+)+$': 'must be a JSON pointer such as /image/tag',
  '^[^/\\\\][^\\\\]*$': 'must be a path without a leading slash',
  '^[A-Za-z0-9_.~-]+(/[A-Za-z0-9_.~-]+)+$': 'must be a project such as team/name',
  '^[-._a-zA-Z0-9]+$': 'must be a key of a Secret',
  '^[a-z][a-zA-Z0-9_]*$': 'must be letters, digits and underscores',
  '^[a-z]{2}(-[a-z]+)+-[0-9]$': 'must be a region such as eu-central-1',
  '^[-A-Za-z0-9_]+$': 'must be the name of a header',
  '^https?://[^\\s@]+$': 'must be an https or http URL without credentials',
  '^\\$([.][A-Za-z_][A-Za-z0-9_-]*|\\[[0-9]{1,4}\\])*$': 'must be a path such as $.data[0].value',
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
