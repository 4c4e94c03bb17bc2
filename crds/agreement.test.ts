// Random specs in; zod and the generated schema, as an API server would apply it, must say the same of each.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Environment } from '@marcbachmann/cel-js'
import fc from 'fast-check'
import { admitted, childSchema, isObject, validator } from './admission.ts'
import { rootSchema } from './custom-resource.ts'
import { type Kind, kinds } from './kinds.ts'
import {
  parseAnalysisTemplate,
  parseClusterAnalysisTemplate,
  parseGitSource,
  parseNotification,
  parseRollout,
} from './parse.ts'
import { base, mutated, specs } from './random-specs.fixture.ts'
import type { Structural } from './structural.ts'

const parsers = {
  Rollout: parseRollout,
  AnalysisTemplate: parseAnalysisTemplate,
  ClusterAnalysisTemplate: parseClusterAnalysisTemplate,
  GitSource: parseGitSource,
  Notification: parseNotification,
}

for (const [name, parse] of Object.entries(parsers)) {
  test(`zod and the CRD of ${name} agree on which specs are valid and on their defaults`, () => {
    const kind = kinds.find((candidate) => candidate.kind === name)
    assert.ok(kind)
    const server = serverOf(kind)
    const tally = { accepted: 0, refused: 0, pruned: 0 }
    fc.assert(
      fc.property(mutated(specs[kind.kind]!), (spec) => {
        const object = {
          apiVersion: 'sluice.dev/v1alpha1',
          kind: kind.kind,
          metadata: { name: 'checkout' },
          spec,
        }
        const answer = server(spec)
        const parsed = parse(object)
        const stored = parse({ ...object, spec: answer.stored })
        assert.equal(stored.ok, answer.faults.length === 0, explain(object, answer.faults, stored))
        if (parsed.ok) assert.deepEqual(answer.stored, parsed.value.spec)
        const onlyUnknown =
          parsed.ok || parsed.problems.every(({ message }) => message.startsWith('unknown field'))
        assert.ok(parsed.ok === stored.ok || onlyUnknown, explain(object, answer.faults, parsed))
        tally[parsed.ok ? 'accepted' : stored.ok ? 'pruned' : 'refused'] += 1
      }),
      { seed: 20_260_101, numRuns: name === 'Rollout' ? 1_500 : 400 },
    )
    assert.ok(Math.min(...Object.values(tally)) >= 5, `lopsided cases: ${JSON.stringify(tally)}`)
  })
}

