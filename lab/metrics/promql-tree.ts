// The expression tree of the PromQL subset, with its types and tables.

export interface Matcher {
  readonly label: string
  readonly operator: '=' | '!=' | '=~' | '!~'
  readonly value: string
}

export interface Grouping {
  readonly kind: 'by' | 'without'
  readonly labels: readonly string[]
}

export interface Matching {
  readonly kind: 'on' | 'ignoring'
  readonly labels: readonly string[]
}

export type Expression =
  | { readonly kind: 'number'; readonly value: number; readonly at: number }
  | {
      readonly kind: 'selector'
      readonly matchers: readonly Matcher[]
      /** Set for a range selector. */
      readonly rangeMs: number | null
      readonly at: number
    }
  | {
      readonly kind: 'call'
      readonly name: string
      readonly args: readonly Expression[]
      readonly at: number
    }
  | {
      readonly kind: 'aggregate'
      readonly name: string
      readonly grouping: Grouping
      readonly arg: Expression
      readonly at: number
    }
  | { readonly kind: 'negate'; readonly arg: Expression; readonly at: number }
  | {
      readonly kind: 'binary'
      readonly operator: string
      readonly bool: boolean
      readonly matching: Matching
      readonly left: Expression
      readonly right: Expression
      readonly at: number
    }

export type ValueType = 'scalar' | 'vector' | 'range'

/** Functions that are supported, with their types. */
export const signatures: Readonly<
  Record<string, { args: readonly ValueType[]; gives: ValueType }>
> = {
  rate: { args: ['range'], gives: 'vector' },
  increase: { args: ['range'], gives: 'vector' },
  delta: { args: ['range'], gives: 'vector' },
  avg_over_time: { args: ['range'], gives: 'vector' },
  sum_over_time: { args: ['range'], gives: 'vector' },
  min_over_time: { args: ['range'], gives: 'vector' },
  max_over_time: { args: ['range'], gives: 'vector' },
  count_over_time: { args: ['range'], gives: 'vector' },
  histogram_quantile: { args: ['scalar', 'vector'], gives: 'vector' },
  clamp_min: { args: ['vector', 'scalar'], gives: 'vector' },
  clamp_max: { args: ['vector', 'scalar'], gives: 'vector' },
  abs: { args: ['vector'], gives: 'vector' },
  vector: { args: ['scalar'], gives: 'vector' },
  scalar: { args: ['vector'], gives: 'scalar' },
  time: { args: [], gives: 'scalar' },
}

export const aggregations = ['sum', 'avg', 'max', 'min', 'count']
export const comparisons = ['==', '!=', '>', '<', '>=', '<=']
export const setOperators = ['and', 'or', 'unless']

/** The type of a tree that was parsed, which is thereby known to be well typed. */
export function typeOf(expression: Expression): ValueType {
  switch (expression.kind) {
    case 'number':
      return 'scalar'
    case 'selector':
      return expression.rangeMs === null ? 'vector' : 'range'
    case 'call':
      return signatures[expression.name]?.gives ?? 'vector'
    case 'aggregate':
      return 'vector'
    case 'negate':
      return typeOf(expression.arg)
    case 'binary': {
      const isScalar = typeOf(expression.left) === 'scalar' && typeOf(expression.right) === 'scalar'
      return isScalar ? 'scalar' : 'vector'
    }
  }
}

/** Whether a label value passes a matcher; an absent label has the empty value. Throws on a bad pattern. */
export function predicateOf({ operator, value }: Matcher): (actual: string) => boolean {
  if (operator === '=') return (actual) => actual === value
  if (operator === '!=') return (actual) => actual !== value
  const pattern = new RegExp(`^(?:${value})$`)
  return operator === '=~' ? (actual) => pattern.test(actual) : (actual) => !pattern.test(actual)
}
