import assert from 'node:assert/strict'
import { test } from 'node:test'
import { found, now, status } from '../run.fixture.ts'
import { blockerOf } from './blocker.ts'
import { stoodAt } from './past.ts'
import { readRollout } from './rollout-view.ts'

const history = [
  {
    revision: 'bad',
    outcome: 'Aborted',
    because: 'too many failed',
    startedAt: '2026-01-01T00:02:00Z',
    endedAt: '2026-01-01T00:03:00Z',
  },
  {
    revision: 'good',
    outcome: 'Promoted',
    because: 'all is well',
    startedAt: '2026-01-01T00:00:00Z',
    endedAt: '2026-01-01T00:01:00Z',
  },
]
const blockedBy = { reason: 'Approval', message: 'promote it', since: '2026-01-01T00:04:30Z' }
const rollout = readRollout({
  ...found,
  metadata: { ...found.metadata, creationTimestamp: '2025-12-31T00:00:00Z' },
  status: { ...status, startedAt: '2026-01-01T00:03:30Z', history, blockedBy },
})

const rows: readonly [string, RegExp][] = [
  ['00:04:45', /^promote it$/],
  ['00:04:10', /^revision 77ab01cdef starts with .*; nothing was waiting for a person yet$/],
  ['00:03:45', /^revision 77ab01cdef was under trial, at a step before this one$/],
  [
    '00:03:10',
    /^no trial was under way: revision good served all traffic since bad had ended as Ab/,
  ],
  ['00:02:30', /^revision bad was under trial; it ended as Aborted 30s later: too many failed$/],
  [
    '00:01:30',
    /^no trial was under way: revision good served all traffic since good had ended as Pr/,
  ],
]
for (const [at, because] of rows) {
  test(`at ${at} it stood where the status and the history say`, () => {
    assert.match(stoodAt(rollout, Date.parse(`2026-01-01T${at}Z`), now).because, because)
  })
}

test('what was before the history is not known, and that is said', () => {
  const answer = stoodAt(rollout, Date.parse('2025-12-31T12:00:00Z'), now)
  assert.equal(answer.because, 'not known')
  assert.match(answer.known, /the oldest began at 2026-01-01T00:00:00.000Z/)
  const before = stoodAt(rollout, Date.parse('2025-12-30T00:00:00Z'), now)
  assert.equal(before.because, 'the rollout did not exist yet')
})

const blockers: readonly [object, string | null, boolean?][] = [
  [{}, 'Checking', false],
  [{ since: '2026-01-01T00:04:50Z' }, 'Holding', false],
  [{ blockedBy }, 'Approval', true],
  [{ blockedBy: { ...blockedBy, reason: 'Paused' } }, 'Paused', true],
  [{ blockedBy: { ...blockedBy, reason: 'PodsNotReady' } }, 'PodsNotReady', false],
  [{ blockedBy: { ...blockedBy, reason: 'OfTheFuture' } }, 'OfTheFuture', false],
  [{ phase: 'Stable' }, null],
  [{ phase: 'Paused' }, 'Paused', true],
  [{ phase: 'Aborted' }, 'Quarantined', true],
  [{ phase: undefined }, 'Unseen', false],
]
for (const [over, reason, needsPerson] of blockers) {
  test(`${JSON.stringify(over)} waits for ${reason}`, () => {
    const blocker = blockerOf(readRollout({ ...found, status: { ...status, ...over } }), now)
    assert.deepEqual([blocker?.reason ?? null, blocker?.needsPerson], [reason, needsPerson])
  })
}
