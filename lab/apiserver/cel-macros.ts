// CEL macros that the library lacks: the two-variable forms of `all`, `exists` and `existsOne` (index,
// item), and a `has` that also takes fields of items, as in `has(self[0].matches)`.
import { type JsonObject, objectOf } from './json.ts'

interface Node {
  readonly op: string
  readonly args: unknown
}

interface Scope {
  forkWithVariable(name: string, type: unknown): Scope
  reuse(parent: Scope): Scope
  setIterValue(value: unknown, evaluator: unknown): Scope
}

interface Checker {
  check(node: Node, scope: Scope): unknown
  getType(name: string): unknown
}

interface Evaluator {
  run(node: Node, scope: Scope): unknown
}

interface MacroCall {
  readonly args: readonly [Node, Node, Node]
  readonly receiver: Node
}

interface Macro {
  readonly receiver: Node
  indexScope: Scope | undefined
  itemScope: Scope | undefined
  typeCheck(checker: Checker, macro: Macro, scope: Scope): unknown
  evaluate(evaluator: Evaluator, macro: Macro, scope: Scope): boolean
}

type Verdict = (matches: number, size: number) => boolean

export const twoVariableMacros: readonly (readonly [string, (call: MacroCall) => Macro])[] = [
  ['list.all(ast, ast, ast): bool', expander((matches, size) => matches === size)],
  ['list.exists(ast, ast, ast): bool', expander((matches) => matches > 0)],
  ['list.existsOne(ast, ast, ast): bool', expander((matches) => matches === 1)],
]

/** Rules say `has`; the library has one of its own, so this one goes by another name. */
const hasName = 'hasField'

export function renameHas(rule: string): string {
  return rule.replace(/\bhas\(/g, `${hasName}(`)
}

export const hasMacro: readonly [string, (call: Pick<MacroCall, 'args'>) => HasMacro] = [
  `${hasName}(ast): bool`,
  ({ args: [argument] }) => {
    const [object, field] = selection(argument)
    return {
      typeCheck(checker, _macro, scope) {
        checker.check(object, scope)
        return checker.getType('bool')
      },
      evaluate(evaluator, _macro, scope) {
        return Object.hasOwn(objectOf(evaluator.run(object, scope)), field)
      },
    }
  },
]

interface HasMacro {
  typeCheck(checker: Checker, macro: unknown, scope: Scope): unknown
  evaluate(evaluator: Evaluator, macro: unknown, scope: Scope): boolean
}

function selection(node: Node): [object: Node, field: string] {
  const [object, field]: unknown[] = Array.isArray(node.args) ? node.args : []
  if (node.op === '.' && isNode(object) && typeof field === 'string') return [object, field]
  throw new Error('has() takes a field, such as has(self.name)')
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}

function expander(holds: Verdict): (call: MacroCall) => Macro {
  return ({ args, receiver }) => {
    const [indexName, itemName, predicate] = args
    return {
      receiver,
      indexScope: undefined,
      itemScope: undefined,
      typeCheck(checker, macro, scope) {
        checker.check(macro.receiver, scope)
        macro.indexScope = scope.forkWithVariable(identifier(indexName), checker.getType('int'))
        macro.itemScope = macro.indexScope.forkWithVariable(
          identifier(itemName),
          checker.getType('dyn'),
        )
        checker.check(predicate, macro.itemScope)
        return checker.getType('bool')
      },
      evaluate(evaluator, macro, scope) {
        const list = evaluator.run(macro.receiver, scope)
        if (!Array.isArray(list) || !macro.indexScope || !macro.itemScope) return false
        let matches = 0
        for (const [i, item] of list.entries()) {
          const outer = macro.indexScope.reuse(scope).setIterValue(BigInt(i), evaluator)
          const inner = macro.itemScope.reuse(outer).setIterValue(item, evaluator)
          if (evaluator.run(predicate, inner) === true) matches += 1
        }
        return holds(matches, list.length)
      },
    }
  }
}

function identifier(node: Node): string {
  if (node.op === 'id' && typeof node.args === 'string') return node.args
  const shown: JsonObject = { op: node.op }
  throw new Error(`a loop variable must be a name, not ${JSON.stringify(shown)}`)
}
