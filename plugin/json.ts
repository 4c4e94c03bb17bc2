// Untrusted JSON or YAML in, members of the type asked for out; anything else counts as absent.
// A schema library would be three quarters of the bundle, so the plugin reads by these few functions.

export type Json = Readonly<Record<string, unknown>>

export function record(value: unknown): Json {
  return isRecord(value) ? value : {}
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

export function oneOf<T extends string>(allowed: readonly T[], value: unknown): T | undefined {
  return allowed.find((candidate) => candidate === value)
}

/** The members of an object that are texts. */
export function texts(value: unknown): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const [name, member] of Object.entries(record(value))) {
    if (typeof member === 'string') found[name] = member
  }
  return found
}

/** Without absent members. */
export function compact<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const key in value) {
    const member = value[key]
    if (isDefined(member)) kept[key] = member
  }
  return kept
}

function isDefined<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined
}

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
