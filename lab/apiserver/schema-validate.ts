// Validation of custom objects: ajv over the structural schema, its errors in the words of Kubernetes.
import { Ajv, type ErrorObject } from 'ajv'
import { itemElement } from './field-set.ts'
import { isObject, type JsonObject } from './json.ts'
import { listMerge, type Schema, subschemas } from './schema.ts'
import type { Cause } from './status-error.ts'

export type Validate = (value: unknown) => Cause[]

/**
 * Compiles on first use, because most kinds of a mesh are never written. Patterns are compiled at once,
 * and one that does not compile throws with the path of its schema.
 */
export function compileValidation(schema: Schema, path: string): Validate {
  refusePatterns(schema, path)
  let compiled: ReturnType<Ajv['compile']> | null = null
  return (value) => {
    compiled ??= createAjv().compile(jsonSchema(schema))
    const causes = compiled(value) ? [] : (compiled.errors ?? []).flatMap(causeOf)
    return [...causes, ...duplicates(value, schema, '')]
  }
}

function refusePatterns(schema: Schema, path: string): void {
  const { pattern } = schema
  try {
    if (typeof pattern === 'string') new RegExp(pattern)
  } catch (error) {
    throw new Error(`${path}.pattern: ${error instanceof Error ? error.message : error}`)
  }
  for (const [step, part] of subschemas(schema)) refusePatterns(part, path + step)
}

function createAjv(): Ajv {
  const ajv = new Ajv({
    strict: false,
    allErrors: true,
    verbose: true,
    logger: false,
    unicodeRegExp: false,
  })
  ajv.addFormat('date-time', (text: string) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text),
  )
  ajv.addFormat('uri', (text: string) => URL.canParse(text))
  for (const format of ['int32', 'int64', 'float', 'double', 'byte', 'password', 'duration']) {
    ajv.addFormat(format, true)
  }
  return ajv
}

/** OpenAPI 3.0 with Kubernetes' extensions as the JSON Schema that ajv reads. */
function jsonSchema(schema: Schema): JsonObject {
  const result: JsonObject = {}
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword.startsWith('x-') || dropped.has(keyword)) continue
    if (keyword === 'properties' && isObject(value)) {
      result[keyword] = Object.fromEntries(
        Object.entries(value).map(([name, part]) => [
          name,
          isObject(part) ? jsonSchema(part) : part,
        ]),
      )
    } else if (Array.isArray(value) && nestedLists.has(keyword)) {
      result[keyword] = value.map((part) => (isObject(part) ? jsonSchema(part) : part))
    } else result[keyword] = isObject(value) && nested.has(keyword) ? jsonSchema(value) : value
  }
  if (schema['x-kubernetes-int-or-string'] === true) {
    result['type'] = ['integer', 'string', ...(schema.nullable ? ['null'] : [])]
    delete result['nullable']
  }
  if (result['type'] === undefined) delete result['nullable']
  return exclusiveBounds(result)
}

const dropped = new Set(['description', 'default', 'example', 'title', 'externalDocs'])
const nested = new Set(['items', 'additionalProperties', 'not'])
const nestedLists = new Set(['allOf', 'anyOf', 'oneOf'])

/** OpenAPI 3.0 says `exclusiveMinimum: true` beside `minimum`; JSON Schema gives the bound itself. */
function exclusiveBounds(schema: JsonObject): JsonObject {
  const result = { ...schema }
  for (const bound of ['Minimum', 'Maximum']) {
    const exclusive = result[`exclusive${bound}`]
    if (typeof exclusive !== 'boolean') continue
    delete result[`exclusive${bound}`]
    if (!exclusive) continue
    result[`exclusive${bound}`] = result[bound.toLowerCase()]
    delete result[bound.toLowerCase()]
  }
  return result
}