test('specs on the edges of the rules are told apart by both', () => {
  const kind = kinds.find((candidate) => candidate.kind === 'Rollout')
  assert.ok(kind)
  const server = serverOf(kind)
  const { template: _, ...untemplated } = base
  const deployment = { kind: 'Deployment', name: 'checkout' }
  const canary = (deadline: string, ...steps: object[]) => ({
    ...base,
    progressDeadline: deadline,
    canary: { steps },
  })
  const rows: [string, boolean, object][] = [
    ['a hold below the deadline', true, canary('5m', { weight: 1, hold: '4m59s999ms' })],
    ['a hold at the deadline', false, canary('5m', { weight: 1, hold: '300s' })],
    ['the default deadline', false, { ...base, canary: { steps: [{ weight: 1, hold: '30m' }] } }],
    ['equal weights', true, canary('5m', { weight: 5 }, { weight: 5 })],
    ['falling weights', false, canary('5m', { weight: 5 }, { weight: 25 }, { weight: 10 })],
    ['a blue-green hold at the deadline', false, { ...base, blueGreen: { hold: '0.5h' } }],
    ['a long blue-green hold', false, { ...base, blueGreen: { hold: '31m' } }],
    [
      'a hold on the preview at the deadline',
      false,
      { ...base, blueGreen: { preview: { service: 'p', hold: '30m' } } },
    ],
    [
      'a hold on the preview',
      true,
      { ...base, blueGreen: { preview: { service: 'p', hold: '5m' } } },
    ],
    ['a year', true, { ...base, progressDeadline: '8760h', blueGreen: {} }],
    ['more than a year', false, { ...base, progressDeadline: '8760h1ms', blueGreen: {} }],
    ['more hours than CEL can count', false, canary('999999999h999999999h', { weight: 1 })],
    ['both strategies', false, { ...base, canary: { steps: [{ weight: 1 }] }, blueGreen: {} }],
    ['no strategy', false, base],
    ['a Deployment', true, { ...untemplated, blueGreen: {}, workloadRef: deployment }],
    ['a Deployment and a template', false, { ...base, blueGreen: {}, workloadRef: deployment }],
    ['nothing to run', false, { ...untemplated, blueGreen: {} }],
    [
      'a StatefulSet',
      false,
      { ...untemplated, blueGreen: {}, workloadRef: { ...deployment, kind: 'StatefulSet' } },
    ],
    ['a time', true, { ...base, blueGreen: {}, restartAt: '2026-01-01T00:00:00Z' }],
    ['a day', false, { ...base, blueGreen: {}, restartAt: '2026-01-01' }],
    ['a month 13', false, { ...base, blueGreen: {}, restartAt: '2026-13-01T00:00:00Z' }],
    ['configuration', true, { ...base, blueGreen: {}, config: [{ configMap: 'a' }] }],
    ['configuration of no kind', false, { ...base, blueGreen: {}, config: [{}] }],
    ['a strategy that is null', true, { ...base, canary: null, blueGreen: {} }],
  ]
  for (const [name, isValid, spec] of rows) {
    const object = { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', metadata: { name: 'a' } }
    assert.equal(parseRollout({ ...object, spec }).ok, isValid, `zod: ${name}`)
    assert.equal(server(spec).faults.length === 0, isValid, `CRD: ${name}`)
  }
})

const explain = (...parts: unknown[]): string => JSON.stringify(parts, null, 1)

// --- The API server, as far as a spec meets it ---

function serverOf(kind: Kind): (spec: unknown) => { stored: unknown; faults: string[] } {
  const schema = rootSchema(kind).properties?.['spec']
  assert.ok(schema)
  const validate = validator(schema)
  const evaluate = evaluator()
  return (spec) => {
    const stored = admitted(schema, spec)
    const faults = [...validate(stored), ...ruleFaults(schema, stored, evaluate)]
    return { stored, faults }
  }
}

type Evaluate = (rule: string, self: unknown) => boolean

/** An error in a rule refuses the object, as it does there. */
function evaluator(): Evaluate {
  const environment = new Environment().registerVariable('self', 'dyn')
  const compiled = new Map<string, ReturnType<Environment['parse']>>()
  return (rule, self) => {
    const run = compiled.get(rule) ?? environment.parse(rule)
    compiled.set(rule, run)
    try {
      return run({ self }) === true
    } catch {
      return false
    }
  }
}

function ruleFaults(schema: Structural, value: unknown, evaluate: Evaluate): string[] {
  const own = (schema['x-kubernetes-validations'] ?? []).flatMap(({ rule, message }) =>
    evaluate(rule, value) ? [] : [message],
  )
  if (Array.isArray(value)) {
    const { items } = schema
    const below = items ? value.flatMap((item) => ruleFaults(items, item, evaluate)) : []
    return [...own, ...duplicateKeys(schema, value), ...below]
  }
  if (!isObject(value)) return own
  const below = Object.entries(value).flatMap(([key, member]) => {
    const child = childSchema(schema, key)
    return child === undefined ? [] : ruleFaults(child, member, evaluate)
  })
  return [...own, ...below]
}

function duplicateKeys(schema: Structural, items: readonly unknown[]): string[] {
  const keys = schema['x-kubernetes-list-map-keys']
  if (keys === undefined) return []
  const found = items.map((item) =>
    JSON.stringify(keys.map((key) => (isObject(item) ? item[key] : undefined))),
  )
  return new Set(found).size === found.length ? [] : ['duplicate list-map-key']
}
