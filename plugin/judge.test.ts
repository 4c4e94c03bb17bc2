// A check and a tick file on disk in, what `kubectl sluice judge` prints and its exit code out.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { run } from './run.fixture.ts'

const pod = { n: new Array<number>(60).fill(150), x: new Array<number>(60).fill(0) }
const bad = { weight: 10, canary: { n: 150, x: 8 }, stable: { n: 1_350, x: 1 } }
const clean = { weight: 10, canary: { n: 900, x: 0 }, stable: { n: 8_100, x: 1 } }
const ticksOf = (ticks: readonly object[], over: object = {}) =>
  JSON.stringify({ history: { pods: [pod, pod] }, ticks, ...over })
const template = `apiVersion: sluice.dev/v1alpha1
kind: AnalysisTemplate
metadata: { name: usual }
spec:
  checks:
    - { name: errors, compare: { metric: errors } }
    - { name: slow, compare: { metric: latency } }
`

describe('judge', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'judge-'))
  })
  after(() => rm(folder, { recursive: true }))

  const judge = async (spec: string, ticks: string, ...more: readonly string[]) => {
    const [specFile, ticksFile] = [join(folder, 'check.yaml'), join(folder, 'ticks.json')]
    await writeFile(specFile, spec)
    await writeFile(ticksFile, ticks)
    const said = await run('http://127.0.0.1:1', [
      ...['judge', '--spec', specFile, '--ticks', ticksFile],
      ...more,
    ])
    return { ...said, err: said.err.replaceAll(`${folder}/`, '') }
  }
  const check = 'name: errors\ncompare: { metric: errors, to: stable }\n'

  test('prints one object per tick, then the last word', async () => {
    const { out, code } = await judge(check, ticksOf(new Array(5).fill(bad)), '--json')
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ verdict }) => verdict),
      ['inconclusive', 'inconclusive', 'hold', 'hold', 'abort', 'abort'],
    )
    assert.deepEqual(Object.keys(lines[0]), [
      ...['tick', 'at', 'verdict', 'because', 'evidence', 'abortAt', 'passEvidence'],
      ...['notes', 'canary', 'stable'],
    ])
    assert.equal(lines.at(-1).check, 'errors')
    assert.equal(code, 0)
  })

  test('prints a table for people', async () => {
    const { out } = await judge(check, ticksOf([clean]))
    assert.equal(
      out,
      `TICK  AT                    VERDICT  HARM        NO-HARM  BECAUSE
0     1970-01-01T00:00:15Z  pass     -0.38/5.30  9.00     more than 1 % is ruled out: 0 of 900 requests (0 %) of the canary failed, 1 of 8100 requests (0.0123 %) of stable
errors: pass, more than 1 % is ruled out: 0 of 900 requests (0 %) of the canary failed, 1 of 8100 requests (0.0123 %) of stable
`,
    )
  })

  const codes: readonly [string, readonly object[], number][] = [
    ['pass', [clean], 0],
    ['abort', new Array(5).fill(bad), 1],
    [
      'hold',
      [clean, { ...clean, canary: null }, ...new Array(2).fill({ ...clean, canary: null })],
      3,
    ],
    ['inconclusive', [], 4],
  ]
  for (const [verdict, ticks, code] of codes) {
    test(`ends with ${code} for ${verdict} where that was asked for`, async () => {
      assert.equal((await judge(check, ticksOf(ticks), '--exit-code')).code, code)
      assert.equal((await judge(check, ticksOf(ticks))).code, 0)
    })
  }

  test('goes on from what a run before knew, which is less than a kilobyte', async () => {
    const state = join(folder, 'state')
    const timed = Array.from({ length: 6 }, (_, i) => ({
      ...bad,
      at: 1_800_000_000_000 + i * 15_000,
    }))
    const whole = await judge(check, ticksOf(timed), '--json')
    const lastOf = ({ out }: { readonly out: string }) => out.trimEnd().split('\n').slice(-2)
    // The second run is given a tick that the first one knew, and no history.
    await judge(check, ticksOf(timed.slice(0, 3)), '--state', state)
    const rest = await judge(
      check,
      JSON.stringify({ ticks: timed.slice(2) }),
      '--json',
      '--state',
      state,
    )
    const numbered = (line = '{}') => ({ ...JSON.parse(line), tick: 0 })
    assert.deepEqual(lastOf(rest).map(numbered), lastOf(whole).map(numbered))
    assert.ok((await readFile(state, 'utf8')).length < 1_024)
    const known = await judge(check, JSON.stringify({ ticks: [] }), '--state', state)
    assert.match(known.out, /^errors: abort, /)
  })

  test('holds counts to a fixed bound, too', async () => {
    const bound = 'successRate: { min: 99 }\ninterval: 1m\n'
    const { out } = await judge(bound, ticksOf(new Array(12).fill(bad)), '--json')
    const [first, last] = [out.split('\n')[0], out.trimEnd().split('\n').at(-1)]
    assert.deepEqual(Object.keys(JSON.parse(first ?? '')), [
      ...['tick', 'at', 'verdict', 'because', 'canary', 'stable', 'windowSeconds'],
    ])
    assert.equal(JSON.parse(last ?? '').verdict, 'abort')
    const { err } = await judge(bound, ticksOf([]), '--state', join(folder, 'none'))
    assert.match(err, /--state is for compare checks/)
  })

  const states: readonly [string, string, readonly object[], RegExp][] = [
    ['is no state', 'no', [], /^error: state: the saved state has a wrong length/],
    ['meets ticks without times', '', [clean], /^error: ticks\.json: ticks\[0\]\.at: is needed/],
  ]
  for (const [name, saved, ticks, message] of states) {
    test(`says that what was saved ${name}`, async () => {
      const state = join(folder, 'state')
      await writeFile(state, saved)
      const { code, err } = await judge(check, ticksOf(ticks), '--state', state)
      assert.match(err, message)
      assert.equal(code, 2)
      assert.equal(await readFile(state, 'utf8'), saved)
    })
  }

  test('takes a check out of a template, by its name where there are several', async () => {
    const named = await judge(template, ticksOf([clean]), '--check=errors', '--json')
    assert.equal(JSON.parse(named.out.trimEnd().split('\n').at(-1) ?? '').verdict, 'pass')
    const unnamed = await judge(template, ticksOf([clean]))
    assert.equal(
      unnamed.err,
      'error: check.yaml: name one of its checks by --check: errors, slow\n',
    )
  })

  const broken: readonly [string, string, string, RegExp][] = [
    ['is no YAML', 'a: [', ticksOf([]), /^error: check\.yaml:1:\d+: /],
    [
      'is another check',
      'prometheus: { query: x, min: 1 }',
      ticksOf([]),
      /holds no check by compare, successRate or latency/,
    ],
    [
      'has a misspelt field',
      'compare: { metric: errors, marg: 2 }',
      ticksOf([]),
      /check\.yaml:1:28: unknown field compare\.marg: did you mean margin\?/,
    ],
    ['has a metric we do not know', 'compare: { metric: cpu }', ticksOf([]), /errors or latency/],
    ['is judged by broken ticks', check, '{', /^error: ticks\.json:1:2: is not JSON/],
    [
      'is judged by ticks of a wrong shape',
      check,
      ticksOf([{ ...bad, canary: { n: '7', x: 0 } }], { tics: 1 }),
      /ticks\.json: the file: unknown field tics.*\n.*ticks\[0\]\.canary\.n: must be a number/,
    ],
  ]
  for (const [name, spec, ticks, message] of broken) {
    test(`says where a check ${name}`, async () => {
      const { code, err, out } = await judge(spec, ticks)
      assert.match(err, message)
      assert.deepEqual([code, out], [2, ''])
    })
  }

  test('asks for its two files', async () => {
    const { code, err } = await run('http://127.0.0.1:1', ['judge', '--spec=a'])
    assert.match(err, /--ticks is missing/)
    assert.equal(code, 2)
  })
})
