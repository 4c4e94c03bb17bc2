// What the engine promises beyond its reference values: bounds, order, restarts, bad data.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { History, Tick } from './counts.ts'
import { evidenceOf, replay, type State, start, step } from './engine.ts'
import { load, maxSavedLength, save } from './saved-state.ts'
import { errorsSpec, latencySpec, type Spec } from './spec.ts'
import { verdict } from './verdict.ts'

const scrapeMs = errorsSpec.scrapeMs

function tick(over: { k?: number; canary?: [number, number]; stable?: [number, number] }): Tick {
  const { k = 0, canary = [150, 0], stable = [1_350, 1] } = over
  return {
    atMs: (k + 1) * scrapeMs,
    canary: { n: canary[0], x: [canary[1]] },
    stable: { n: stable[0], x: [stable[1]] },
  }
}

function history(pods: number, scrapes = 60): History {
  return {
    pods: Array.from({ length: pods }, () => ({
      n: new Array<number>(scrapes).fill(150),
      x: [Array.from({ length: scrapes }, (_, i) => (i % 8 === 0 ? 1 : 0))],
    })),
  }
}

function run(ticks: readonly Tick[], spec: Spec = errorsSpec, past = history(9)): State {
  return replay(start(spec, past), ticks)
}

const series = (count: number, over: Parameters<typeof tick>[0]) =>
  Array.from({ length: count }, (_, k) => tick({ ...over, k }))

describe('the verdict of a comparison', () => {
  const bad: [number, number] = [150, 8]
  const rows: { name: string; ticks: Tick[]; past?: History; verdict: string; notes: string[] }[] =
    [
      { name: 'no ticks', ticks: [], verdict: 'inconclusive', notes: ['no-traffic'] },
      { name: 'a few requests', ticks: series(1, {}), verdict: 'inconclusive', notes: [] },
      { name: 'healthy traffic', ticks: series(4, {}), verdict: 'pass', notes: [] },
      {
        name: 'a fault of 5 points',
        ticks: series(6, { canary: bad }),
        verdict: 'abort',
        notes: [],
      },
      {
        name: 'a gross fault',
        ticks: series(3, { canary: [150, 60] }),
        verdict: 'abort',
        notes: [],
      },
      {
        name: 'no canary traffic',
        ticks: series(9, { canary: [0, 0] }),
        verdict: 'inconclusive',
        notes: ['no-traffic'],
      },
      {
        name: 'both arms bad',
        ticks: series(6, { canary: [150, 15], stable: [1_350, 135] }),
        verdict: 'hold',
        notes: ['environment-unhealthy'],
      },
      {
        name: 'traffic that does not follow the weight',
        ticks: series(4, {}).map((one) => ({ ...one, weightPercent: 40 })),
        verdict: 'hold',
        notes: ['traffic-mismatch'],
      },
      {
        name: 'a canary that restarts',
        ticks: series(4, {}).map((one) => ({ ...one, canaryRestarts: 1 })),
        verdict: 'hold',
        notes: ['canary-restarts'],
      },
      {
        name: 'a gross fault of which history taught nothing',
        ticks: series(16, { canary: [150, 60] }),
        past: history(1),
        verdict: 'abort',
        notes: ['little-history'],
      },
    ]
  for (const { name, ticks, past, verdict: expected, notes } of rows) {
    it(`is ${expected} for ${name}`, () => {
      const found = verdict(run(ticks, errorsSpec, past))
      assert.deepEqual([found.verdict, found.notes], [expected, notes], found.because)
    })
  }

  it('stays abort when the canary recovers', () => {
    const state = run(series(6, { canary: bad }))
    const later = Array.from({ length: 60 }, (_, i) => tick({ k: 6 + i }))
    assert.equal(verdict(replay(state, later)).verdict, 'abort')
  })

  it('is hold once counts are old', () => {
    const state = run(series(4, {}))
    assert.deepEqual(
      [2, 3].map((scrapes) => verdict(state, state.atMs + scrapes * scrapeMs).verdict),
      ['pass', 'hold'],
    )
  })
})

describe('bad counts', () => {
  const rows: [string, Partial<Tick>][] = [
    ['NaN', { canary: { n: 150, x: [Number.NaN] } }],
    ['infinity', { stable: { n: Number.POSITIVE_INFINITY, x: [1] } }],
    ['a negative count', { canary: { n: -1, x: [0] } }],
    ['more bad requests than requests', { canary: { n: 3, x: [4] } }],
    ['a missing count', { stable: { n: 10, x: [] } }],
  ]
  for (const [name, over] of rows) {
    it(`of the kind "${name}" are never used and never passed`, () => {
      const before = run(series(4, {}))
      const after = step(before, { ...tick({ k: 4 }), ...over })
      assert.deepEqual(after, { ...before, atMs: 5 * scrapeMs, isDataBad: true })
      assert.deepEqual(
        [verdict(after).verdict, verdict(after).notes],
        ['inconclusive', ['data-bad']],
      )
      assert.equal(verdict(step(after, tick({ k: 5 }))).verdict, 'pass')
    })
  }
})

