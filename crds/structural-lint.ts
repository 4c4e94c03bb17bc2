// A structural schema in, its faults out, each with path and rule: what the API server would refuse when the
// CustomResourceDefinition is installed, and bounds, without which it prices our CEL rules as unbounded.
import { admitted, valueFaults } from './admission.ts'
import type { Structural } from './structural.ts'

export interface Finding {
  /** Such as `.spec.steps[].hold`; `.` is the root. */
  readonly path: string
  readonly rule: string
}

/** Faults of an untrusted schema, at most 1,000; an empty list means that it can be installed. */
export function lint(schema: unknown): Finding[] {
  const findings: Finding[] = []
  visit(schema, { path: '', isRoot: true, report: (finding) => findings.push(finding) })
  return findings.slice(0, 1_000)
}

interface Place {
  readonly path: string
  readonly isRoot: boolean
  readonly report: (finding: Finding) => void
}

type Node = Readonly<Record<string, unknown>>

function visit(schema: unknown, place: Place): void {
  const report = (rule: string) => place.report({ path: place.path || '.', rule })
  if (!isNode(schema)) {
    report('must be an object')
    return
  }
  if (place.path === '.metadata') {
    for (const rule of metadataFaults(schema)) report(rule)
    return
  }
  for (const rule of [
    ...typeFaults(schema, place.isRoot),
    ...wordFaults(schema),
    ...listFaults(schema),
    ...boundFaults(schema),
    ...patternFaults(schema),
    ...ruleFaults(schema),
    ...defaultFaults(schema),
  ]) {
    report(rule)
  }
  for (const junctor of ['anyOf', 'oneOf', 'allOf']) nested(schema, junctor, place)
  nested(schema, 'not', place)
  for (const [name, child] of children(schema)) {
    visit(child, { ...place, path: `${place.path}${name}`, isRoot: false })
  }
}

function children(schema: Node): [string, unknown][] {
  const properties = isNode(schema['properties']) ? Object.entries(schema['properties']) : []
  const found = properties.map(([name, child]): [string, unknown] => [`.${name}`, child])
  if (schema['items'] !== undefined) found.push(['[]', schema['items']])
  if (isNode(schema['additionalProperties'])) found.push(['.*', schema['additionalProperties']])
  return found
}

const types = ['object', 'array', 'string', 'integer', 'number', 'boolean']

function typeFaults(schema: Node, isRoot: boolean): string[] {
  const { type } = schema
  const faults: string[] = []
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (type !== undefined) faults.push('type must be absent with x-kubernetes-int-or-string')
    if (JSON.stringify(schema['anyOf']) !== '[{"type":"integer"},{"type":"string"}]') {
      faults.push('anyOf must be exactly integer, then string, with x-kubernetes-int-or-string')
    }
    return faults
  }
  if (type === undefined) {
    if (schema['x-kubernetes-preserve-unknown-fields'] !== true) faults.push('type is required')
  } else if (typeof type !== 'string' || !types.includes(type)) {
    faults.push(`type ${JSON.stringify(type)} is not one of ${types.join(', ')}`)
  }
  if (isRoot && type !== 'object') faults.push('type of the root must be object')
  if (type === 'array' && schema['items'] === undefined) faults.push('items is required')
  if (type !== 'object' && schema['properties'] !== undefined) {
    faults.push('properties needs type object')
  }
  if (schema['properties'] !== undefined && schema['additionalProperties'] !== undefined) {
    faults.push('additionalProperties must be absent beside properties')
  }
  return faults
}

const forbidden = [
  '$ref',
  'const',
  'definitions',
  'dependencies',
  'deprecated',
  'discriminator',
  'id',
  'patternProperties',
  'prefixItems',
  'propertyNames',
  'readOnly',
  'writeOnly',
  'xml',
]

function wordFaults(schema: Node): string[] {
  const faults = forbidden
    .filter((word) => schema[word] !== undefined)
    .map((word) => `${word} is forbidden`)
  if (schema['uniqueItems'] === true) faults.push('uniqueItems must not be true')
  if (schema['additionalProperties'] === false)
    faults.push('additionalProperties must not be false')
  if (Array.isArray(schema['type'])) faults.push('type must be one word')
  return faults
}

function listFaults(schema: Node): string[] {
  const listType = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys']
  if (schema['type'] !== 'array') {
    return listType === undefined ? [] : ['x-kubernetes-list-type needs type array']
  }
  if (listType === undefined) return ['x-kubernetes-list-type is required']
  const items = isNode(schema['items']) ? schema['items'] : {}
  if (listType === 'set' && ['object', 'array'].includes(String(items['type']))) {
    return ['a set must hold scalars']
  }
  if (listType !== 'map') {
    return keys === undefined ? [] : ['x-kubernetes-list-map-keys needs x-kubernetes-list-type map']
  }
  if (!Array.isArray(keys) || keys.length === 0) return ['x-kubernetes-list-map-keys is required']
  return keys.flatMap((key) => mapKeyFaults(String(key), items))
}

