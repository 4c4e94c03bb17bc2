// JSON values as the API server handles them: anything that came from outside is `unknown` until asked.
import { isDeepStrictEqual } from 'node:util'

export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object for reading: what is not an object reads as empty. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function numberOf(value: unknown, otherwise = 0): number {
  return typeof value === 'number' ? value : otherwise
}

export const isEqual: (a: unknown, b: unknown) => boolean = isDeepStrictEqual

/** Freezes all levels. A frozen part is taken to be frozen below too, so that shared parts cost nothing. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}

/** The value at a path of field names, or undefined. */
export function at(value: unknown, path: readonly string[]): unknown {
  let here = value
  for (const name of path) here = isObject(here) ? here[name] : undefined
  return here
}

/** A copy with the value set at a path; parents that are missing come into being. */
export function withAt(value: unknown, path: readonly string[], leaf: unknown): JsonObject {
  const here = objectOf(value)
  const [name, ...rest] = path
  if (name === undefined) return here
  if (rest.length > 0) return { ...here, [name]: withAt(here[name], rest, leaf) }
  if (leaf !== undefined) return { ...here, [name]: leaf }
  const { [name]: _, ...others } = here
  return others
}

export function omit(value: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))
}
