// Four quiet hours, and noisy ones, in; what a backtest says of them out.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Check } from '../../crds/check.ts'
import type { PodHistory } from '../compare/counts.ts'
import { noTrials, summaryOf, tried } from './backtest.ts'
import { binomial, chances } from './chance.ts'
import type { Past } from './past.ts'
import { windowsOf } from './trial.ts'

const scrapeMs = 15_000
const fromMs = Date.UTC(2026, 0, 10)
const hours = (count: number) => count * 3_600_000
const options = {
  check: Check.parse({ name: 'errors', compare: { metric: 'errors' } }),
  ...{ checks: 2, trialMs: 600_000, seed: 1, minRequests: 100 },
}

/** Pods with 100 requests a scrape, of which a share fails; `odd` is the share of the first one. */
function pods(count: number, shares: { usual: number; odd?: number }): PodHistory[] {
  return Array.from({ length: count }, (_, i) => {
    const chance = chances(i + 1)
    const share = i === 0 ? (shares.odd ?? shares.usual) : shares.usual
    const n = new Array<number>(hours(4) / scrapeMs).fill(100)
    return { n, x: [n.map((requests) => binomial(requests, share, chance))] }
  })
}

const past = (revisions: readonly (readonly PodHistory[])[]): Past => ({
  ...{ metric: 'errors', fromMs, scrapeMs, edgesSeconds: [], revisions },
})
const backtest = (one: Past) => summaryOf(tried(noTrials, one, { ...options, fromMs }), options)

describe('a backtest', () => {
  test('tries stable pods after an hour of history, and aborts none that are alike', () => {
    const { trials, aborts, days, power, passes } = backtest(past([pods(5, { usual: 0.002 })]))
    assert.deepEqual([trials, aborts, days], [18 * 4, 0, 1])
    assert.ok(passes > 60, `${passes} passes`)
    const found = new Map(power.map(({ risePoints, foundPercent }) => [risePoints, foundPercent]))
    assert.ok((found.get(0.5) ?? 100) < 80 && (found.get(5) ?? 0) > 90, JSON.stringify(power))
    const times = power.flatMap(({ medianSeconds }) => medianSeconds ?? [])
    assert.equal(times.at(-1), 30)
  })

  test('says the same twice', () => {
    const one = past([pods(3, { usual: 0.01 })])
    assert.deepEqual(backtest(one), backtest(one))
  })

  test('finds that a service has pods that differ, from what came before', () => {
    const differ = backtest(past([pods(5, { usual: 0.002, odd: 0.05 })]))
    const alike = backtest(past([pods(5, { usual: 0.002 })]))
    assert.ok(differ.rho > 2 * alike.rho, `${differ.rho} and ${alike.rho}`)
  })

  test('leaves out what was a rollout, what one pod served alone, and what was tried before', () => {
    const two = [pods(3, { usual: 0 }), pods(3, { usual: 0 })]
    const usual = { historyMs: hours(1), trialMs: 600_000, fromMs }
    assert.equal(windowsOf(past(two), usual).length, 0)
    assert.equal(windowsOf(past([pods(1, { usual: 0 })]), usual).length, 0)
    assert.equal(windowsOf(past([]), usual).length, 0)
    assert.equal(windowsOf(past([pods(2, { usual: 0 })]), usual).length, 18)
    const later = { ...usual, fromMs: fromMs + hours(3) }
    assert.equal(windowsOf(past([pods(2, { usual: 0 })]), later).length, 6)
  })

  test('holds pods to fixed bounds, as one and by measurements', () => {
    const bounds = (usual: number, limits: object) => {
      const check = Check.parse({ name: 'rate', successRate: { min: 99 }, ...limits })
      const one = { ...options, check }
      return summaryOf(tried(noTrials, past([pods(5, { usual })]), { ...one, fromMs }), one)
    }
    const whole = bounds(0.002, {})
    assert.deepEqual([whole.aborts, whole.passes], [0, 72])
    const found = new Map(
      whole.power.map(({ risePoints, foundPercent: part }) => [risePoints, part]),
    )
    assert.deepEqual([found.get(0.5), found.get(5)], [0, 100])
    // One bad minute of ten is enough for a gate without patience, where 0.8 % fail as a rule.
    const strict = bounds(0.008, { interval: '1m' })
    const patient = bounds(0.008, { interval: '1m', failureLimit: 8 })
    assert.ok(
      strict.abortPercent > 80 && patient.abortPercent < 5,
      JSON.stringify([strict, patient]),
    )
    // What all pods do alike is no fault of one.
    assert.equal(bounds(0.03, {}).aborts, 0)
  })

  test('says nothing of nothing', () => {
    const nothing = backtest(past([]))
    assert.deepEqual([nothing.trials, nothing.abortPercent, nothing.power], [0, 0, []])
    assert.deepEqual(nothing.abortedDays, { days: 0, percent: [0, 100] })
  })
})

test('chances are those of a binomial, few and many', () => {
  for (const [tries, share] of [
    [100, 0.05],
    [10_000, 0.2],
    [50, 0],
    [50, 1],
  ] as const) {
    const chance = chances(7)
    const draws = Array.from({ length: 4_000 }, () => binomial(tries, share, chance))
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length
    const error = Math.sqrt((tries * share * (1 - share)) / draws.length)
    assert.ok(Math.abs(mean - tries * share) <= 4 * error + 1e-9, `${mean} of ${tries}`)
    assert.ok(draws.every((draw) => draw >= 0 && draw <= tries))
  }
})
