// Two values and an operator in, one value out: scalars, filters, and one-to-one matching by label.
import { comparisons, type Expression, type Matching, setOperators } from './promql-tree.ts'
import { type Element, EvaluationError, only, type Value, without } from './promql-value.ts'
import { type Labels, labelKey } from './series.ts'

type Binary = Expression & { kind: 'binary' }

/** The result where at least one side is a scalar; `null` where both are vectors. */
export function operate(binary: Binary, left: Value, right: Value): Value | null {
  if (left.kind === 'scalar' && right.kind === 'scalar') {
    return { kind: 'scalar', value: computed(binary.operator, left.value, right.value) }
  }
  if (left.kind === 'vector' && right.kind === 'vector') return null
  const elements = (left.kind === 'vector' ? left : right.kind === 'vector' ? right : null)
    ?.elements
  const results = (elements ?? []).flatMap(({ labels, value }): Element[] => {
    const result =
      left.kind === 'scalar'
        ? computed(binary.operator, left.value, value)
        : computed(binary.operator, value, right.kind === 'scalar' ? right.value : Number.NaN)
    return settled(binary, { labels, value, result })
  })
  return { kind: 'vector', elements: results }
}

export function binaryVectors(binary: Binary, left: Value, right: Value): Value {
  const leftElements = left.kind === 'vector' ? left.elements : []
  const rightElements = right.kind === 'vector' ? right.elements : []
  const keyOf = ({ labels }: Element) => matchKey(labels, binary.matching)
  if (setOperators.includes(binary.operator)) {
    const inLeft = new Set(leftElements.map(keyOf))
    const inRight = new Set(rightElements.map(keyOf))
    const elements =
      binary.operator === 'or'
        ? [...leftElements, ...rightElements.filter((one) => !inLeft.has(keyOf(one)))]
        : leftElements.filter((one) => inRight.has(keyOf(one)) === (binary.operator === 'and'))
    return { kind: 'vector', elements }
  }
  const byKey = new Map<string, Element>()
  for (const element of rightElements) {
    const key = keyOf(element)
    if (byKey.has(key)) throw new EvaluationError('found duplicate series for the match group')
    byKey.set(key, element)
  }
  const matched = new Set<string>()
  const elements: Element[] = []
  for (const element of leftElements) {
    const key = keyOf(element)
    const partner = byKey.get(key)
    if (!partner) continue
    const result = computed(binary.operator, element.value, partner.value)
    const [kept] = settled(binary, { ...element, result })
    if (!kept) continue
    if (matched.has(key)) throw new EvaluationError('multiple matches for labels')
    matched.add(key)
    elements.push({ labels: resultLabels(kept.labels, binary.matching), value: kept.value })
  }
  return { kind: 'vector', elements }
}

/** A comparison filters, or says 0 or 1 with `bool`; arithmetic drops the name of the metric. */
function settled(
  binary: Binary,
  { labels, value, result }: Element & { result: number },
): Element[] {
  if (!comparisons.includes(binary.operator)) {
    return [{ labels: without(labels, ['__name__']), value: result }]
  }
  if (binary.bool) return [{ labels: without(labels, ['__name__']), value: result }]
  return result === 1 ? [{ labels, value }] : []
}

function computed(operator: string, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      return left / right
    case '%':
      return left % right
    case '^':
      return left ** right
    case '==':
      return Number(left === right)
    case '!=':
      return Number(left !== right)
    case '>':
      return Number(left > right)
    case '<':
      return Number(left < right)
    case '>=':
      return Number(left >= right)
    case '<=':
      return Number(left <= right)
    default:
      throw new EvaluationError(`operator ${operator} is not supported`)
  }
}

function matchKey(labels: Labels, { kind, labels: names }: Matching): string {
  return labelKey(kind === 'on' ? only(labels, names) : without(labels, ['__name__', ...names]))
}

function resultLabels(labels: Labels, { kind, labels: names }: Matching): Labels {
  return kind === 'on' ? only(labels, names) : without(labels, names)
}
