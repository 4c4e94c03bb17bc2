// A check and a tick file in, lines out; and where errors say they are.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Compare } from '../../crds/compare.ts'
import { judgeFile, judgementJson } from './judge-file.ts'

const check = { name: 'errors', compare: Compare.parse({ metric: 'errors' }) }
const pod = { n: new Array<number>(60).fill(150), x: new Array<number>(60).fill(0) }
const tick = { weight: 10, canary: { n: 150, x: 8 }, stable: { n: 1_350, x: 1 } }

function ticks(over: object) {
  const file = { history: { pods: [pod, pod] }, ticks: [tick], ...over }
  return { name: 'ticks.json', text: JSON.stringify(file) }
}

const words = (file: object) => judgeFile(check, ticks(file)).ticks.map(({ verdict }) => verdict)

describe('judging a tick file', () => {
  it('gives a verdict per tick and keeps the last word', () => {
    const judgement = judgeFile(check, ticks({ ticks: new Array(7).fill(tick) }))
    assert.deepEqual(
      judgement.ticks.map(({ verdict }) => verdict),
      ['inconclusive', 'inconclusive', 'hold', 'hold', 'abort', 'abort', 'abort'],
    )
    assert.equal(judgement.verdict, 'abort')
    const lines = judgementJson(judgement).trimEnd().split('\n')
    assert.equal(lines.length, 8)
    assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), {
      check: 'errors',
      verdict: 'abort',
      because: judgement.because,
    })
  })

  it('consumes nothing while one arm is not scraped, then one joint tick', () => {
    const clean = { canary: { n: 300, x: 0 }, stable: { n: 2_700, x: 1 } }
    const gap = [{ ...clean, canary: null }, clean]
    const both = judgeFile(check, ticks({ ticks: gap })).ticks
    assert.deepEqual(
      both.map(({ canary, stable }) => [canary.requests, stable.requests]),
      [
        [0, 0],
        [300, 5_400],
      ],
    )
  })

  it('never passes without counts', () => {
    const clean = { canary: { n: 900, x: 0 }, stable: { n: 8_100, x: 1 } }
    const none = { canary: null, stable: null }
    assert.deepEqual(words({ ticks: [clean, none, none, none] }), ['pass', 'pass', 'pass', 'hold'])
    assert.deepEqual(words({ ticks: [clean, { ...clean, canary: { n: null, x: 0 } }] }), [
      'pass',
      'inconclusive',
    ])
    assert.deepEqual(words({ ticks: [] }), [])
  })

  it('uses no tick that is older than one before, or counts what nobody serves', () => {
    const at = (seconds: number, over: object = {}) => ({ ...tick, at: 1_000 * seconds, ...over })
    const huge = { canary: { n: 1e300, x: 1e299 } }
    const { ticks: found } = judgeFile(
      check,
      ticks({ ticks: [at(15), at(30, { canary: null }), at(15), at(30), at(45), at(60, huge)] }),
    )
    assert.deepEqual(
      found.map(({ canary, stable }) => [canary.requests, stable.requests]),
      [
        [150, 1_350],
        [150, 1_350],
        [150, 1_350],
        [150, 1_350],
        [300, 4_050],
        [300, 4_050],
      ],
    )
    assert.deepEqual(found.at(-1)?.notes, ['data-bad'])
  })

  it('reads a file that begins with a byte order mark', () => {
    const { name, text } = ticks({})
    assert.equal(judgeFile(check, { name, text: `\uFEFF${text}` }).ticks.length, 1)
  })

  it('reads latency per edge', () => {
    const edges = { metric: 'latency', edgesSeconds: [0.1, 0.5] }
    const slow = { n: 60, x: [] }
    const history = {
      pods: [0, 1].map(() => ({ n: pod.n, x: [pod.n.map(() => 15), pod.n.map(() => 0)] })),
    }
    const arms = { canary: { n: 150, x: [15, 0] }, stable: { n: 1_350, x: [135, 0] } }
    const judge = (ticksOf: object[]) =>
      judgeFile(
        { name: 'slow', compare: Compare.parse({ metric: 'latency' }) },
        ticks({ ...edges, history, ticks: ticksOf }),
      )
    assert.equal(judge(new Array(6).fill(arms)).verdict, 'pass')
    const stalled = { ...arms, canary: { n: 150, x: [60, 30] } }
    const last = judge(new Array(9).fill(stalled)).ticks.at(-1)
    assert.deepEqual([last?.verdict, last?.edgeSeconds], ['abort', 0.5])
    assert.throws(() => judge([{ ...arms, canary: slow }]), /ticks\[0\]\.canary\.x has 0 numbers/)
  })

  const broken: [string, { name: string; text: string }, RegExp][] = [
    ['is no JSON', { name: 'ticks.json', text: '{' }, /^ticks\.json:1:2: is not JSON: /],
    [
      'has what JSON does not know',
      { name: 'ticks.json', text: '{\n"ticks": [{ "canary": { "n": NaN, "x": 1 } }]}' },
      /^ticks\.json:2:30: is not JSON: .*: write null for what is no number$/,
    ],
    ['is empty', { name: 'ticks.json', text: '' }, /^ticks\.json: is not JSON: .* end of JSON/],
    [
      'names a day that is none',
      ticks({ ticks: [{ ...tick, at: '2026-02-31T00:00:00Z' }] }),
      /ticks\[0\]\.at: /,
    ],
    [
      'names a time beyond all calendars',
      ticks({ ticks: [{ ...tick, at: 1e300 }] }),
      /ticks\[0\]\.at: /,
    ],
    [
      'counts more than anybody serves',
      ticks({ history: { pods: [{ n: [1e300], x: [0] }] } }),
      /history\.pods\[0\]\.n\[0\]: .*at most/,
    ],
    ['lacks its ticks', ticks({ ticks: undefined }), /^ticks\.json: ticks: is required/],
    [
      'has an unknown field',
      ticks({ tics: [] }),
      /unknown field tics: known fields are metric, .*ticks/,
    ],
    [
      'has text for a count',
      ticks({ ticks: [tick, { ...tick, canary: { n: '7', x: 0 } }] }),
      /ticks\[1\]\.canary\.n: must be a number, or null for NaN/,
    ],
    [
      'has a history of unequal length',
      ticks({ history: { pods: [pod, { n: [1], x: [0] }] } }),
      /history\.pods\[1\]\.n has 1 scrapes, the first pod has 60/,
    ],
    [
      'has more bad requests than requests in its history',
      ticks({ history: { pods: [{ n: [1, 2], x: [0, 3] }] } }),
      /history\.pods\[0\]\.x\[1\] is 3, of 2 requests/,
    ],
    [
      'is of the other metric',
      ticks({ metric: 'latency', edgesSeconds: [1], ticks: [] }),
      /latency/,
    ],
  ]
  for (const [name, file, message] of broken) {
    it(`says where a tick file ${name}`, () => {
      assert.throws(() => judgeFile(check, file), { message })
    })
  }
})
