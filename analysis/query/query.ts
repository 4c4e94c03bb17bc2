// A check and its subject in, query text out. Built-in checks are asked in groups: one query answers
// for many rollouts with the same metric and window, with both arms of each in one answer.
import type { Check } from '../../crds/check.ts'
import { type ArmName, type MetricTable, selectorOf } from '../metrics/table.ts'
import { fill, promqlDuration } from '../promql-text.ts'
import { sourceOf } from './source-kind.ts'

/** What a query is about: one revision beside another, behind one host. */
export interface Target {
  readonly namespace: string
  readonly name: string
  readonly host: string
  readonly revision: string
  readonly stable: string | null
  readonly windowMs: number
  /** Whose metrics answer built-in questions. */
  readonly table: MetricTable
}

/** `requests` and `durations` are grouped; `own` is a user's text and stands alone. */
export type Question =
  | { readonly kind: 'requests' | 'durations'; readonly query: string }
  | { readonly kind: 'own'; readonly query: string }
  /** Asked elsewhere; `query` says what, for people. */
  | { readonly kind: 'source'; readonly query: string }
  | { readonly kind: 'problem'; readonly because: string }

export const maxQueryLength = 8_192

/** The query that answers this check for this target alone; a person may paste it. */
export function questionFor(check: Check, target: Target): Question {
  if (check.prometheus) return own(check.prometheus.query, target)
  if (sourceOf(check) !== null) return { kind: 'source', query: '' }
  const kind = check.successRate ? 'requests' : 'durations'
  if (serviceOf(target) === null) {
    return { kind: 'problem', because: `host ${target.host} is not the name of a Service` }
  }
  return { kind, query: singleQuery(kind, target) }
}

/** One built-in query for one target: exact matchers, both arms. */
export function singleQuery(kind: 'requests' | 'durations', target: Target): string {
  return builtIn(kind, [target])
}

/**
 * One built-in query for many targets that share a window and a table. It selects by the most telling label
 * alone; rows of others that have the same value are told apart by their labels.
 */
export function groupedQuery(kind: 'requests' | 'durations', targets: readonly Target[]): string {
  return builtIn(kind, targets)
}

/** Targets cut into groups of at most `most`, each with a query that is short enough. */
export function shards<T extends Target>(
  kind: 'requests' | 'durations',
  targets: readonly T[],
  most: number,
): T[][] {
  const result: T[][] = []
  for (let start = 0; start < targets.length; start += most) {
    result.push(...halved(kind, targets.slice(start, start + most)))
  }
  return result
}

/** The Service behind a host: `checkout`, `checkout.shop` or `checkout.shop.svc.cluster.local`. */
export function serviceOf(
  target: Pick<Target, 'host' | 'namespace'>,
): { name: string; namespace: string } | null {
  const [name, namespace, svc] = target.host.split('.')
  if (!name || name.includes('*')) return null
  if (svc !== undefined && svc !== 'svc') return null
  return { name, namespace: namespace || target.namespace }
}

/** The same query about stable, where it is about the canary alone. */
export function controlQuery(check: Check, target: Target): string | null {
  const template = check.prometheus?.query ?? ''
  const isAbsolute =
    /\{\{\s*revision\s*\}\}/.test(template) && !/\{\{\s*stable\s*\}\}/.test(template)
  if (!isAbsolute || target.stable === null) return null
  const question = own(template, { ...target, revision: target.stable })
  return question.kind === 'own' ? question.query : null
}

/** Values of the placeholders that the controller fills in, by name. */
export function placeholdersOf(target: Target): Readonly<Record<string, string>> {
  return {
    revision: target.revision,
    stable: target.stable ?? '',
    namespace: target.namespace,
    name: target.name,
    host: target.host,
    window: promqlDuration(target.windowMs),
  }
}

function own(template: string, target: Target): Question {
  const values = placeholdersOf(target)
  const filled = fill(template, (placeholder) =>
    Object.hasOwn(values, placeholder) ? values[placeholder] : undefined,
  )
  if ('problem' in filled) return { kind: 'problem', because: `query: ${filled.problem}` }
  if (filled.text.length > maxQueryLength) {
    return { kind: 'problem', because: `query is longer than ${maxQueryLength} characters` }
  }
  return { kind: 'own', query: filled.text }
}

function builtIn(kind: 'requests' | 'durations', targets: readonly Target[]): string {
  const [first] = targets
  if (first === undefined) return ''
  const { callers } = first.table
  // Codes stay in the answer: failures and totals then come from the same samples.
  const { codes, grpcStatus, error } = callers
  const outcome = [...codes, grpcStatus, error].filter((name) => name !== undefined)
  const by = [...callers.arms.labels, ...(kind === 'requests' ? outcome : ['le'])].join(', ')
  const counter = kind === 'requests' ? callers.requests : callers.durationBuckets
  const arms = targets.flatMap((target) => Object.values(armsOf(target)))
  const matchers = [...callers.matchers, ...callers.arms.matchers(arms)]
  const selector = selectorOf(counter, matchers, first.windowMs)
  return `sum by (${by}) (increase(${selector}))`
}

/** Both arms of a target; one without a stable revision has one. */
export function armsOf(target: Omit<Target, 'windowMs'>): { canary: ArmName; stable?: ArmName } {
  const service = serviceOf(target)
  const whole = {
    namespace: service?.namespace ?? target.namespace,
    rollout: target.name,
    service: service?.name ?? target.host,
  }
  return {
    canary: { ...whole, revision: target.revision },
    ...(target.stable === null ? {} : { stable: { ...whole, revision: target.stable } }),
  }
}

function halved<T extends Target>(kind: 'requests' | 'durations', targets: readonly T[]): T[][] {
  if (targets.length < 2 || groupedQuery(kind, targets).length <= maxQueryLength) {
    return [[...targets]]
  }
  const middle = Math.ceil(targets.length / 2)
  return [...halved(kind, targets.slice(0, middle)), ...halved(kind, targets.slice(middle))]
}
