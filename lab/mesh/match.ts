// The matches of a rule in, a predicate over requests out: between matches OR, inside one AND. Pure.
import { z } from 'zod'

export interface MeshRequest {
  /** As the caller wrote it, with or without a port. */
  readonly host: string
  /** With its query. */
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Default: by the sidecar of the caller. */
  readonly via?: 'sidecar' | 'gateway'
}

export type Predicate = (request: MeshRequest) => boolean

const regexLimit = 1_024

const StringMatch = z.strictObject({
  exact: z.string().optional(),
  prefix: z.string().optional(),
  regex: z.string().max(regexLimit).optional(),
})
type StringMatch = z.infer<typeof StringMatch>

const Match = z.strictObject({
  name: z.string().nullish(),
  uri: StringMatch.nullish(),
  method: StringMatch.nullish(),
  authority: StringMatch.nullish(),
  headers: z.record(z.string(), StringMatch).nullish(),
})

/** A match that says more than the lab knows never holds, and is told to `problems`. */
export function compileMatches(matches: readonly unknown[], problems: string[]): Predicate {
  if (matches.length === 0) return () => true
  const predicates = matches.map((match) => compileMatch(match, problems))
  return (request) => predicates.some((holds) => holds(request))
}

function compileMatch(match: unknown, problems: string[]): Predicate {
  const parsed = Match.safeParse(match)
  try {
    if (parsed.success) return conjunction(parsed.data)
    problems.push(`a match never holds: ${z.prettifyError(parsed.error)}`)
  } catch (error) {
    problems.push(`a match never holds: ${error instanceof Error ? error.message : String(error)}`)
  }
  return () => false
}

function conjunction({ uri, method, authority, headers }: z.infer<typeof Match>): Predicate {
  const terms: Predicate[] = []
  const add = (match: StringMatch | null | undefined, read: (request: MeshRequest) => string) => {
    if (!match) return
    const holds = compileString(match)
    terms.push((request) => holds(read(request)))
  }
  add(uri, ({ path }) => path.split('?', 1)[0] ?? path)
  add(method, (request) => request.method)
  add(authority, (request) => request.host)
  for (const [name, match] of Object.entries(headers ?? {})) {
    terms.push(headerTerm(name, compileString(match)))
  }
  return (request) => terms.every((holds) => holds(request))
}

export function headerTerm(name: string, holds: (text: string) => boolean): Predicate {
  const key = name.toLowerCase()
  return (request) => {
    const value = request.headers[key]
    return value !== undefined && holds(typeof value === 'string' ? value : value.join(','))
  }
}

/** An empty match asks for presence only. A regular expression is to match the whole text. */
export function compileString({ exact, prefix, regex }: StringMatch): (text: string) => boolean {
  if (exact !== undefined) return (text) => text === exact
  if (prefix !== undefined) return (text) => text.startsWith(prefix)
  if (regex === undefined) return () => true
  const pattern = new RegExp(`^(?:${regex})$`)
  return (text) => pattern.test(text)
}
