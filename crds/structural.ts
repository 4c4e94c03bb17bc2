// A zod schema in, the structural OpenAPI v3 schema of a CustomResourceDefinition out. What the API
// server can not express is an error here, never a silent loss: a rule that only zod knows would let
// kubectl store what the controller then refuses.
import { z } from 'zod'
import type { CelRule } from './fields.ts'

/** A node of a structural schema, as it stands in a CustomResourceDefinition. */
export interface Structural {
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  format?: string
  description?: string
  default?: unknown
  nullable?: true
  enum?: unknown[]
  minimum?: number
  maximum?: number
  exclusiveMinimum?: true
  exclusiveMaximum?: true
  minLength?: number
  maxLength?: number
  pattern?: string
  minItems?: number
  maxItems?: number
  minProperties?: number
  maxProperties?: number
  required?: string[]
  items?: Structural
  properties?: Record<string, Structural>
  additionalProperties?: Structural
  anyOf?: Structural[]
  'x-kubernetes-validations'?: CelRule[]
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  'x-kubernetes-list-map-keys'?: string[]
  'x-kubernetes-preserve-unknown-fields'?: true
  'x-kubernetes-int-or-string'?: true
}

type Json = Readonly<Record<string, unknown>>

/** The structural schema of a zod schema. Throws, with the path, on what is not expressible. */
export function structural(schema: z.ZodType): Structural {
  const json = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'throw',
    cycles: 'throw',
    reused: 'inline',
    override: (context) => mark(context.zodSchema, context.jsonSchema),
  })
  return convert(json, '')
}

const inexpressible = new Set(['transform', 'pipe', 'tuple', 'intersection', 'lazy'])

/** Notes on a node what zod's own conversion would drop without a word. */
function mark(schema: z.core.$ZodTypes, json: Record<string, unknown>): void {
  const { def } = schema._zod
  if (inexpressible.has(def.type)) {
    json['problem'] = `${def.type} has no counterpart in a structural schema`
  }
  const refined = (def.checks ?? []).some((check) => check._zod.def.check === 'custom')
  if (refined && json['cel'] === undefined && json['x-kubernetes-list-map-keys'] === undefined) {
    json['refined'] = true
  }
}

const copied = new Set([
  'type',
  'format',
  'description',
  'default',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'required',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
])

function convert(json: Json, path: string): Structural {
  if (json['anyOf'] !== undefined) return intOrString(json, path)
  refuse(json, path)
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(json)) {
    if (copied.has(key)) out[key] = value
    else Object.assign(out, converted(key, { value, json, path }))
  }
  if (json['type'] === 'integer') Object.assign(out, integer(json))
  if (json['type'] === 'array') out['x-kubernetes-list-type'] ??= 'atomic'
  for (const bound of ['minimum', 'maximum']) {
    if (Math.abs(Number(out[bound])) >= Number.MAX_SAFE_INTEGER) delete out[bound]
  }
  return sorted(out)
}

function converted(
  key: string,
  { value, json, path }: { readonly value: unknown; readonly json: Json; readonly path: string },
): Structural {
  switch (key) {
    case 'properties': {
      const entries = Object.entries(isJson(value) ? value : {})
      if (entries.length === 0) return {}
      return {
        properties: Object.fromEntries(
          entries.map(([name, child]) => [name, convert(asJson(child), `${path}.${name}`)]),
        ),
      }
    }
    case 'items':
      return { items: convert(asJson(value), `${path}[]`) }
    case 'additionalProperties':
      if (value === false) return {}
      if (isJson(value) && Object.keys(value).length === 0) {
        return { 'x-kubernetes-preserve-unknown-fields': true }
      }
      return { additionalProperties: convert(asJson(value), `${path}.*`) }
    case 'pattern':
      return { pattern: String(value).replaceAll('\\/', '/') }
    case 'nullable':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return value === true ? { [key]: true } : {}
    case 'exactlyOne': // for editors; its CEL rule stands in `cel`
      return {}
    case 'cel':
      return { 'x-kubernetes-validations': rules(value, path) }
    default:
      throw new Error(
        `${path || '.'}: ${key} is not expressible in a structural schema (${JSON.stringify(json).slice(0, 120)})`,
      )
  }
}

function refuse(json: Json, path: string): void {
  if (typeof json['problem'] === 'string') throw new Error(`${path || '.'}: ${json['problem']}`)
  if (json['refined'] === true) {
    throw new Error(
      `${path || '.'}: a refinement without a CEL rule: mirror it with .meta({ cel: [...] })`,
    )
  }
}

/** The one union that is expressible: `z.union([z.int(), z.string()])`. Its bounds can not be kept. */
function intOrString(json: Json, path: string): Structural {
  const members = Array.isArray(json['anyOf']) ? json['anyOf'].map(asJson) : []
  const types = members.map((member) => member['type']).sort()
  if (types.join() !== 'integer,string') {
    const hasDefault = JSON.stringify(members).includes('"default":')
    throw new Error(
      hasDefault
        ? `${path || '.'}: a default inside a union would be added to every variant`
        : `${path || '.'}: a union is not structural: use one optional object per variant and exactlyOne`,
    )
  }
  return sorted({
    ...(typeof json['description'] === 'string' ? { description: json['description'] } : {}),
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
  })
}

function integer(json: Json): Structural {
  const limit = 2 ** 31
  const { minimum, maximum } = json
  const isSmall =
    typeof minimum === 'number' &&
    typeof maximum === 'number' &&
    minimum >= -limit &&
    maximum < limit
  return { type: 'integer', format: isSmall ? 'int32' : 'int64' }
}

function rules(value: unknown, path: string): CelRule[] {
  if (!Array.isArray(value) || !value.every(isRule)) {
    throw new Error(`${path || '.'}: meta cel must be a list of { rule, message, fieldPath? }`)
  }
  return value
}

function isRule(value: unknown): value is CelRule {
  return isJson(value) && typeof value['rule'] === 'string' && typeof value['message'] === 'string'
}

const order = ['description', 'type', 'format', 'default', 'enum', 'pattern']
const last = ['required', 'properties', 'items', 'additionalProperties', 'x-kubernetes-validations']

/** People read these files in a diff: what a field is comes first, what it holds comes last. */
function sorted(node: Record<string, unknown>): Structural {
  const rank = (key: string) =>
    order.includes(key)
      ? order.indexOf(key) - order.length
      : last.includes(key)
        ? last.indexOf(key) + 1
        : 0
  return Object.fromEntries(Object.entries(node).sort(([a], [b]) => rank(a) - rank(b)))
}

function asJson(value: unknown): Json {
  if (!isJson(value)) throw new Error(`expected a schema, found ${JSON.stringify(value)}`)
  return value
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