function mapKeyFaults(key: string, items: Node): string[] {
  const property = isNode(items['properties']) ? items['properties'][key] : undefined
  if (!isNode(property)) return [`list-map-key ${key} is not a property of the items`]
  const required = Array.isArray(items['required']) && items['required'].includes(key)
  const faults: string[] = []
  if (['object', 'array'].includes(String(property['type']))) {
    faults.push(`list-map-key ${key} must be a scalar`)
  }
  if (property['nullable'] === true) faults.push(`list-map-key ${key} must not be nullable`)
  if (!required && property['default'] === undefined) {
    faults.push(`list-map-key ${key} must be required or have a default`)
  }
  return faults
}

/** An enum bounds a string as well as maxLength does. */
function boundFaults(schema: Node): string[] {
  const isMissing = (bound: string) => typeof schema[bound] !== 'number'
  const faults: string[] = []
  if (schema['type'] === 'array' && isMissing('maxItems')) faults.push('maxItems is required')
  if (schema['type'] === 'string' && schema['enum'] === undefined && isMissing('maxLength')) {
    faults.push('maxLength is required')
  }
  if (isNode(schema['additionalProperties']) && isMissing('maxProperties')) {
    faults.push('maxProperties is required')
  }
  return faults
}

function patternFaults(schema: Node): string[] {
  const { pattern } = schema
  if (pattern === undefined) return []
  if (typeof pattern !== 'string') return ['pattern must be a string']
  const faults: string[] = []
  if (/\(\?(?:[=!]|<[=!])/.test(pattern)) faults.push('pattern must not look around: RE2 can not')
  if (/\\[1-9]|\\k</.test(pattern)) faults.push('pattern must not refer back: RE2 can not')
  try {
    new RegExp(pattern, 'u')
  } catch {
    faults.push('pattern does not compile')
  }
  return faults
}

function ruleFaults(schema: Node): string[] {
  const rules = schema['x-kubernetes-validations']
  if (rules === undefined) return []
  if (!Array.isArray(rules)) return ['x-kubernetes-validations must be a list']
  return rules.flatMap((rule: unknown) => {
    if (!isNode(rule) || typeof rule['rule'] !== 'string' || rule['rule'].trim() === '') {
      return ['a rule must have text']
    }
    const faults: string[] = []
    const { message } = rule
    if (typeof message !== 'string' || message.trim() === '') faults.push('a rule needs a message')
    else if (/\n/.test(message)) faults.push('message of a rule must be one line')
    if (/\.(all|exists|exists_one|map|filter)\(\s*\w+\s*,\s*\w+\s*,/.test(rule['rule'])) {
      faults.push('a rule must not use comprehensions of two variables: older servers refuse them')
    }
    return faults
  })
}

/** A default must be valid after defaults below it are set, and must not hold fields that are pruned. */
function defaultFaults(schema: Node): string[] {
  if (schema['default'] === undefined) return []
  if (!isStructural(schema)) return []
  try {
    const value = admitted(schema, schema['default'])
    const faults = valueFaults(schema, value)
    const pruned = isNode(schema['default'])
      ? Object.keys(schema['default']).filter((key) => !Object.hasOwn(Object(value), key))
      : []
    return [
      ...faults.map((fault) => `default is not valid: ${fault}`),
      ...pruned.map((key) => `default holds ${key}, which is not a field`),
    ]
  } catch {
    return ['default can not be checked: the schema does not compile']
  }
}

// Only ajv and the walk over properties see the node, and both take any shape.
function isStructural(_node: Node): _node is Node & Structural {
  return true
}

const outsideOnly = [
  'type',
  'description',
  'title',
  'default',
  'nullable',
  'additionalProperties',
  'x-kubernetes-validations',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
]

/** Inside a junctor only value constraints may stand, and only on fields that stand outside too. */
function nested(schema: Node, junctor: string, place: Place): void {
  const value = schema[junctor]
  const members = junctor === 'not' ? [value] : Array.isArray(value) ? value : []
  for (const [index, member] of members.entries()) {
    const path = `${place.path}.${junctor}${junctor === 'not' ? '' : `[${index}]`}`
    const isIntOrString = schema['x-kubernetes-int-or-string'] === true && junctor === 'anyOf'
    if (isNode(member) && !isIntOrString) nestedNode(member, schema, { ...place, path })
  }
}

function nestedNode(node: Node, outside: Node, place: Place): void {
  for (const word of outsideOnly.filter((word) => node[word] !== undefined)) {
    place.report({
      path: place.path,
      rule: `${word} must stand outside anyOf, oneOf, allOf and not`,
    })
  }
  const known = new Map(children(outside))
  for (const [name, child] of children(node)) {
    const path = `${place.path}${name}`
    const twin = known.get(name)
    if (!isNode(twin)) place.report({ path, rule: 'must stand outside the junctor too' })
    else if (isNode(child)) nestedNode(child, twin, { ...place, path })
  }
}

/** The API server owns metadata: a schema may only constrain the name. */
function metadataFaults(schema: Node): string[] {
  const words = Object.keys(schema).filter((word) => word !== 'type' && word !== 'properties')
  const properties = isNode(schema['properties']) ? Object.keys(schema['properties']) : []
  const others = properties.filter((name) => name !== 'name' && name !== 'generateName')
  return [...words, ...others].map(
    (word) => `${word} must be absent: only names may be constrained`,
  )
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
