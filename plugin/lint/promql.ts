// A Rollout or a template without problems in, what is wrong with its queries out, with the place in each. Pure.
import { parser } from '@prometheus-io/lezer-promql'
import { masked } from '../../analysis/promql-text.ts'
import type { Path } from '../../crds/problem.ts'
import { type Json, list, record, text } from '../json.ts'
import { suggestion } from '../near.ts'

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
  const tree = parser.parse(renamed(plain))
  const error = syntaxError(tree)
  if (error !== null) return [broken(query, error)]
  const asksCanary = placeholders.some(({ name, isComment }) => name === 'revision' && !isComment)
  const misused = rangeProblems(tree, plain)
  if (asksCanary) return misused
  return [
    ...misused,
    {
      offset: 0,
      message: 'the query does not ask about the canary',
      remedy: 'select its revision by {{revision}}',
      isWarning: true,
    },
  ]
}

/** The grammar is that of the newest Prometheus, which gave a function another name. Places stay right. */
function renamed(query: string): string {
  return query.replace(/\bholt_winters(?=\s*\()/g, (name) => 'deriv'.padEnd(name.length))
}

type Tree = ReturnType<typeof parser.parse>
type Problem = Omit<QueryProblem, 'path'>

/** The first place that the grammar can not read. */
function syntaxError(tree: Tree): number | null {
  let offset: number | null = null
  tree.iterate({
    enter: ({ type, from }) => {
      if (type.isError && (offset === null || from < offset)) offset = from
    },
  })
  return offset
}

function broken(query: string, offset: number): Problem {
  const is = (message: string, at = offset) => ({
    offset: at,
    message: `the query is no PromQL: ${message}`,
  })
  const rest = query.slice(offset).trimStart()
  if (rest === '') return is('it ends too early')
  // The grammar knows functions by name, and stumbles over the bracket behind another word.
  const [name] = /[A-Za-z_][A-Za-z0-9_]*$/.exec(query.slice(0, offset)) ?? []
  if (rest.startsWith('(') && name !== undefined) {
    return is(`it has no function "${name.slice(0, 40)}"`, offset - name.length)
  }
  const [word = ''] = /^([\p{L}\p{N}_:.]+|[\s\S])/u.exec(rest) ?? []
  return is(`"${word.slice(0, 40)}" can not stand here`)
}

const takesRange =
  /(_over_time|^(i?rate|increase|i?delta|deriv|predict_linear|resets|changes|holt_winters|double_exponential_smoothing))$/
const ranges = ['MatrixSelector', 'SubqueryExpr']
const wrappers = ['OffsetExpr', 'StepInvariantExpr', 'ParenExpr', 'FunctionCallBody']

/** Ranges where numbers belong, and functions of ranges without one. Warnings: not every server is strict. */
function rangeProblems(tree: Tree, query: string): Problem[] {
  const problems: Problem[] = []
  const warn = (offset: number, message: string, remedy: string) =>
    problems.push({ offset, message, remedy, isWarning: true })
  const served = new Set<number>()
  const called: { readonly name: string; readonly from: number }[] = []
  tree.iterate({
    enter: ({ name, from, node }) => {
      if (name === 'FunctionCall') {
        const [word = ''] = /^\w+/.exec(query.slice(from)) ?? []
        if (takesRange.test(word)) called.push({ name: word, from })
      }
      if (!ranges.includes(name)) return
      let owner = node.parent
      while (owner && wrappers.includes(owner.name)) owner = owner.parent
      const isTaken =
        owner?.name === 'FunctionCall' && called.some((one) => one.from === owner.from)
      if (isTaken) served.add(owner?.from ?? 0)
      else warn(from, 'gives a range where a number is needed', 'wrap it in rate() or the like')
    },
  })
  for (const { name, from } of called) {
    if (!served.has(from)) warn(from, `${name} needs a range`, 'write one behind it, such as [1m]')
  }
  return problems
}
