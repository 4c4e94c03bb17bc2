// What an expression evaluates to, and the label sets of it.
import type { Labels } from './series.ts'

export interface Element {
  readonly labels: Labels
  readonly value: number
}

export type Value =
  | { readonly kind: 'scalar'; readonly value: number }
  | { readonly kind: 'vector'; readonly elements: readonly Element[] }

/** The query is well formed and has no answer, such as two elements with equal labels. */
export class EvaluationError extends Error {}

export function without(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)))
}

export function only(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => names.includes(name)))
}
