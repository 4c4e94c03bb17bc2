import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Evidence } from '../../crds/rollout-status.ts'
import { trendLimit } from '../../crds/words.ts'
import { World } from '../../test/doubles/world.ts'
import { rolloutSpec, template } from '../../test/fixtures/rollout.ts'

/** A world whose checks find these rates, one after the other. */
function measured(values: readonly number[], steps: number): World {
  const canary = { steps: Array.from({ length: steps }, () => ({ weight: 50, hold: '10s' })) }
  const world = new World(rolloutSpec({ canary }))
  world.settle()
  const snapshot = world.snapshot.bind(world)
  world.snapshot = () => {
    const seen = snapshot()
    const value = values[(seen.status.step ?? 0) % values.length] ?? 0
    const at = new Date(seen.now).toISOString()
    const found = {
      check: 'errors',
      outcome: 'Passed',
      because: '',
      value,
      stable: 99,
      at,
    } as const
    const evidence: Evidence[] = [found]
    return { ...seen, verdict: seen.verdict && { ...seen.verdict, evidence } }
  }
  world.ask(rolloutSpec({ canary, template: template('checkout:v2') }), 'c2')
  return world
}

it('a trial keeps the values of its checks step by step, how far it came and what they said', () => {
  const world = measured([99.5, 98, 97], 3)
  world.pass(60)
  const [found] = world.status.evidence ?? []
  assert.deepEqual(
    [found?.trend, found?.stableTrend],
    [
      [99.5, 98, 97],
      [99, 99, 99],
    ],
  )
  const [last] = world.status.history ?? []
  assert.deepEqual([last?.outcome, last?.progress], ['Promoted', '3/3'])
  assert.deepEqual(last?.verdicts, [{ check: 'errors', outcome: 'Passed' }])
})

it('a trend has a limit', () => {
  const world = measured([99], trendLimit + 5)
  world.pass(400)
  assert.equal(world.status.evidence?.[0]?.trend?.length, trendLimit)
})