function causeOf(error: ErrorObject): Cause[] {
  const path = fieldPath(error.instancePath)
  const field = path === '' ? '<nil>' : path
  const value = shown(error.data)
  const params: JsonObject = error.params
  switch (error.keyword) {
    case 'required': {
      const name = [path, String(params['missingProperty'])].filter(Boolean).join('.')
      return [{ reason: 'FieldValueRequired', field: name, message: 'Required value' }]
    }
    case 'enum': {
      const allowed: unknown[] = Array.isArray(params['allowedValues'])
        ? params['allowedValues']
        : []
      const names = allowed.map((one) => JSON.stringify(one)).join(', ')
      const message = `Unsupported value: ${value}: supported values: ${names}`
      return [{ reason: 'FieldValueNotSupported', field, message }]
    }
    case 'maxItems': {
      const count = Array.isArray(error.data) ? error.data.length : 0
      const message = `Too many: ${count}: must have at most ${params['limit']} items`
      return [{ reason: 'FieldValueTooMany', field, message }]
    }
    case 'maxLength': {
      const message = `Too long: may not be more than ${params['limit']} bytes`
      return [{ reason: 'FieldValueTooLong', field, message }]
    }
    case 'type': {
      const type = String(params['type']).replace(',', ' or ')
      const message = `Invalid value: ${shownType(error.data)}: ${field} in body must be of type ${type}: ${shownType(error.data)}`
      return [{ reason: 'FieldValueTypeInvalid', field, message }]
    }
    default:
      return [
        {
          reason: 'FieldValueInvalid',
          field,
          message: `Invalid value: ${value}: ${field} in body ${sentence(error.keyword, params)}`,
        },
      ]
  }
}

function sentence(keyword: string, params: JsonObject): string {
  switch (keyword) {
    case 'minimum':
      return `should be greater than or equal to ${params['limit']}`
    case 'maximum':
      return `should be less than or equal to ${params['limit']}`
    case 'exclusiveMinimum':
      return `should be greater than ${params['limit']}`
    case 'exclusiveMaximum':
      return `should be less than ${params['limit']}`
    case 'minLength':
      return `should be at least ${params['limit']} chars long`
    case 'minItems':
      return `should have at least ${params['limit']} items`
    case 'minProperties':
      return `should have at least ${params['limit']} properties`
    case 'maxProperties':
      return `should have at most ${params['limit']} properties`
    case 'pattern':
      return `should match '${params['pattern']}'`
    case 'format':
      return `must be of type ${params['format']}`
    case 'multipleOf':
      return `should be a multiple of ${params['multipleOf']}`
    case 'anyOf':
      return 'must validate at least one schema (anyOf)'
    case 'oneOf':
      return 'must validate one and only one schema (oneOf)'
    case 'not':
      return 'must not validate the schema (not)'
    default:
      return `fails ${keyword}`
  }
}

function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? shownType(value) : JSON.stringify(value)
}

function shownType(value: unknown): string {
  if (value === null) return '"null"'
  if (Array.isArray(value)) return '"array"'
  if (typeof value === 'number') return Number.isInteger(value) ? '"integer"' : '"number"'
  return JSON.stringify(typeof value)
}

/** `/spec/steps/0/weight` as `spec.steps[0].weight`. */
function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
}

/** Items of keyed lists and sets must differ. */
function duplicates(value: unknown, schema: Schema | undefined, path: string): Cause[] {
  if (!schema) return []
  if (isObject(value)) {
    return Object.entries(value).flatMap(([name, part]) => {
      const others = isObject(schema.additionalProperties) ? schema.additionalProperties : undefined
      const inner = schema.properties?.[name] ?? others
      return duplicates(part, inner, path === '' ? name : `${path}.${name}`)
    })
  }
  if (!Array.isArray(value)) return []
  const seen = new Set<string>()
  return value.flatMap((item, i) => {
    const here = `${path}[${i}]`
    const inner = duplicates(item, schema.items, here)
    if (listMerge(schema).kind === 'atomic') return inner
    const element = itemElement(item, schema)
    const isDouble = seen.has(element)
    seen.add(element)
    if (!isDouble) return inner
    const message = `Duplicate value: ${element.slice(2)}`
    return [{ reason: 'FieldValueDuplicate', field: here, message }, ...inner]
  })
}
