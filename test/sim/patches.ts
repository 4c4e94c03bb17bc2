// A stored object and a patch in, the object after it out: merge patches, and apply as far as one manager
// that owns what it names needs it. Untouched parts keep their identity.
import type { KubeObject } from '../../kube/api.ts'

type Mapping = Readonly<Record<string, unknown>>

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** RFC 7386. */
export function merged(before: unknown, patch: unknown): unknown {
  if (!isMapping(patch)) return patch
  const result: Record<string, unknown> = isMapping(before) ? { ...before } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = merged(result[key], value)
  }
  return result
}

/** Fields of `body` are set; those that the same manager named last time and not now are removed. */
export function applied(change: {
  readonly before: KubeObject | undefined
  readonly body: unknown
  readonly last: unknown
}): KubeObject {
  const { before, body, last } = change
  return over(dropped(before ?? {}, last, body), body) as KubeObject
}

/** Only pod templates are one piece: what they hold is not known to the schema. */
function over(base: unknown, body: unknown): unknown {
  if (!isMapping(body)) return body
  const result: Record<string, unknown> = isMapping(base) ? { ...base } : {}
  for (const [key, value] of Object.entries(body)) result[key] = over(result[key], value)
  return result
}

function dropped(base: unknown, last: unknown, body: unknown): unknown {
  if (!isMapping(base) || !isMapping(last)) return base
  const now: Mapping = isMapping(body) ? body : {}
  const result: Record<string, unknown> = { ...base }
  for (const key of Object.keys(last)) {
    if (!(key in now)) delete result[key]
    else if (key in result) result[key] = dropped(result[key], last[key], now[key])
  }
  return result
}
