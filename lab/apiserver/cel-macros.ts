// The two-variable forms of `all`, `exists` and `existsOne` (index, item), which the CEL library lacks.
import type { JsonObject } from './json.ts'

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
