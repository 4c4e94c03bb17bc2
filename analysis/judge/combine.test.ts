import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Evidence } from '../../crds/rollout-status.ts'
import { combine } from './judge.ts'

describe('the verdict', () => {
  const trial = (final: boolean, names = ['a', 'b']) => ({
    revision: 'aaaa',
    step: 2,
    fromMs: 1_000,
    final,
    checks: names.map((name) => ({ name })),
  })
  const evidence = (...outcomes: Evidence['outcome'][]) =>
    outcomes.map((outcome, i) => ({ check: 'ab'[i] ?? '', outcome, because: outcome, at: '' }))
  for (const [outcomes, atEnd, inMiddle] of [
    [['Passed', 'Passed'], 'Passed', 'Running'],
    [['Passed', 'Failed'], 'Failed', 'Failed'],
    [['Failed', 'Error'], 'Failed', 'Failed'],
    [['Inconclusive', 'Error'], 'Error', 'Error'],
    [['Passed', 'Inconclusive'], 'Inconclusive', 'Running'],
    [['Passed'], 'Inconclusive', 'Running'],
    [[], 'Inconclusive', 'Running'],
  ] satisfies readonly (readonly [Evidence['outcome'][], string, string])[]) {
    test(`of ${outcomes.join(' and ') || 'nothing'} is ${atEnd} at the end and ${inMiddle} before`, () => {
      assert.equal(combine(trial(true), evidence(...outcomes), 5_000).outcome, atEnd)
      assert.equal(combine(trial(false), evidence(...outcomes), 5_000).outcome, inMiddle)
    })
  }

  test('without any check is never Passed', () => {
    assert.equal(combine(trial(true, []), [], 5_000).outcome, 'Inconclusive')
  })

  test('names the checks that decided, and what it speaks for', () => {
    const found = evidence('Passed', 'Failed')
    assert.deepEqual(combine(trial(true), found, 5_000), {
      revision: 'aaaa',
      step: 2,
      from: 1_000,
      at: 5_000,
      outcome: 'Failed',
      because: 'b: Failed',
      evidence: found,
    })
  })
})
