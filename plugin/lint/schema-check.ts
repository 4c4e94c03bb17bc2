// The schema of a CRD and an object in, the object with its defaults or problems for people out. Pure.
// A schema library would triple the bundle; this reads the small part of OpenAPI that our generator writes, and
// its rules in CEL. A test holds it against crds/parse.ts, in its verdicts and in its words.
import { listed } from '../../crds/listed.ts'
import { foundText, type Path, type Problem, pathText } from '../../crds/problem.ts'
import { isRecord, type Json, list, record, text } from '../json.ts'
import { nearest } from '../near.ts'
import { compileRule, type Judge } from './cel.ts'
import { dangerOf } from './danger.ts'
import { type Place, valueProblems, wrongType } from './value-check.ts'

export interface Checked {
  /** With defaults, and without members that are null; only of use when there is no problem. */
  readonly value: unknown
  readonly problems: readonly Problem[]
}

const problemLimit = 32

export function checkObject(schema: Json, object: unknown): Checked {
  const danger = dangerOf(object)
  if (danger) return { value: undefined, problems: [danger] }
  const found: Found = { problems: [], meant: new Set() }
  const { value } = check({ schema, path: [], found }, object)
  const seen = new Set<string>()
  const problems = [...found.problems]
    .sort((a, b) => Number(b.isUnknown) - Number(a.isUnknown))
    .filter(({ path, isUnknown }) => {
      const place = pathText(path)
      const isNew = !seen.has(place) && (isUnknown || !found.meant.has(place))
      seen.add(place)
      return isNew
    })
  return { value, problems: problems.slice(0, problemLimit) }
}

interface Found {
  readonly problems: (Problem & { readonly isUnknown: boolean })[]
  /** Places of fields that were probably meant by misspelt ones, and of their owners. */
  readonly meant: Set<string>
}

interface At extends Place {
  readonly found: Found
}

/** `isWhole` is false when types below are wrong, so that rules of the whole have nothing to judge. */
interface Judged {
  readonly value: unknown
  readonly isWhole: boolean
}

function check(at: At, given: unknown): Judged {
  const value = given === undefined ? structuredClone(at.schema['default']) : given
  const { type } = at.schema
  const wrong = wrongType(at, value)
  if (wrong) {
    report(at, wrong.message, wrong.remedy)
    return { value, isWhole: false }
  }
  const judged =
    type === 'object' && isRecord(value)
      ? checkMembers(at, value)
      : type === 'array' && Array.isArray(value)
        ? checkItems(at, value)
        : { value, isWhole: true }
  if (judged.isWhole || type !== 'object') checkBounds(at, judged.value)
  if (judged.isWhole) checkRules(at, judged.value, given)
  return judged
}

function checkMembers(at: At, value: Json): Judged {
  const extra = checkExtra(at, value)
  const own = checkProperties(at, value)
  return { value: { ...extra.value, ...own.value }, isWhole: extra.isWhole && own.isWhole }
}

interface JudgedMembers extends Judged {
  readonly value: Json
}

/** Members that have no schema of their own. */
function checkExtra(at: At, value: Json): JudgedMembers {
  const { schema, path, found } = at
  const properties = record(schema['properties'])
  const others = schema['additionalProperties']
  const kept: Record<string, unknown> = {}
  let isWhole = true
  for (const [name, member] of Object.entries(value)) {
    if (Object.hasOwn(properties, name) || isAbsent(member, path)) continue
    if (isRecord(others)) {
      const judged = check({ schema: others, path: [...path, name], found }, member)
      isWhole &&= judged.isWhole
      kept[name] = judged.value
    } else if (schema['x-kubernetes-preserve-unknown-fields'] === true) {
      kept[name] = withoutNulls(member, [...path, name])
    } else unknownField(at, name, Object.keys(properties))
  }
  return { value: kept, isWhole }
}

