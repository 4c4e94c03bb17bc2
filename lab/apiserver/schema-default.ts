// Defaulting: values a schema declares are filled in from the top down, where their parent is present.
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
    const isNullToReplace = result[name] === null && part.nullable !== true
    if (part.default !== undefined && (result[name] === undefined || isNullToReplace)) {
      result[name] = structuredClone(part.default)
    }
    if (result[name] !== undefined) result[name] = applyDefaults(result[name], part)
  }
  const others = schema.additionalProperties
  if (isObject(others)) {
    for (const [name, part] of Object.entries(value)) {
      if (!schema.properties?.[name]) result[name] = applyDefaults(part, others)
    }
  }
  return result
}
