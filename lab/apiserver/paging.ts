// Pages of a list: a continue token names the revision all pages come from and the last key served.
import { z } from 'zod'
import { badRequest } from './status-error.ts'

const Token = z.strictObject({
  v: z.literal('meta.k8s.io/v1'),
  /** -1 stands for "now": the pages before came from a revision that is forgotten. */
  rv: z.int(),
  start: z.string().max(1024),
})

export interface Position {
  readonly revision: number
  readonly after: string
}

export function continueToken(position: Position): string {
  const token = { v: 'meta.k8s.io/v1', rv: position.revision, start: position.after }
  return Buffer.from(JSON.stringify(token)).toString('base64url')
}

export function parseContinue(text: string): Position {
  try {
    const token = Token.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    return { revision: token.rv, after: token.start }
  } catch {
    throw badRequest('continue key is not valid: it must be the value a list has returned')
  }
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Key of the last item when more follow. */
  readonly last: string | null
  readonly remaining: number
}

/** The first `limit` entries after a key; 0 means all. */
export function page<T>(
  entries: readonly (readonly [key: string, item: T])[],
  after: string | null,
  limit: number,
): Page<T> {
  const rest = after === null ? entries : entries.filter(([key]) => key > after)
  const taken = limit > 0 ? rest.slice(0, limit) : rest
  const remaining = rest.length - taken.length
  return {
    items: taken.map(([, item]) => item),
    last: remaining > 0 ? (taken.at(-1)?.[0] ?? null) : null,
    remaining,
  }
}
