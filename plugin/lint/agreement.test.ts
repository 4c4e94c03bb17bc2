// Random objects in; the small reader of schemas and crds/parse.ts must say the same of each, in the same words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  parseAnalysisTemplate,
  parseClusterAnalysisTemplate,
  parseGitSource,
  parseNotification,
  parseRollout,
} from '../../crds/parse.ts'
import { mutated, specs } from '../../crds/random-specs.fixture.ts'
import { compileRule } from './cel.ts'
import { checkObject } from './schema-check.ts'
import { schemas } from './schemas.ts'
import { patternMeanings } from './value-check.ts'

const parsers = {
  Rollout: parseRollout,
  AnalysisTemplate: parseAnalysisTemplate,
  ClusterAnalysisTemplate: parseClusterAnalysisTemplate,
  GitSource: parseGitSource,
  Notification: parseNotification,
}

for (const [kind, parse] of Object.entries(parsers)) {
  test(`lint and the schema of ${kind} say the same`, () => {
    const tally = { accepted: 0, refused: 0 }
    fc.assert(
      fc.property(mutated(specs[kind]!), (spec) => {
        // Of numbers that are no longer exact zod names another bound.
        fc.pre(!JSON.stringify(spec).includes(String(2 ** 53)))
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
