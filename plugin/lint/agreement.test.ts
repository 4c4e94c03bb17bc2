// Random objects in; the small reader of schemas and crds/parse.ts must say the same of each, in the same words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  parseAnalysisTemplate,
  parseGitSource,
  parseNotification,
  parseRollout,
} from '../../crds/parse.ts'
import { isRecord } from '../json.ts'
import { compileRule } from './cel.ts'
import { checkObject } from './schema-check.ts'
import { schemas } from './schemas.ts'
import { patternMeanings } from './value-check.ts'

const parsers = {
  Rollout: parseRollout,
  AnalysisTemplate: parseAnalysisTemplate,
  GitSource: parseGitSource,
  Notification: parseNotification,
}

for (const [kind, parse] of Object.entries(parsers)) {
  test(`lint and the schema of ${kind} say the same`, () => {
    const tally = { accepted: 0, refused: 0 }
    fc.assert(
      fc.property(mutated(specs[kind]!), (spec) => {
        const object = { apiVersion: 'sluice.dev/v1alpha1', kind, metadata: { name: 'a' }, spec }
        const parsed = parse(object)
        const checked = checkObject(schemas[kind]!, object)
        const problems = parsed.ok ? [] : parsed.problems
        // What a misspelt field was meant for is a guess, and it decides what else is told.
        const isGuess = (message: string) => message.startsWith('unknown field')
        const hasGuess = problems.some(({ message }) => isGuess(message))
        const said = (all: readonly { message: string }[]) =>
          all
            .map(({ message }) => message.replace(/(?<= \d+) (labels|arguments)$/, ' entries'))
            .filter((message) => !hasGuess || isGuess(message))
            .sort()
        assert.deepEqual(said(checked.problems), said(problems))
        assert.equal(checked.problems.length === 0, parsed.ok)
        if (parsed.ok) assert.deepEqual(checked.value, parsed.value)
        tally[parsed.ok ? 'accepted' : 'refused'] += 1
      }),
      { seed: 20_260_101, numRuns: kind === 'Rollout' ? 1_500 : 300 },
    )
    assert.ok(Math.min(...Object.values(tally)) >= 5, `lopsided cases: ${JSON.stringify(tally)}`)
  })
}

// --- Specs: valid ones, then mutated ---

