// x-kubernetes-validations: rules compiled when the kind is defined, evaluated on every write. A rule that
// can not be compiled is an error of the definition.
import { Environment } from '@marcbachmann/cel-js'
import { hasMacro, renameHas, twoVariableMacros } from './cel-macros.ts'
import { byElement, itemElement } from './field-set.ts'
import { isObject, listOf, textOf } from './json.ts'
import { type CelValidation, childSchema, listMerge, type Schema, subschemas } from './schema.ts'
import type { Cause } from './status-error.ts'

interface CompiledRule {
  readonly validation: CelValidation
  readonly isTransition: boolean
  readonly holds: (self: unknown, oldSelf: unknown) => unknown
  readonly message: (self: unknown, oldSelf: unknown) => string
}

interface Rules {
  readonly schema: Schema
  readonly rules: readonly CompiledRule[]
  readonly properties: ReadonlyMap<string, Rules>
  readonly items: Rules | null
  readonly others: Rules | null
}

/** Gives the violations of a value; `before` is the value it replaces, or undefined. */
export interface CelCheck {
  (value: unknown, before: unknown): Cause[]
  readonly hasRules: boolean
}

/** Rules of a schema and all below it. Throws with the schema path of a rule that does not compile. */
export function compileRules(schema: Schema, path: string): CelCheck {
  const environment = createEnvironment()
  const root = compile(schema, path, environment)
  const check = (value: unknown, before: unknown): Cause[] => {
    const causes: Cause[] = []
    if (root) evaluate(root, { value, before, path: '', causes })
    return causes
  }
  return Object.assign(check, { hasRules: root !== null })
}

function createEnvironment(): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
  })
  environment.registerVariable('self', 'dyn')
  environment.registerVariable('oldSelf', 'dyn')
  for (const [signature, expand] of twoVariableMacros) {
    environment.registerFunction(signature, expand)
  }
  environment.registerFunction(...hasMacro)
  registerUrls(environment)
  environment.registerFunction('string.find(string): string', (text: string, pattern: string) => {
    return new RegExp(pattern).exec(text)?.[0] ?? ''
  })
  return environment
}

/** Kubernetes' URL library. */
function registerUrls(environment: Environment): void {
  const parse = (text: string) => new URL(text, 'http://relative')
  environment.registerFunction(
    'isURL(string): bool',
    (text: string) => text.startsWith('/') || URL.canParse(text),
  )
  environment.registerType('URL', URL)
  environment.registerFunction('url(string): URL', parse)
  environment.registerFunction('URL.getScheme(): string', (url: URL) =>
    url.host === 'relative' ? '' : url.protocol.slice(0, -1),
  )
  environment.registerFunction('URL.getHost(): string', (url: URL) => url.host)
  environment.registerFunction('URL.getHostname(): string', (url: URL) => url.hostname)
  environment.registerFunction('URL.getPort(): string', (url: URL) => url.port)
  environment.registerFunction('URL.getEscapedPath(): string', (url: URL) => url.pathname)
}

/** Null when neither the schema nor anything below it has a rule. */
function compile(schema: Schema, path: string, environment: Environment): Rules | null {
  const rules = (schema['x-kubernetes-validations'] ?? []).map((validation, i) =>
    compileRule(validation, `${path}.x-kubernetes-validations[${i}]`, environment),
  )
  const properties = new Map<string, Rules>()
  const parts: { items: Rules | null; others: Rules | null } = { items: null, others: null }
  for (const [step, part] of subschemas(schema)) {
    const inner = compile(part, path + step, environment)
    if (!inner) continue
    if (step === '.items') parts.items = inner
    else if (step === '.additionalProperties') parts.others = inner
    else properties.set(step.slice('.properties['.length, -1), inner)
  }
  const isEmpty = rules.length === 0 && properties.size === 0 && !parts.items && !parts.others
  return isEmpty ? null : { schema, rules, properties, ...parts }
}

