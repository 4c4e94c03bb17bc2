// Rollouts and templates of the same files in, what is wrong between them out: arguments that do not fit, and checks
// that together are none. Pure; the controller resolves them by the same function.
import { type Resolved, resolveChecks } from '../../analysis/query/template.ts'
import type { Analysis, AnalysisTemplateSpec } from '../../crds/analysis-template.ts'
import { argumentTypes, isOfType } from '../../crds/argument.ts'
import type { Check } from '../../crds/check.ts'
import { type Json, list, record, text } from '../json.ts'
import { printable } from '../render.ts'
import { checkObject } from './schema-check.ts'
import { schemas } from './schemas.ts'
import type { Place, Written } from './yaml-places.ts'

/** An object without problems, and where it was written. */
export interface Known {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly object: Json
  readonly at: Written['place']
  readonly file: string
}

interface Misfit extends Place {
  readonly file: string
  readonly rule: 'reference'
  readonly message: string
}

/** A template may stand elsewhere; so only what refers to a template that is here is judged. */
export function references(known: readonly Known[]): Misfit[] {
  const templates = new Map(
    known
      .filter(({ kind }) => kind.endsWith('AnalysisTemplate'))
      .map((one) => [`${one.kind} ${one.namespace}/${one.name}`, record(one.object['spec'])]),
  )
  return known.flatMap(({ kind, namespace, object, at, file }) => {
    if (kind !== 'Rollout') return []
    const analysis = record(record(object['spec'])['analysis'])
    const { kind: wanted, name, args } = record(analysis['templateRef'])
    const within = wanted === 'ClusterAnalysisTemplate' ? '' : namespace
    const template = templates.get(`${text(wanted)} ${within}/${text(name)}`)
    if (!template) return []
    const path = ['spec', 'analysis', 'templateRef']
    const wrong = argumentProblems(template, record(args))
    const found = wrong.length > 0 ? null : resolved(analysis, template)
    if (found?.kind === 'problem') wrong.push({ argument: null, message: found.because })
    return wrong.map(({ argument, message }) => {
      const place = at(argument === null ? path : [...path, 'args', argument])
      return { file, ...place, rule: 'reference' as const, message }
    })
  })
}

/** Checks that run, from an analysis and a template that their schemas have accepted. */
export function resolved(analysis: Json, template: Json | null): Resolved {
  return resolveChecks(
    accepted<Analysis>(analysis),
    template && accepted<AnalysisTemplateSpec>(template),
    (check) => {
      const { value, problems } = checkObject(checkSchema(), check)
      const [first] = problems
      return first ? { because: first.message } : { check: accepted<Check>(record(value)) }
    },
  )
}

/** A check that its schema has accepted. */
export function readCheck(check: unknown): Check {
  return accepted<Check>(record(check))
}

/** The schemas are made from these types, so what they accept is of them. */
function accepted<Type>(value: Json): Type {
  return value as unknown as Type
}

/** A check as the generated CRD of the template has it. */
export function checkSchema(): Json {
  const spec = record(record(schemas['AnalysisTemplate']?.['properties'])['spec'])
  return record(record(record(spec['properties'])['checks'])['items'])
}

function argumentProblems(
  template: Json,
  given: Json,
): { argument: string | null; message: string }[] {
  const declared = list(template['args']).map(record)
  const names = new Set(declared.map(({ name }) => name))
  const missing = declared
    .filter(({ value, sets }) => value === undefined && sets === undefined)
    .filter(({ name }) => !Object.hasOwn(given, String(name)))
    .map(({ name }) => ({ argument: null, message: `the template needs the argument ${name}` }))
  const surplus = Object.keys(given)
    .filter((name) => !names.has(name))
    .map((name) => ({ argument: name, message: `the template has no argument ${printable(name)}` }))
  return [...missing, ...surplus, ...mistyped(declared, given)]
}

function mistyped(declared: readonly Json[], given: Json) {
  return declared.flatMap(({ name, type }) => {
    const value = given[String(name)]
    const wanted = argumentTypes.find((one) => one === type) ?? 'string'
    if (typeof value !== 'string' || isOfType(wanted, value)) return []
    return [{ argument: String(name), message: `the argument ${name} must be a ${wanted}` }]
  })
}
