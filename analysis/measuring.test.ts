// Measured checks through the analyst: what is asked when, what a restart and a dead provider change.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Check } from '../crds/check.ts'
import { type Analyst, createAnalyst, type Subject } from './analyst.ts'
import { type Provider, ProviderError } from './provider.ts'

const scrapeIntervalMs = 15_000
const fromMs = 1_800_000_000_000
const errors = Check.parse({
  ...{ name: 'errors', successRate: { min: 99 }, interval: '1m', failureLimit: 2, count: 2 },
})
const own = Check.parse({
  ...{ name: 'own', prometheus: { query: 'f{r="{{revision}}"}', max: 1 }, interval: '1m' },
})
const subject = (i: number, over: Partial<Subject> = {}): Subject => ({
  ...{ key: `shop/app-${i}`, namespace: 'shop', name: `app-${i}`, host: `app-${i}` },
  ...{ revision: `canary-${i}`, stable: `stable-${i}`, step: 0, fromMs, final: true },
  ...{ checks: [errors], minRequests: 100 },
  ...over,
})

/** Minutes since the step began in which requests of an arm fail; 1 000 requests a minute each. */
function startWorld(bad: { canary?: readonly number[]; stable?: readonly number[] } = {}) {
  const world = { nowMs: fromMs, asked: [] as { query: string; atMs: number }[], isDown: false }
  const provider: Provider = {
    async query(query, atMs) {
      world.asked.push({ query, atMs })
      if (world.isDown) throw new ProviderError('prometheus is down', { isAboutQuery: false })
      const minute = Math.floor((atMs - fromMs) / 60_000)
      const isBad = (arm: string) => bad[arm as keyof typeof bad]?.includes(minute) ?? false
      if (query.startsWith('f')) {
        return [{ labels: {}, value: isBad(query.slice(5, 11)) ? 5 : 0, atMs }]
      }
      return [...query.matchAll(/(canary|stable)-([0-9]+)/g)].flatMap(([revision, arm = '', i]) => {
        const labels = {
          destination_service_namespace: 'shop',
          destination_service_name: `app-${i}`,
          destination_canonical_revision: revision,
        }
        const failed = isBad(arm) ? 100 : 0
        return [
          { labels: { ...labels, response_code: '200' }, value: 1_000 - failed, atMs },
          { labels: { ...labels, response_code: '503' }, value: failed, atMs },
        ]
      })
    },
  }
  const analyst = () =>
    createAnalyst({ provider, clock: { now: () => world.nowMs }, scrapeIntervalMs })
  return { world, analyst }
}

type World = ReturnType<typeof startWorld>['world']

async function rounds(world: World, analyst: Analyst, options: Partial<Subject> & { to: number }) {
  const { to, ...over } = options
  const outcomes: string[] = []
  while (world.nowMs < fromMs + to * 60_000) {
    world.nowMs += scrapeIntervalMs
    const verdict = (await analyst.judge([subject(0, over)])).get('shop/app-0')
    outcomes.push(verdict?.evidence[0]?.outcome ?? 'none')
  }
  return outcomes
}

describe('a measured check', () => {
  test('asks once per interval, at instants that many rollouts share', async () => {
    const { world, analyst } = startWorld()
    const judging = analyst()
    for (let round = 1; round <= 16; round += 1) {
      world.nowMs = fromMs + round * scrapeIntervalMs
      await judging.judge(Array.from({ length: 150 }, (_, i) => subject(i, { fromMs: fromMs - i })))
    }
    const instants = world.asked.map(({ atMs }) => (atMs - fromMs) / 60_000)
    assert.deepEqual(instants, [2, 3, 4])
  })

  test('passes with its count of successes, and fails beyond its limit', async () => {
    const good = startWorld()
    assert.deepEqual((await rounds(good.world, good.analyst(), { to: 3 })).at(-1), 'Passed')
    const forgiven = startWorld({ canary: [2, 3] })
    const first = forgiven.analyst()
    assert.equal((await rounds(forgiven.world, first, { to: 4 })).at(-1), 'Inconclusive')
    assert.equal((await rounds(forgiven.world, first, { to: 5 })).at(-1), 'Passed')
    const bad = startWorld({ canary: [2, 4, 5] })
    const outcomes = await rounds(bad.world, bad.analyst(), { to: 5 })
    assert.deepEqual(outcomes.slice(-4), [...new Array(3).fill('Inconclusive'), 'Failed'])
  })

  test('says the same after a restart, because it asks about the same instants again', async () => {
    for (const canary of [[], [2, 3], [2, 4, 5], [2, 3, 4, 7]]) {
      const through = startWorld({ canary })
      const whole = await rounds(through.world, through.analyst(), { to: 9 })
      const { world, analyst } = startWorld({ canary })
      const parts: string[] = []
      for (const to of [3, 6, 9]) parts.push(...(await rounds(world, analyst(), { to })))
      assert.deepEqual(parts, whole)
    }
  })

  test('begins again with a step, a try and another definition of the check', async () => {
    const { world, analyst } = startWorld({ canary: [2, 3, 4] })
    const judging = analyst()
    assert.equal((await rounds(world, judging, { to: 4 })).at(-1), 'Failed')
    const later = { fromMs: fromMs + 240_000, step: 1 }
    assert.equal((await rounds(world, judging, { to: 9, ...later })).at(-1), 'Passed')
    const changed = { ...later, checks: [{ ...errors, count: 9 }] }
    assert.equal((await rounds(world, judging, { to: 10, ...changed })).at(-1), 'Inconclusive')
  })

  test('errs only after its limit of errors in a row, and never passes on old evidence', async () => {
    const { world, analyst } = startWorld()
    const judging = analyst()
    assert.equal((await rounds(world, judging, { to: 3 })).at(-1), 'Passed')
    world.isDown = true
    assert.equal((await rounds(world, judging, { to: 4 })).at(-1), 'Inconclusive')
    assert.equal((await rounds(world, judging, { to: 8 })).at(-1), 'Error')
    world.isDown = false
    assert.equal((await rounds(world, judging, { to: 9 })).at(-1), 'Passed')
  })

  test('holds where stable fails as well', async () => {
    const both = { canary: [2, 3, 4, 5], stable: [2, 3, 4, 5] }
    for (const check of [errors, own]) {
      const { world, analyst } = startWorld(both)
      const outcomes = await rounds(world, analyst(), { to: 5, checks: [check] })
      assert.equal(outcomes.at(-1), 'Inconclusive')
    }
    const { world, analyst } = startWorld({ canary: both.canary })
    assert.equal((await rounds(world, analyst(), { to: 5, checks: [own] })).at(-1), 'Failed')
  })
})
