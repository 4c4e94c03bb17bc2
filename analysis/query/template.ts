// A Rollout's analysis and the template it names in, the checks that run out.
import type { Analysis, AnalysisTemplateSpec } from '../../crds/analysis-template.ts'
import { isOfType } from '../../crds/argument.ts'
import type { Check } from '../../crds/check.ts'
import { fill, keep } from '../promql-text.ts'

/** A check whose fields were set, parsed again: a value of the right type may still be out of bounds. */
export type ReadCheck = (check: unknown) => { readonly check: Check } | { readonly because: string }

export type Resolved =
  | { readonly kind: 'checks'; readonly checks: readonly Check[] }
  | { readonly kind: 'problem'; readonly because: string }

/** As many as the evidence of a status holds. */
const maxChecks = 16

/**
 * Checks of the template with its arguments filled in, then the Rollout's own. `template` is `null`
 * where the Rollout names one that does not exist. A problem names the field to change.
 */
export function resolveChecks(
  analysis: Pick<Analysis, 'checks' | 'templateRef'>,
  template: AnalysisTemplateSpec | null,
  read: ReadCheck,
): Resolved {
  const own = analysis.checks ?? []
  const reference = analysis.templateRef
  if (!reference) return limited(own)
  if (!template) return problem(`${titleOf(reference)} does not exist`)
  const values = argumentsOf(template, reference)
  if ('because' in values) return values
  const checks: Check[] = []
  for (const check of template.checks) {
    const set = withFields(check, template, { values: values.values, read })
    const filled = 'because' in set ? set : filledCheck(set.check, values.values)
    if ('because' in filled) return problem(`${titleOf(reference)}: ${filled.because}`)
    checks.push(filled.check)
  }
  return limited([...checks, ...own])
}

type Reference = NonNullable<Analysis['templateRef']>
type Problem = Extract<Resolved, { kind: 'problem' }>

function titleOf({ kind, name }: Reference): string {
  return `${kind} ${name}`
}

function argumentsOf(
  template: AnalysisTemplateSpec,
  reference: Reference,
): { values: ReadonlyMap<string, string> } | Problem {
  const declared = template.args ?? []
  const given = new Map(Object.entries(reference.args ?? {}))
  const unknown = [...given.keys()].filter((name) => !declared.some((one) => one.name === name))
  if (unknown.length > 0) {
    return problem(`${titleOf(reference)} has no argument ${unknown.join(', ')}`)
  }
  const values = new Map<string, string>()
  for (const { name, type, value, sets } of declared) {
    const chosen = given.get(name) ?? value
    if (chosen === undefined && sets !== undefined) continue
    if (chosen === undefined) return problem(`${titleOf(reference)} needs the argument ${name}`)
    if (!isOfType(type, chosen)) {
      return problem(`${titleOf(reference)}: the argument ${name} must be a ${type}`)
    }
    values.set(name, chosen)
  }
  return { values }
}

/** The check with its numbers and times as the arguments have them. */
function withFields(
  check: Check,
  { args = [] }: AnalysisTemplateSpec,
  { values, read }: { readonly values: ReadonlyMap<string, string>; readonly read: ReadCheck },
): { check: Check } | { because: string } {
  const settings = args.flatMap(({ name, type, sets = [] }) => {
    const value = values.get(name)
    const own = sets.filter((one) => one.check === check.name)
    if (value === undefined) return []
    return own.map(({ field }) => ({ field, value: type === 'number' ? Number(value) : value }))
  })
  if (settings.length === 0) return { check }
  let set: Readonly<Record<string, unknown>> = check
  for (const { field, value } of settings) {
    const [kind = '', inner] = field.split('.')
    const whole = set[kind]
    const part = typeof whole === 'object' && whole !== null ? whole : {}
    set = { ...set, [kind]: inner === undefined ? value : { ...part, [inner]: value } }
  }
  const found = read(set)
  return 'check' in found ? found : { because: `check ${check.name}: ${found.because}` }
}

function filledCheck(
  check: Check,
  values: ReadonlyMap<string, string>,
): { check: Check } | { because: string } {
  const { prometheus, datadog, webhook } = check
  const problems: string[] = []
  const text = (template: string) => {
    const filled = fill(template, (placeholder) =>
      placeholder.startsWith('args.') ? values.get(placeholder.slice('args.'.length)) : keep,
    )
    if ('text' in filled) return filled.text
    problems.push(filled.problem)
    return template
  }
  const address = (template: string) =>
    replaced(template, values, (value) => encodeURIComponent(value))
  const value = (template: string) => replaced(template, values, (plain) => plain)
  const filled: Check = {
    ...check,
    ...(prometheus && { prometheus: { ...prometheus, query: text(prometheus.query) } }),
    ...(datadog && { datadog: { ...datadog, query: text(datadog.query) } }),
    ...(webhook && {
      webhook: {
        ...webhook,
        url: address(webhook.url),
        ...(webhook.body !== undefined && { body: text(webhook.body) }),
      },
    }),
    ...(check.cloudWatch && { cloudWatch: mapped(check.cloudWatch, value) }),
    ...(check.job && { job: mapped(check.job, value) }),
  }
  const [problem] = problems
  return problem === undefined ? { check: filled } : { because: `check ${check.name}: ${problem}` }
}

/** Where a text is a value of its own, and its end can not be reached. */
function replaced(
  template: string,
  values: ReadonlyMap<string, string>,
  safe: (value: string) => string,
): string {
  return template.replace(/\{\{\s*args\.([^{}\s]+)\s*\}\}/g, (whole, name: string) => {
    const value = values.get(name)
    return value === undefined ? whole : safe(value)
  })
}

/** The same shape with each text in it changed. */
function mapped<Value>(value: Value, change: (text: string) => string): Value {
  const walk = (node: unknown): unknown => {
    if (typeof node === 'string') return change(node)
    if (Array.isArray(node)) return node.map(walk)
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, walk(inner)]))
  }
  return walk(value) as Value
}

function limited(checks: readonly Check[]): Resolved {
  const names = checks.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    return problem(`check ${twice} stands both in the template and in the Rollout: rename one`)
  }
  if (checks.length > maxChecks) {
    return problem(`${checks.length} checks with those of the template, at most ${maxChecks}`)
  }
  return { kind: 'checks', checks }
}

function problem(because: string): Problem {
  return { kind: 'problem', because }
}
