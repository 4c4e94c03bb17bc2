// What zod found wrong in, sentences for people out: the field, what it must be, what was found, what to change.
import { z } from 'zod'
import { listed } from './listed.ts'
import { foundText, type Path, type Problem, pathText } from './problem.ts'

type Issue = z.core.$ZodIssue

/** Far more than anybody reads; it bounds the work that a hostile object can cause. */
const maxIssues = 64

/**
 * At most one problem per field, misspelt fields first: a field that is only misspelt is not also missing,
 * and rules of an object wait until its fields have their names.
 */
export function problemsOf(error: z.ZodError, schema: z.ZodType, value: unknown): Problem[] {
  const issues = error.issues.slice(0, maxIssues)
  const unknown = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? unknownFields(issue, schema) : [],
  )
  const meant = new Set(
    unknown.flatMap(({ instead }) =>
      instead === null ? [] : [pathText(instead), pathText(instead.slice(0, -1))],
    ),
  )
  const others = issues
    .filter((issue) => issue.code !== 'unrecognized_keys')
    .map((issue) => problemOf(issue, schema, value))
    .filter(({ path }) => !meant.has(pathText(path)))
  const seen = new Set<string>()
  return [...unknown.map(({ problem }) => problem), ...others].filter(({ path }) => {
    const key = pathText(path)
    const isNew = !seen.has(key)
    seen.add(key)
    return isNew
  })
}

function unknownFields(
  issue: z.core.$ZodIssueUnrecognizedKeys,
  schema: z.ZodType,
): { problem: Problem; instead: Path | null }[] {
  const parent = stepsOf(issue)
  const owner = schemaAt(schema, parent)
  const known = owner instanceof z.ZodObject ? Object.keys(owner.shape) : []
  return issue.keys.slice(0, maxIssues).map((key) => {
    const path = [...parent, key]
    const near = nearest(key, known)
    const remedy =
      near === null ? `known fields are ${listed(known.toSorted())}` : `did you mean ${near}?`
    return {
      problem: { path, message: `unknown field ${pathText(path)}`, remedy },
      instead: near === null ? null : [...parent, near],
    }
  })
}

function problemOf(issue: Issue, schema: z.ZodType, value: unknown): Problem {
  const path = stepsOf(issue)
  const found = valueAt(value, path)
  const name = pathText(path)
  switch (issue.code) {
    case 'invalid_type':
      if (found === undefined) return { path, message: `${name} is required` }
      return { path, ...wrongType(issue, { name, found, schema: schemaAt(schema, path) }) }
    case 'invalid_value':
      return { path, ...wrongChoice(issue.values, name, found) }
    case 'too_small':
      return { path, message: `${name} must ${least(issue)}${sizeText(found)}` }
    case 'too_big':
      return { path, message: `${name} must ${most(issue)}${sizeText(found)}` }
    case 'invalid_format':
      return { path, message: `${name} ${issue.message}${foundText(found)}` }
    case 'custom':
      return { path, message: customMessage(name, issue.message, found) }
    default:
      return { path, message: `${name}: ${issue.message}` }
  }
}

function customMessage(name: string, message: string, found: unknown): string {
  if (!/^(must|needs) /.test(message)) return `${name}: ${message}`
  return `${name} ${message}${typeof found === 'string' ? foundText(found) : ''}`
}

const typeNames: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'text',
}

function wrongType(
  issue: z.core.$ZodIssueInvalidType,
  {
    name,
    found,
    schema,
  }: { readonly name: string; readonly found: unknown; readonly schema: z.ZodType | null },
): { message: string; remedy?: string } {
  const message = `${name} must be ${typeNames[issue.expected] ?? issue.expected}${foundText(found)}`
  const other = typeof found === 'string' ? unquoted(found) : quoted(found)
  if (other === undefined || schema === null) return { message }
  const retried = schema.safeParse(other)
  if (retried.success) {
    const remedy =
      typeof found === 'string'
        ? `write ${found.trim()} without quotes`
        : `write ${JSON.stringify(other)}, in quotes`
    return { message, remedy }
  }
  const [first] = retried.error.issues
  if (first?.code !== 'invalid_format') return { message }
  return { message: `${name} ${first.message}${foundText(found)}` }
}

function unquoted(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function quoted(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function wrongChoice(
  values: readonly unknown[],
  name: string,
  found: unknown,
): { message: string; remedy?: string } {
  if (found === undefined) return { message: `${name} is required` }
  const message = `${name} must be ${choice(values)}${foundText(found)}`
  if (found !== false || !values.includes('off')) return { message }
  return { message, remedy: 'write "off", in quotes, because YAML reads the bare word as false' }
}

function choice(values: readonly unknown[]): string {
  const [first] = values
  return values.length === 1 ? String(first) : `one of ${listed(values.map(String), 'or')}`
}

const units: Readonly<Record<string, string>> = { string: 'character', array: 'item' }

function least(issue: z.core.$ZodIssueTooSmall): string {
  const unit = units[issue.origin]
  if (unit !== undefined) return `have at least ${counted(Number(issue.minimum), unit)}`
  return `be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`
}

function most(issue: z.core.$ZodIssueTooBig): string {
  const unit = units[issue.origin]
  if (unit !== undefined) return `have at most ${counted(Number(issue.maximum), unit)}`
  return `be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`
}

const counted = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`

const sizeText = (found: unknown): string =>
  Array.isArray(found) ? `, found ${found.length}` : foundText(found)

/** The known name that was probably meant: a few letters away, or contained, such as setWeight for weight. */
function nearest(name: string, known: readonly string[]): string | null {
  const word = name.toLowerCase().slice(0, 64)
  const ranked = known
    .map((candidate) => ({ candidate, cost: costOf(word, candidate.toLowerCase()) }))
    .sort((a, b) => a.cost - b.cost)
  const [best] = ranked
  return best !== undefined && best.cost <= Math.max(2, word.length / 3) ? best.candidate : null
}

function costOf(a: string, b: string): number {
  if (b.length > 3 && a.includes(b)) return 1
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      const swap = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(swap, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

function schemaAt(schema: z.ZodType, path: Path): z.ZodType | null {
  let current: unknown = bare(schema)
  for (const step of path) {
    if (current instanceof z.ZodObject) current = bare(current.shape[step])
    else if (current instanceof z.ZodArray) current = bare(current.element)
    else if (current instanceof z.ZodRecord) current = bare(current.valueType)
    else return null
  }
  return current instanceof z.ZodType ? current : null
}

function bare(schema: unknown): unknown {
  let current = schema
  while (
    current instanceof z.ZodOptional ||
    current instanceof z.ZodExactOptional ||
    current instanceof z.ZodDefault ||
    current instanceof z.ZodPrefault
  ) {
    current = current.unwrap()
  }
  return current
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) {
      return undefined
    }
    current = Object.getOwnPropertyDescriptor(current, step)?.value
  }
  return current
}

function stepsOf(issue: Issue): (string | number)[] {
  return issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))
}