function checkProperties({ schema, path, found }: At, value: Json): JudgedMembers {
  const kept: Record<string, unknown> = {}
  const required = new Set(list(schema['required']))
  let isWhole = true
  for (const [name, property] of Object.entries(record(schema['properties']))) {
    const given = Object.hasOwn(value, name) ? value[name] : undefined
    const member = isAbsent(given, path) ? undefined : given
    const inner = { schema: record(property), path: [...path, name], found }
    const isMissing = member === undefined && inner.schema['default'] === undefined
    if (isMissing && !required.has(name)) continue
    if (isMissing) report(inner, `${pathText(inner.path)} is required`)
    const judged = isMissing ? { value: undefined, isWhole: false } : check(inner, member)
    isWhole &&= judged.isWhole
    kept[name] = judged.value
  }
  return { value: kept, isWhole }
}

/** Null counts as absent; but what a pod holds is handed on as it is. */
function isAbsent(member: unknown, path: Path): boolean {
  return member === null && !isOpaque(path)
}

function isOpaque(path: Path): boolean {
  return path[0] === 'spec' && path[1] === 'template' && path.length > 2
}

function withoutNulls(value: unknown, path: Path): unknown {
  if (isOpaque(path) || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, path))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [name, withoutNulls(member, [...path, name])]),
  )
}

function checkItems(at: At, value: readonly unknown[]): Judged {
  const { schema, path, found } = at
  const items = record(schema['items'])
  const judged = value.map((item, i) => check({ schema: items, path: [...path, i], found }, item))
  return { value: judged.map((one) => one.value), isWhole: judged.every((one) => one.isWhole) }
}

function unknownField({ path, found }: At, name: string, known: readonly string[]): void {
  const place = [...path, name]
  const near = nearest(name, known, 1)[0]
  if (near !== undefined) {
    found.meant.add(pathText([...path, near]))
    found.meant.add(pathText(path))
  }
  const remedy =
    near === undefined ? `known fields are ${listed([...known].sort())}` : `did you mean ${near}?`
  const message = `unknown field ${pathText(place)}`
  found.problems.push({ path: place, message, remedy, isUnknown: true })
}

function checkBounds(at: At, value: unknown): void {
  const name = pathText(at.path)
  const was = Array.isArray(value)
    ? `, found ${value.length}`
    : isRecord(value)
      ? ''
      : foundText(value)
  for (const what of valueProblems(at.schema, value)) {
    report(at, `${name} ${what}${was}`)
  }
}

function checkRules(at: At, value: unknown, given: unknown): void {
  for (const rule of list(at.schema['x-kubernetes-validations']).map(record)) {
    const verdict = judge(text(rule['rule']) ?? '')(value)
    // A text that its own rule cannot read breaks it; a whole waits until its parts are right.
    if (verdict === true || (verdict === null && typeof value !== 'string')) continue
    const below = (text(rule['fieldPath']) ?? '').split('.').filter(Boolean)
    const path = [...at.path, ...below]
    const message = text(rule['message']) ?? ''
    const isVerb = /^(must|needs) /.test(message)
    const about = below.reduce((owner, name) => record(owner)[name], given)
    const was = isVerb && typeof about === 'string' ? foundText(about) : ''
    report({ ...at, path }, `${pathText(path)}${isVerb ? ' ' : ': '}${message}${was}`)
  }
  const keys = list(at.schema['x-kubernetes-list-map-keys'])
  if (keys.length === 0) return
  const names = list(value).map((item) =>
    JSON.stringify(keys.map((key) => record(item)[String(key)])),
  )
  if (new Set(names).size === names.length) return
  report(
    at,
    `${pathText(at.path)}: names of ${nouns[String(at.path.at(-1))] ?? 'items'} must differ`,
  )
}

const nouns: Readonly<Record<string, string>> = { checks: 'checks', args: 'arguments' }

const judges = new Map<string, Judge>()

/** Rules are compiled once: a folder may hold thousands of objects. */
function judge(rule: string): Judge {
  const known = judges.get(rule) ?? compileRule(rule)
  judges.set(rule, known)
  return known
}

function report({ path, found }: At, message: string, remedy?: string): void {
  found.problems.push({ path, message, isUnknown: false, ...(remedy !== undefined && { remedy }) })
}