const anyTicks = fc.array(
  fc.record({
    canaryN: fc.nat(400),
    canaryShare: fc.double({ min: 0, max: 1, noNaN: true }),
    stableN: fc.nat(4_000),
    stableShare: fc.double({ min: 0, max: 0.1, noNaN: true }),
  }),
  { maxLength: 40 },
)

function ticksOf(rows: readonly { [name: string]: number }[]): Tick[] {
  return rows.map(({ canaryN = 0, canaryShare = 0, stableN = 0, stableShare = 0 }, k) =>
    tick({
      k,
      canary: [canaryN, Math.floor(canaryN * canaryShare ** 4)],
      stable: [stableN, Math.floor(stableN * stableShare)],
    }),
  )
}

describe('a state', () => {
  it('is the same whatever the order and the repetition of ticks', () => {
    const property = fc.property(anyTicks, fc.nat(40), fc.nat(40), (rows, from, to) => {
      const ticks = ticksOf(rows)
      const once = run(ticks)
      assert.deepEqual(run(ticks.toReversed()), once)
      const restarted = replay(run(ticks.slice(0, to)), ticks.slice(Math.min(from, to)))
      assert.deepEqual(restarted, once)
    })
    fc.assert(property, { numRuns: 40, seed: 1 })
  })

  it('is saved and loaded to the last bit, between any two ticks', () => {
    const property = fc.property(anyTicks, fc.nat(2), (rows, pods) => {
      let state = start(errorsSpec, history(pods))
      for (const one of ticksOf(rows)) {
        state = step(load(errorsSpec, save(state)), one)
        assert.deepEqual(load(errorsSpec, save(state)), state)
      }
    })
    fc.assert(property, { numRuns: 20, seed: 2 })
  })

  it('takes less than a kilobyte, for five edges of latency too', () => {
    const shares = [1, 0.9, 0.8, 0.6, 0.5, 0.3, 0.2, 0.1, 0.02, 0, 0, 0]
    const arm = (n: number) => ({ n, x: shares.map((share) => Math.round(n * share)) })
    const pod = {
      n: new Array<number>(60).fill(1_000),
      x: shares.map((share) => new Array<number>(60).fill(1_000 * share)),
    }
    for (const pods of [[pod, pod], [pod], []]) {
      let state = start(latencySpec, { pods })
      for (let k = 0; k < 9; k += 1) {
        state = step(state, {
          atMs: 1.8e12 + k * scrapeMs,
          canary: arm(7_919),
          stable: arm(104_729),
        })
      }
      assert.equal(state.lanes.length, 5)
      assert.ok(save(state).length <= maxSavedLength, `${save(state).length} characters`)
      assert.deepEqual(load(latencySpec, save(state)), state)
    }
  })

  it('is refused where the saved text is damaged', () => {
    const text = save(run(series(4, {})))
    for (const bad of ['', 'x', text.slice(5), `"${text.slice(1)}`, text.slice(0, 50), '#####']) {
      assert.throws(() => load(errorsSpec, bad), /saved state/, bad)
    }
  })

  it('gains no evidence from empty ticks', () => {
    const state = run(series(5, { canary: [150, 3] }))
    const later = Array.from({ length: 9 }, (_, i) =>
      tick({ k: 5 + i, canary: [0, 0], stable: [900, 7] }),
    )
    const drift = Math.abs(evidenceOf(replay(state, later)) - evidenceOf(state))
    assert.ok(drift < 1e-9, `drifted by ${drift}`)
  })
})

describe('the promise on false aborts', () => {
  it('holds on the edge of the margin: the mean of E is at most 1', () => {
    const spec = { ...errorsSpec, warmupMs: 0, deadlineMs: 12 * scrapeMs }
    let seed = 12_345
    const uniform = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff
      return seed / 0x8000_0000
    }
    const failed = (n: number, p: number) => {
      let count = 0
      for (let i = 0; i < n; i += 1) if (uniform() < p) count += 1
      return count
    }
    const past = history(2)
    const initial = start(spec, { pods: past.pods.map(({ n }) => ({ n, x: [n.map(() => 0)] })) })
    let sum = 0
    const runs = 1_500
    for (let i = 0; i < runs; i += 1) {
      let state = initial
      for (let k = 0; k < 12; k += 1) {
        const [canary, stable] = [failed(20, 0.02 * spec.marginRatio), failed(60, 0.02)]
        state = step(state, tick({ k, canary: [20, canary], stable: [60, stable] }))
      }
      sum += Math.exp(evidenceOf(state))
    }
    assert.ok(sum / runs <= 1, `the mean of E is ${sum / runs}`)
  })

  it('starts from no evidence at all', () => {
    assert.ok(Math.abs(evidenceOf(start(errorsSpec, history(2)))) < 1e-12)
    assert.equal(step(start(errorsSpec, history(2)), tick({ k: -1 })).atMs, 0)
  })
})
