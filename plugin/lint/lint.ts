// Texts of files in, what is wrong in them with its place out, and the objects that are right. Pure.

import type { Path } from '../../crds/problem.ts'
import { type Json, record, text } from '../json.ts'
import { nearest } from '../near.ts'
import { printable } from '../render.ts'
import { promqlProblems } from './promql.ts'
import { references } from './references.ts'
import { checkObject } from './schema-check.ts'
import { schemas } from './schemas.ts'
import { readYaml, type Written } from './yaml-places.ts'

export interface Finding {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly column: number
  /** One word for programs. */
  readonly rule: 'yaml' | 'schema' | 'reference' | 'duplicate' | 'promql'
  readonly message: string
  readonly remedy?: string
  /** It may well be meant so: told, and no reason to fail. */
  readonly isWarning?: true
}

export interface Source {
  readonly file: string
  readonly text: string
}

/** An object of Sluice without problems, with its defaults. */
export interface Sound {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly object: Json
  /** As it was written. */
  readonly written: Json
}

export interface Linted {
  readonly findings: readonly Finding[]
  readonly sound: readonly Sound[]
  /** Objects of Sluice, right or wrong. */
  readonly count: number
}

const group = 'sluice.dev/'

export function lint(sources: readonly Source[]): Linted {
  const findings: Finding[] = []
  const known: Known[] = []
  let count = 0
  for (const source of sources) {
    const { file } = source
    // Other files may hold templates that are no YAML, and are nobody's business here.
    if (!source.text.includes(group)) continue
    for (const written of readYaml(source.text)) {
      if (written.problems.length > 0) {
        findings.push(...written.problems.map((one) => ({ ...one, file, rule: 'yaml' as const })))
        count += 1
        continue
      }
      for (const { object, at, base } of objectsOf(written)) {
        if (!(text(object['apiVersion']) ?? '').startsWith(group)) continue
        count += 1
        const result = checkOne(object, at)
        findings.push(...result.findings.map((one) => ({ ...one, file })))
        if (!result.sound) continue
        known.push({ ...result.sound, at, file })
        findings.push(
          ...promqlProblems(result.sound).map(({ path, offset, ...one }) => {
            const place = written.placeIn([...base, ...path], offset)
            return { ...one, ...place, rule: 'promql' as const, file }
          }),
        )
      }
    }
  }
  findings.push(...duplicates(known), ...references(known))
  const order = new Map(sources.map(({ file }, i) => [file, i]))
  findings.sort(
    (a, b) =>
      (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  )
  return { findings, sound: known.map(({ at: _, file: __, ...sound }) => sound), count }
}

type Known = Sound & { readonly at: Written['place']; readonly file: string }

/** A List holds objects of its own. */
function objectsOf({
  value,
  place,
}: Written): { object: Json; at: Written['place']; base: Path }[] {
  const object = record(value)
  const { kind, items } = object
  if (kind !== 'List' || !Array.isArray(items)) return [{ object, at: place, base: [] }]
  return items.map((item, i) => ({
    object: record(item),
    base: ['items', i],
    at: (path) => place(['items', i, ...path]),
  }))
}

function checkOne(
  object: Json,
  at: Written['place'],
): { readonly findings: readonly Omit<Finding, 'file'>[]; readonly sound?: Sound } {
  const kind = text(object['kind']) ?? ''
  const schema = Object.hasOwn(schemas, kind) ? schemas[kind] : undefined
  if (!schema) {
    const near = nearest(kind, Object.keys(schemas), 1)[0]
    const remedy = near ? `did you mean ${near}?` : `kinds are ${Object.keys(schemas).join(', ')}`
    const message = `unknown kind "${printable(kind)}" of ${group.slice(0, -1)}`
    return { findings: [{ ...at(['kind']), rule: 'schema', message, remedy }] }
  }
  const { value, problems } = checkObject(schema, object)
  if (problems.length > 0) {
    return {
      findings: problems.map(({ path, message, remedy }) => ({
        ...at(path),
        rule: 'schema' as const,
        message: printable(message),
        ...(remedy !== undefined && { remedy: printable(remedy) }),
      })),
    }
  }
  const { name, namespace } = record(object['metadata'])
  return {
    findings: [],
    sound: {
      kind,
      name: text(name) ?? '',
      namespace: text(namespace) ?? '',
      object: record(value),
      written: object,
    },
  }
}

function duplicates(known: readonly Known[]): Finding[] {
  const first = new Map<string, Known>()
  return known.flatMap((one) => {
    const key = `${one.kind} ${one.namespace}/${one.name}`
    const before = first.get(key)
    if (!before) {
      first.set(key, one)
      return []
    }
    const where = `${before.file}:${before.at(['metadata', 'name']).line}`
    const message = `${one.kind} ${one.name} is written twice, first at ${where}`
    const { file, at } = one
    const remedy = 'remove one, or they overwrite each other'
    return [{ file, ...at(['metadata', 'name']), rule: 'duplicate' as const, message, remedy }]
  })
}
