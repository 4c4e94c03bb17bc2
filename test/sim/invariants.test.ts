import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { heldBy, notApplicable, rules } from './invariants.ts'

const numbered = (letter: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${letter}${i + 1}`)

const research = [
  ...numbered('T', 9),
  ...numbered('V', 8),
  ...numbered('M', 5),
  ...numbered('G', 7),
  ...numbered('A', 9),
  ...numbered('H', 5),
  ...numbered('Z', 3),
  ...numbered('L', 5),
]

describe('the invariants of the research', () => {
  const known = new Set(rules.map(({ name }) => name))

  it('are 51', () => assert.equal(research.length, 51))

  for (const name of research) {
    it(`${name} is a rule, or it is said what holds it`, () => {
      const places = [known.has(name), name in heldBy, name in notApplicable]
      assert.equal(places.filter(Boolean).length, 1)
    })
  }
})
