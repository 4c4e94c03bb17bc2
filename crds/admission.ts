// A structural schema and an object in; what the API server makes of the object before it is stored. Used by
// the lint and by the test that zod and the generated schema agree, never at run time.
import { Ajv } from 'ajv'
import type { Structural } from './structural.ts'

/** Unknown fields dropped, nulls dropped, defaults set: the order of the API server. */
export function admitted(schema: Structural, value: unknown): unknown {
  return withDefaults(schema, pruned(schema, value))
}

/** Faults by JSON Schema alone; rules in CEL are not looked at. */
export function valueFaults(schema: Structural, value: unknown): string[] {
  const validate = validator(schema)
  return validate(value)
}

export function validator(schema: Structural): (value: unknown) => string[] {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
  const validate = ajv.compile(draft7(schema))
  return (value) =>
    validate(value)
      ? []
      : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`.trim())
}

function pruned(schema: Structural, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema
    return items === undefined ? value : value.map((item) => pruned(items, item))
  }
  if (!isObject(value)) return value
  const out: [string, unknown][] = []
  for (const [key, member] of Object.entries(value)) {
    const child = childSchema(schema, key)
    if (child === undefined) {
      if (schema['x-kubernetes-preserve-unknown-fields'] === true) out.push([key, member])
    } else if (member !== null || child.nullable === true) {
      out.push([key, pruned(child, member)])
    }
  }
  return Object.fromEntries(out)
}

function withDefaults(schema: Structural, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema
    return items === undefined ? value : value.map((item) => withDefaults(items, item))
  }
  if (!isObject(value)) return value
  const out: Record<string, unknown> = { ...value }
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    if (out[key] === undefined && child.default !== undefined) {
      out[key] = structuredClone(child.default)
    }
  }
  return Object.fromEntries(
    Object.entries(out).map(([key, member]) => {
      const child = childSchema(schema, key)
      return [key, child === undefined ? member : withDefaults(child, member)]
    }),
  )
}

export function childSchema(schema: Structural, key: string): Structural | undefined {
  const { properties, additionalProperties } = schema
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key]
  return additionalProperties
}

/** OpenAPI 3.0 has boolean exclusive bounds; JSON Schema has had numbers since draft 6. */
function draft7(schema: Structural): object {
  return JSON.parse(JSON.stringify(schema), (key, node) => {
    if (key === 'default' || key === 'x-kubernetes-validations') return undefined
    if (!isObject(node)) return node
    const { exclusiveMinimum, exclusiveMaximum, ...rest } = node
    return {
      ...rest,
      ...(exclusiveMinimum === true ? { exclusiveMinimum: node['minimum'] } : {}),
      ...(exclusiveMaximum === true ? { exclusiveMaximum: node['maximum'] } : {}),
    }
  })
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