const base = {
  selector: { matchLabels: { app: 'checkout' } },
  template: { spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  traffic: { istio: { host: 'checkout' } },
}

const duration = fc.constantFrom('0s', '500ms', '30s', '5m', '29m59s', '1h', '1h30m', '8760h')
const name = fc.constantFrom('a', 'b-1', 'errors', 'latency')
const bound = fc.constantFrom(0, 0.01, 99, 100)

const check = fc.oneof(
  fc.record({ name, successRate: fc.record({ min: bound }) }),
  fc.record({ name, latency: fc.record({ max: duration }) }),
  fc.record({ name, prometheus: fc.record({ query: fc.constant('up'), max: bound }) }),
)

const analysis = fc.record(
  {
    checks: fc.uniqueArray(check, { minLength: 1, maxLength: 3, selector: (item) => item.name }),
    templateRef: fc.record({ name, args: fc.constant({ host: 'web' }) }),
    minRequests: fc.constantFrom(1, 100),
    onError: fc.constantFrom('pause', 'abort'),
  },
  { requiredKeys: ['checks'] },
)

const step = fc.record(
  { weight: fc.integer({ min: 0, max: 100 }), hold: duration, approval: fc.boolean() },
  { requiredKeys: ['weight'] },
)

const strategy = fc.oneof(
  fc.array(step, { minLength: 1, maxLength: 4 }).map((steps) => ({
    canary: { steps: steps.toSorted((a, b) => a.weight - b.weight) },
  })),
  fc.record({ hold: duration }, { requiredKeys: [] }).map((blueGreen) => ({ blueGreen })),
)

const rollout = fc
  .record(
    {
      replicas: fc.integer({ min: 0, max: 9 }),
      progressDeadline: duration,
      analysis,
      revert: fc.constantFrom({}, { mode: 'off' }),
    },
    { requiredKeys: [] },
  )
  .chain((fields) => strategy.map((chosen) => ({ ...base, ...fields, ...chosen })))

const specs: Record<string, fc.Arbitrary<unknown>> = {
  Rollout: rollout,
  AnalysisTemplate: fc.record(
    {
      args: fc.constantFrom<object[]>(
        [],
        [{ name: 'host' }, { name: 'path', value: '/' }],
        ...(['number', 'duration', 'string'] as const).flatMap((type) =>
          ['successRate.min', 'latency.max', 'interval', 'up'].map((field) => [
            { name: 'a', type, sets: [{ check: 'errors', field }] },
          ]),
        ),
      ),
      checks: fc.uniqueArray(check, { minLength: 1, maxLength: 3, selector: (item) => item.name }),
    },
    { requiredKeys: ['checks'] },
  ),
  Notification: fc.oneof(
    ...[
      { slack: { secretRef: { name: 'slack' } } },
      { teams: { secretRef: { name: 'teams' } } },
      { webhook: { url: 'https://events.example.com/sluice' } },
      { github: { repository: 'https://github.com/a/b', secretRef: { name: 'token' } } },
      { gitlab: { repository: 'https://gitlab.com/a/b', api: 'https://gl.x/api' }, text: '{' },
    ].map((provider) =>
      fc
        .record(
          {
            selector: fc.constant({ matchLabels: { team: 'a' } }),
            reasons: fc.constantFrom(['Aborted'], ['Started', 'Promoted']),
            text: fc.constantFrom('{{name}}: {{because}}', 'on { {{name}} {', '{{name}'),
            suspend: fc.boolean(),
          },
          { requiredKeys: [] },
        )
        .map((fields) => ({ ...provider, ...fields })),
    ),
  ),
  GitSource: fc.record(
    {
      repository: fc.constantFrom(
        'https://git.example.com/shop.git',
        'ssh://git@example.com/shop',
        'https://user:secret@git.example.com/shop',
      ),
      branch: fc.constantFrom('main', 'release/1'),
      include: fc.constantFrom([], ['**/*.yaml']),
      author: fc.constantFrom({}, { name: 'Shop' }),
    },
    { requiredKeys: ['repository'] },
  ),
}

const strange = fc.constantFrom<unknown[]>(
  ...[null, true, 0, -1, 1, 101, 1.5, 1e9, 2 ** 50, '', 'x', 'A b', '1d', '30', '99999h', '45m'],
  ...['x'.repeat(300), 'x'.repeat(5_000), 'https://u:p@host/x', 'on', [], [null], {}, { a: 1 }],
  ...[{ a: null }, { weight: 0 }, [{ weight: 9 }, { weight: 8 }], { ['k'.repeat(400)]: 'v' }],
  Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, 'v'])),
)

/** Up to three changes at random places: another value, a field removed, added or doubled. */
function mutated(spec: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({
    at: fc.nat(10_000),
    how: fc.constantFrom('replace', 'remove', 'add', 'double'),
    value: strange,
    key: fc.constantFrom('extra', 'canary', 'blueGreen', 'min', 'hosts', 'delegate', 'steps'),
  })
  return fc.tuple(spec, fc.array(change, { maxLength: 3 })).map(([value, changes]) => {
    const copy = structuredClone(value)
    for (const { at, how, value: other, key } of changes) {
      const places = placesOf(copy)
      const place = places[at % places.length]
      if (place === undefined) continue
      const [owner, field] = place
      if (how === 'replace') owner[field] = structuredClone(other)
      else if (how === 'remove') delete owner[field]
      else if (how === 'double') owner[field] = [owner[field], owner[field]].flat()
      else if (isRecord(owner[field])) Object.assign(owner[field], { [key]: other })
    }
    return JSON.parse(JSON.stringify(copy))
  })
}

function placesOf(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null) return []
  const owner = value as Record<string, unknown>
  return Object.keys(owner).flatMap((key) => [[owner, key], ...placesOf(owner[key])])
}

test('every pattern of the schemas has its meaning in words', () => {
  const patterns = new Set<string>()
  JSON.stringify(schemas, (key, value) => {
    if (key === 'pattern' && typeof value === 'string') patterns.add(value)
    return value
  })
  const remedy = 'remedy: give it words in patternMeanings, those of crds/*.ts'
  assert.deepEqual([...patterns].sort(), Object.keys(patternMeanings).sort(), remedy)
})

test('every rule of the API compiles', () => {
  const compiled: string[] = []
  JSON.stringify(schemas, (key, value) => {
    if (key === 'rule') compiled.push(compileRule(value) && value)
    return value
  })
  assert.ok(compiled.length > 10)
})
