// A pod template in, its revision out: the identity of what runs, not of how it rolls.
// Git (release digest), the controller (fleet, subset, metrics) and the plugin share this one function.
import { createHash } from 'node:crypto'

/** Key of a fleet, a subset and a metrics series: ten hex digits, safe as a label and as a subset name. */
export type Hash = string

/**
 * The revision of a pod template. Two templates that are equal as JSON have the same revision,
 * whatever the order of their keys, their comments or their formatting in Git.
 */
export function revisionOf(template: unknown): Hash {
  return createHash('sha256').update(canonicalJson(template)).digest('hex').slice(0, 10)
}

/** JSON with sorted keys and without `undefined` and `null` members, which the API server drops. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined && member !== null)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`)
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value ?? null)
}
