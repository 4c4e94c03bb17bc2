import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { durationMs, formatDuration, isDuration } from './duration.ts'
import { Duration } from './fields.ts'

test('durations are read in ms, s, m and h, added up', () => {
  const rows: [string, number][] = [
    ['0s', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1m1m', 120_000],
    ['1s1ms', 1_001],
    ['8760h', 365 * 86_400_000],
  ]
  for (const [text, ms] of rows) assert.equal(durationMs(text), ms, text)
})

test('anything else is refused by the reader and the schema alike', () => {
  const rows = ['', '10', '-1s', '+1s', '1.5h', '1 s', ' 1s', '1d', '1S', '1s\n', '8761h', 'PT5M']
  for (const text of [...rows, '1h'.repeat(17), `${'9'.repeat(10)}s`]) {
    assert.equal(Duration.safeParse(text).success, false, text)
    if (text.length <= 32) assert.equal(isDuration(text), false, text)
  }
  assert.throws(() => durationMs('soon'), {
    message: '"soon" is not a duration such as 500ms, 30s or 1h30m',
  })
})

test('lengths of time are shown with at most two units', () => {
  const rows: [number, string][] = [
    [-5, '0s'],
    [0, '0s'],
    [0.4, '0ms'],
    [999, '999ms'],
    [1_400, '1s'],
    [59_999, '1m'],
    [5_400_000, '1h30m'],
    [3_601_000, '1h1s'],
    [90_061_000, '1d1h'],
  ]
  for (const [ms, text] of rows) assert.equal(formatDuration(ms), text)
})

test('whole seconds and minutes below a day come back as they were', () => {
  const below = fc.integer({ min: 0, max: 3_599 }).map((seconds) => seconds * 1_000)
  fc.assert(
    fc.property(below, (ms) => assert.equal(durationMs(formatDuration(ms)), ms)),
    { seed: 7, numRuns: 200 },
  )
})
