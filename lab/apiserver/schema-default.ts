// Defaulting: values a schema declares are filled in from the top down, where their parent is present.
// A null that the schema does not allow counts as absent.
import { isObject } from './json.ts'
import type { Schema } from './schema.ts'

export function applyDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema
    return items ? value.map((item) => applyDefaults(item, items)) : value
  }
  if (!isObject(value)) return value
  const result = { ...value }
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    if (result[name] === null && part.nullable !== true) delete result[name]
    if (result[name] === undefined && part.default !== undefined) {
      result[name] = structuredClone(part.default)
    }
    if (result[name] !== undefined) result[name] = applyDefaults(result[name], part)
  }
  const others = schema.additionalProperties
  if (!isObject(others)) return result
  for (const [name, part] of Object.entries(value)) {
    if (!schema.properties?.[name]) result[name] = applyDefaults(part, others)
  }
  return result
}
