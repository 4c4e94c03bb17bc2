// A kind in, its field reference as Markdown out: one row per field, from the schema that the API server gets.
import { rootSchema } from './custom-resource.ts'
import type { Kind } from './kinds.ts'
import type { Structural } from './structural.ts'

interface Row {
  readonly path: string
  readonly field: Structural
  readonly isRequired: boolean
}

export function reference(kind: Kind, notice: string): string {
  const root = rootSchema(kind)
  const { spec, status } = root.properties ?? {}
  const lines = [
    `<!-- ${notice} -->`,
    `# ${kind.kind}`,
    '',
    `${root.description ?? ''} \`kubectl get ${kind.plural}.sluice.dev\`, short \`kubectl get ${kind.shortName}\`.`,
    '',
    `Editors check files against [${kind.singular}.json](../../crds/schema/${kind.singular}.json).`,
    '',
    '## Spec',
    '',
    ...table({ path: 'spec', field: spec ?? {}, isRequired: true }),
  ]
  if (status !== undefined) {
    const row = { path: 'status', field: status, isRequired: false }
    lines.push('', '## Status', '', 'Written by Sluice; never by people.', '', ...table(row))
  }
  return `${lines.join('\n')}\n`
}

function table(row: Row): string[] {
  return [
    '| Field | Type | Default | Bounds | Meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows(row).map(
      ({ path, field, isRequired }) =>
        `| \`${path}\` | ${cells(field, isRequired).map(escaped).join(' | ')} |`,
    ),
  ]
}

function cells(field: Structural, isRequired: boolean): string[] {
  const byDefault =
    field.default === undefined ? (isRequired ? 'required' : '') : code(field.default)
  return [typeOf(field), byDefault, bounds(field).join('; '), meaning(field)]
}

function rows(row: Row): Row[] {
  return [row, ...children(row).flatMap(rows)]
}

function children({ path, field }: Row): Row[] {
  const properties = Object.entries(field.properties ?? {}).map(([name, child]) => ({
    path: `${path}.${name}`,
    field: child,
    isRequired: field.required?.includes(name) ?? false,
  }))
  const { items } = field
  if (items?.properties === undefined) return properties
  return [...properties, ...children({ path: `${path}[]`, field: items, isRequired: true })]
}

function typeOf(field: Structural): string {
  if (field['x-kubernetes-int-or-string']) return 'integer or string'
  if (field.items !== undefined) return `list of ${plural(typeOf(field.items))}`
  if (field.additionalProperties !== undefined) {
    return `map of ${plural(typeOf(field.additionalProperties))}`
  }
  if (isDuration(field)) return 'duration'
  return field.type ?? 'any'
}

const plural = (word: string): string => (word.endsWith('s') ? word : `${word}s`)

function isDuration(field: Structural): boolean {
  return (
    field['x-kubernetes-validations']?.some((rule) => rule.rule.includes('(self) <= d')) ?? false
  )
}

function bounds(field: Structural): string[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = field
  const found: string[] = []
  if (field.enum !== undefined) found.push(`one of ${field.enum.map(code).join(', ')}`)
  if (minimum !== undefined) found.push(`${exclusiveMinimum ? 'more than' : 'at least'} ${minimum}`)
  if (maximum !== undefined) found.push(`${exclusiveMaximum ? 'less than' : 'at most'} ${maximum}`)
  if (isDuration(field)) return [...found, 'at most 8760h']
  found.push(...range('characters', field.minLength, field.maxLength))
  found.push(...range('items', field.minItems, field.maxItems))
  found.push(...range('entries', field.minProperties, field.maxProperties))
  if (field.pattern !== undefined) found.push(`matches ${code(field.pattern)}`)
  return found
}

function range(unit: string, least: number | undefined, most: number | undefined): string[] {
  if (most === undefined) return least === undefined ? [] : [`at least ${least} ${unit}`]
  return [least === undefined ? `at most ${most} ${unit}` : `${least} to ${most} ${unit}`]
}

function meaning(field: Structural): string {
  const rules = isDuration(field) ? [] : (field['x-kubernetes-validations'] ?? [])
  const said = rules.map(({ fieldPath, message }) =>
    `${fieldPath?.slice(1) ?? ''} ${message}`.trim(),
  )
  const messages = [...new Set(said)]
  const sentences = messages.map((text) => `Rule: ${text}.`)
  return [field.description ?? '', ...sentences].join(' ').trim()
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

const escaped = (text: string): string => text.replaceAll('|', '\\|')