function compileRule(
  validation: CelValidation,
  path: string,
  environment: Environment,
): CompiledRule {
  const program = compileExpression(textOf(validation.rule), `${path}.rule`, environment)
  const expression = validation.messageExpression
  const message =
    expression === undefined
      ? null
      : compileExpression(expression, `${path}.messageExpression`, environment)
  const fixed = validation.message ?? `failed rule: ${validation.rule}`
  return {
    validation,
    isTransition: /\boldSelf\b/.test(validation.rule),
    holds: (self, oldSelf) => program({ self, oldSelf }),
    message: (self, oldSelf) => (message ? String(message({ self, oldSelf })) : fixed),
  }
}

function compileExpression(text: string, path: string, environment: Environment) {
  const rule = renameHas(text)
  const checked = environment.check(rule)
  if (!checked.valid) {
    throw new Error(`${path}: compilation failed: ${checked.error?.message ?? 'unknown reason'}`)
  }
  return environment.parse(rule)
}

interface Place {
  readonly value: unknown
  readonly before: unknown
  readonly path: string
  readonly causes: Cause[]
}

function evaluate(rules: Rules, place: Place): void {
  const { value, before, path, causes } = place
  if (value === undefined || value === null) return
  if (rules.rules.length > 0) {
    const self = celValue(value, rules.schema)
    const oldSelf = before === undefined ? undefined : celValue(before, rules.schema)
    for (const rule of rules.rules) {
      if (rule.isTransition && oldSelf === undefined) continue
      const cause = violation(rule, { self, oldSelf, path, type: rules.schema.type ?? '' })
      if (cause) causes.push(cause)
    }
  }
  if (Array.isArray(value)) evaluateItems(rules, value, place)
  else if (isObject(value)) evaluateFields(rules, value, place)
}

/** Items of keyed lists and sets know what they replace; those of atomic lists do not. */
function evaluateItems(rules: Rules, list: readonly unknown[], place: Place): void {
  if (!rules.items) return
  const { schema } = rules
  const isKeyed = listMerge(schema).kind !== 'atomic'
  const old = isKeyed ? byElement(listOf(place.before), schema) : new Map<string, unknown>()
  for (const [i, item] of list.entries()) {
    const before = old.get(itemElement(item, schema))
    const path = `${place.path}[${i}]`
    evaluate(rules.items, { value: item, before, path, causes: place.causes })
  }
}

function evaluateFields(
  rules: Rules,
  value: Record<string, unknown>,
  { before, path, causes }: Place,
): void {
  for (const [name, part] of Object.entries(value)) {
    const inner = rules.properties.get(name) ?? rules.others
    if (!inner) continue
    const old = isObject(before) ? before[name] : undefined
    evaluate(inner, {
      value: part,
      before: old,
      path: path === '' ? name : `${path}.${name}`,
      causes,
    })
  }
}

function violation(
  rule: CompiledRule,
  at: { self: unknown; oldSelf: unknown; path: string; type: string },
): Cause | null {
  const { validation } = rule
  const field = (at.path + (validation.fieldPath ?? '')).replace(/^\./, '')
  try {
    if (rule.holds(at.self, at.oldSelf) === true) return null
    return {
      reason: 'FieldValueInvalid',
      field,
      message: `Invalid value: "${at.type}": ${rule.message(at.self, at.oldSelf)}`,
    }
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
    return {
      reason: 'FieldValueInvalid',
      field,
      message: `Invalid value: "${at.type}": rule evaluation error: ${why}: ${validation.rule}`,
    }
  }
}

/** CEL tells integers from floating-point numbers, JSON does not: the schema decides. */
function celValue(value: unknown, schema: Schema | undefined): unknown {
  if (typeof value === 'number') {
    const isWhole = schema?.type !== 'number' && Number.isInteger(value)
    return isWhole ? BigInt(value) : value
  }
  if (Array.isArray(value)) return value.map((item) => celValue(item, schema?.items))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      escapedName(name),
      celValue(part, childSchema(schema, name)),
    ]),
  )
}

const keywords = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

/** Field names that CEL can not write are escaped in rules, as Kubernetes does. */
function escapedName(name: string): string {
  return keywords.has(name) ? `__${name}__` : name
}
