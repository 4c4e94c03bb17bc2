import assert from 'node:assert/strict'
import { test } from 'node:test'
import { revisionOf } from '../../crds/revision.ts'
import { found, now, status } from '../run.fixture.ts'
import { type Standing, standingOf } from './release-outcome.ts'
import { readRollout } from './rollout-view.ts'

const target = revisionOf(found.spec.template)
const commit = '9f8e7d6c5b4a'
const past = (outcome: string, over: object = {}) => ({
  revision: '77ab01cdef',
  commit,
  outcome,
  because: `it was ${outcome}`,
  startedAt: '2026-01-01T00:00:00Z',
  endedAt: '2026-01-01T00:01:00Z',
  ...over,
})
const blocked = (reason: string) => ({
  blockedBy: { reason, message: `${reason}!`, since: '2026-01-01T00:04:30Z' },
})
const stable = { phase: 'Stable', canary: undefined, step: undefined, progress: undefined }
const asked = { metadata: { annotations: { 'sluice.dev/commit': 'abcdef0123456' } } }

const rows: readonly [string, string, object, Standing['outcome'], object?][] = [
  ['a commit under trial', commit.slice(0, 7), {}, 'running'],
  ['a revision under trial', '77ab01cdef', {}, 'running'],
  ['a trial that only takes time', commit, blocked('PodsNotReady'), 'running'],
  ['a trial without enough requests', commit, blocked('Inconclusive'), 'running'],
  ['a trial that waits for approval', commit, blocked('Approval'), 'held'],
  ['a paused trial', commit, { phase: 'Paused', ...blocked('Paused') }, 'held'],
  ['the stable revision', '5d8f22aa01', {}, 'promoted'],
  ['the stable commit', '1234567', { stable: { revision: 'a', commit: '12345678' } }, 'promoted'],
  ['an aborted trial', commit, { phase: 'Aborted' }, 'reverted'],
  ['an abort of the past', commit, { ...stable, history: [past('Aborted')] }, 'reverted'],
  [
    'a trial that another one replaced',
    commit,
    { ...stable, history: [past('Superseded')] },
    'superseded',
  ],
  ['a promotion of the past', commit, { ...stable, history: [past('Promoted')] }, 'promoted'],
  [
    'the newest of two trials',
    commit,
    { ...stable, history: [past('Promoted'), past('Aborted')] },
    'promoted',
  ],
  [
    'the first release, after another one',
    'fedcba9',
    { ...stable, former: [{ revision: 'b', commit: 'fedcba98' }] },
    'promoted',
  ],
  ['a retry of what failed', commit, { history: [past('Aborted')] }, 'running'],
  ['what is not there yet', '0000000', {}, 'unseen'],
  [
    'a commit that changed no template',
    'abcdef0',
    { ...stable, stable: { revision: target } },
    'promoted',
    asked,
  ],
  [
    'a quarantined release, asked for again',
    'abcdef0',
    { phase: 'Aborted', ...blocked('Quarantined') },
    'held',
    asked,
  ],
]
for (const [what, wanted, over, outcome, object] of rows) {
  test(`${what} is ${outcome}`, () => {
    const rollout = readRollout({ ...found, ...object, status: { ...status, ...over } })
    assert.equal(standingOf(rollout, wanted, { wasSeen: false, now }).outcome, outcome)
  })
}

test('what was seen and is gone is superseded', () => {
  const rollout = readRollout(found)
  assert.equal(standingOf(rollout, '0000000', { wasSeen: true, now }).outcome, 'superseded')
})
