// The JSONPath of printer columns and scale paths: names, indexes, `[*]` and `[?(@.type=="Ready")]`.
import { at, isObject, listOf } from './json.ts'

/** Stands for a dot that is part of a name while a path is read. */
const escapedDot = '·'

type Step = (values: readonly unknown[]) => unknown[]

const token =
  /^(?:\.([A-Za-z_$][-\w/]*)|\[['"]([^'"]+)['"]\]|\.?\[(\d+)\]|\.?\[(\*)\]|\.(\*)|\[\?\(@\.([\w.]+)\s*(==|!=)\s*['"]?([^'")]*)['"]?\)\])/

/** Compiles a path such as `.status.conditions[?(@.type=="Ready")].status`. Throws on other syntax. */
export function compileJsonPath(text: string): (value: unknown) => unknown[] {
  const steps: Step[] = []
  let rest = text.replace(/^\{(.*)\}$/, '$1').replace(/^\$/, '')
  rest = rest.replaceAll('\\.', escapedDot)
  while (rest !== '') {
    const match = dotted(rest) ?? token.exec(rest)
    if (!match) throw new Error(`JSONPath ${text} is not understood at "${rest}"`)
    steps.push(stepOf(match))
    rest = rest.slice(match[0].length)
  }
  return (value) => steps.reduce<unknown[]>((values, step) => step(values), [value])
}

/** A name with escaped dots, such as `.metadata.annotations.sluice\.dev/commit`. */
function dotted(rest: string): RegExpExecArray | null {
  const match = /^\.([^.[\]]*·[^.[\]]*)/.exec(rest)
  if (match?.[1]) match[1] = match[1].replaceAll(escapedDot, '.')
  return match
}

function stepOf(match: RegExpExecArray): Step {
  const [, name, quoted, index, all, allNames, path = '', operator, wanted] = match
  const field = name ?? quoted
  if (field !== undefined) {
    return (values) =>
      values.flatMap((v) => (isObject(v) && v[field] !== undefined ? [v[field]] : []))
  }
  if (index !== undefined) {
    return (values) => values.flatMap((v) => listOf(v).slice(Number(index), Number(index) + 1))
  }
  if (all !== undefined || allNames !== undefined) {
    return (values) => values.flatMap((v) => (isObject(v) ? Object.values(v) : [...listOf(v)]))
  }
  const steps = path.split('.')
  return (values) =>
    values
      .flatMap((v) => [...listOf(v)])
      .filter((item) => (String(at(item, steps)) === wanted) === (operator === '=='))
}
