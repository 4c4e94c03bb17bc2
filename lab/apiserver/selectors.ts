// Label and field selectors: text of a query in, a predicate over objects out.
import type { KubeObject } from '../../kube/api.ts'
import { at } from './json.ts'
import { badRequest } from './status-error.ts'

export type Predicate = (object: KubeObject) => boolean

export function parseLabelSelector(text: string): Predicate {
  const terms = splitTerms(text).map(labelTerm)
  return (object) => terms.every((holds) => holds(object.metadata.labels ?? {}))
}

/** `fields` are the paths this kind can be selected by, besides its name and namespace. */
export function parseFieldSelector(text: string, fields: readonly string[]): Predicate {
  const supported = ['metadata.name', 'metadata.namespace', ...fields]
  const terms = text
    .split(',')
    .flatMap((term) => (term.trim() === '' ? [] : [fieldTerm(term, supported)]))
  return (object) => terms.every((holds) => holds(object))
}

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean

function labelTerm(term: string): LabelTest {
  const list = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(term)
  if (list) {
    const [, key = '', operator, values = ''] = list
    const wanted = values.split(',').map((value) => value.trim())
    if (operator === 'in') return (labels) => wanted.includes(labels[key] ?? '\n')
    return (labels) => !wanted.includes(labels[key] ?? '\n')
  }
  const comparison = /^([^\s=!<>]+)\s*(==|=|!=|<|>)\s*([^\s=!<>]*)$/.exec(term)
  if (comparison) return comparisonTest(comparison)
  const presence = /^(!?)\s*([A-Za-z0-9][-A-Za-z0-9_./]*)$/.exec(term)
  if (!presence) throw badRequest(`unable to parse requirement: ${term}`)
  const [, not, key = ''] = presence
  return (labels) => Object.hasOwn(labels, key) === (not === '')
}

function comparisonTest([, key = '', operator, value = '']: RegExpExecArray): LabelTest {
  switch (operator) {
    case '!=':
      return (labels) => labels[key] !== value
    case '<':
      return (labels) => labels[key] !== undefined && Number(labels[key]) < Number(value)
    case '>':
      return (labels) => labels[key] !== undefined && Number(labels[key]) > Number(value)
    default:
      return (labels) => labels[key] === value
  }
}

/** Splits at commas that are not inside parentheses. */
function splitTerms(text: string): string[] {
  return (text.match(/(?:\([^)]*\)|[^,(])+/g) ?? []).map((term) => term.trim()).filter(Boolean)
}

function fieldTerm(term: string, supported: readonly string[]): Predicate {
  const match = /^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(term)
  if (!match) throw badRequest(`invalid field selector: ${term}`)
  const [, path = '', operator, wanted = ''] = match
  if (!supported.includes(path)) throw badRequest(`field label not supported: ${path}`)
  const steps = path.split('.')
  return (object) => {
    const value = at(object, steps)
    const text = value === undefined || value === null ? '' : String(value)
    return (text === wanted) === (operator !== '!=')
  }
}
