// A Rollout or a template without problems in, what is wrong with its queries out, with the place in each. Pure.
import { parser } from '@prometheus-io/lezer-promql'
import { masked } from '../../analysis/promql-text.ts'
import { type Json, list, record, text } from '../json.ts'
import { suggestion } from '../near.ts'
import type { Path } from './problem.ts'

export interface QueryProblem {
  readonly path: Path
  /** Of the character in the query that is wrong. */
  readonly offset: number
  readonly message: string
  readonly remedy?: string
  readonly isWarning?: true
}

/** What the controller fills in; in templates their arguments too. */
const known = ['revision', 'stable', 'namespace', 'name', 'host', 'window']

export function promqlProblems({
  kind,
  object,
}: {
  readonly kind: string
  readonly object: Json
}): readonly QueryProblem[] {
  const spec = record(object['spec'])
  const isRollout = kind === 'Rollout'
  const at: Path = isRollout ? ['spec', 'analysis', 'checks'] : ['spec', 'checks']
  const checks = list(isRollout ? record(spec['analysis'])['checks'] : spec['checks'])
  const args = isRollout ? [] : list(spec['args']).map((one) => `args.${record(one)['name']}`)
  return checks.flatMap((check, i) => {
    const query = text(record(record(check)['prometheus'])['query'])
    if (query === undefined) return []
    const path = [...at, i, 'prometheus', 'query']
    return problemsIn(query, [...known, ...args]).map((one) => ({ path, ...one }))
  })
}

function problemsIn(
  query: string,
  names: readonly string[],
): readonly Omit<QueryProblem, 'path'>[] {
  const { text: plain, placeholders } = masked(query)
  const unknown = placeholders.find(({ name }) => !names.includes(name))
  if (unknown) {
    const message = `unknown placeholder {{${unknown.name}}}${suggestion(unknown.name, names)}`
    return [{ offset: unknown.offset, message }]
  }
  const error = syntaxError(plain)
  if (error !== null) return [{ ...error, message: `is no PromQL: ${wordsFor(query, error)}` }]
  if (placeholders.some(({ name }) => name === 'revision')) return []
  return [
    {
      offset: 0,
      message: 'the query does not ask about the canary',
      remedy: 'select its revision by {{revision}}',
      isWarning: true,
    },
  ]
}

/** The first place that the grammar can not read. */
function syntaxError(query: string): { readonly offset: number } | null {
  let offset: number | null = null
  parser.parse(query).iterate({
    enter: ({ type, from }) => {
      if (type.isError && (offset === null || from < offset)) offset = from
    },
  })
  return offset === null ? null : { offset }
}

function wordsFor(query: string, { offset }: { readonly offset: number }): string {
  const rest = query.slice(offset).trimStart()
  if (rest === '') return 'it ends too early'
  const [word = ''] = /^([A-Za-z0-9_:.]+|[\s\S])/.exec(rest) ?? []
  return `"${word.slice(0, 40)}" can not stand here`
}
