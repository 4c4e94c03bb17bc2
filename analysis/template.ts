// A Rollout's analysis and the template it names in, the checks that run out.
import type { Analysis, AnalysisTemplateSpec } from '../crds/analysis-template.ts'
import type { Check } from '../crds/check.ts'
import { fill, keep } from './promql-text.ts'

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
): Resolved {
  const own = analysis.checks ?? []
  const reference = analysis.templateRef
  if (!reference) return limited(own)
  if (!template) return problem(`AnalysisTemplate ${reference.name} does not exist`)
  const values = argumentsOf(template, reference)
  if ('because' in values) return values
  const checks: Check[] = []
  for (const check of template.checks) {
    const filled = filledCheck(check, values.values)
    if ('because' in filled) return problem(`AnalysisTemplate ${reference.name}: ${filled.because}`)
    checks.push(filled.check)
  }
  return limited([...checks, ...own])
}

type Reference = NonNullable<Analysis['templateRef']>
type Problem = Extract<Resolved, { kind: 'problem' }>

function argumentsOf(
  template: AnalysisTemplateSpec,
  reference: Reference,
): { values: ReadonlyMap<string, string> } | Problem {
  const declared = template.args ?? []
  const given = new Map(Object.entries(reference.args ?? {}))
  const unknown = [...given.keys()].filter((name) => !declared.some((one) => one.name === name))
  if (unknown.length > 0) {
    return problem(`AnalysisTemplate ${reference.name} has no argument ${unknown.join(', ')}`)
  }
  const values = new Map<string, string>()
  for (const { name, value } of declared) {
    const chosen = given.get(name) ?? value
    if (chosen === undefined) {
      return problem(`AnalysisTemplate ${reference.name} needs the argument ${name}`)
    }
    values.set(name, chosen)
  }
  return { values }
}

function filledCheck(
  check: Check,
  values: ReadonlyMap<string, string>,
): { check: Check } | { because: string } {
  if (!check.prometheus) return { check }
  const filled = fill(check.prometheus.query, (placeholder) =>
    placeholder.startsWith('args.') ? values.get(placeholder.slice('args.'.length)) : keep,
  )
  if ('problem' in filled) return { because: `check ${check.name}: ${filled.problem}` }
  return { check: { ...check, prometheus: { ...check.prometheus, query: filled.text } } }
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
