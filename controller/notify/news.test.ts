import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newsReasons } from '../../crds/news-words.ts'
import { announced, sources, waits } from '../rollout/reasons.ts'
import { filled, newsOf, newsOfStatus } from './news.ts'
import { newsFor, nowMs, rolloutObject } from './notify.fixture.ts'

const at = new Date(nowMs).toISOString()
const plain = (value: string) => value

test('what a stored status says has the identity that it had when it happened', () => {
  const release = { revision: '77ab01cdef' }
  const rows: [reason: string, status: object][] = [
    ['Aborted', { phase: 'Aborted', since: at }],
    ['Paused', { phase: 'Paused', reason: 'person', since: at }],
    ['Stalled', { phase: 'Paused', reason: 'inconclusive', since: at }],
    ['Started', { phase: 'Progressing', since: at, startedAt: at }],
    [
      'Promoted',
      {
        phase: 'Stable',
        history: [{ ...release, outcome: 'Promoted', because: '', startedAt: at, endedAt: at }],
      },
    ],
    ['Approval', { blockedBy: { reason: 'Approval', message: 'promote it', since: at } }],
    ['RevertNeedsHuman', { revert: { state: 'NeedsHuman', bad: release, because: '', at } }],
  ]
  for (const [reason, status] of rows) {
    const told = newsOf(rolloutObject(), { reason, note: '' }, { at: nowMs })
    const found = newsOfStatus(rolloutObject(status))
    assert.deepEqual(
      found.map(({ id, reason }) => [id, reason]),
      [[told?.id, reason]],
      reason,
    )
  }
})

test('a status that says nothing of interest is no news', () => {
  const rows: object[] = [
    {},
    { phase: 'Stable' },
    { phase: 'Progressing', since: at, startedAt: '2026-01-01T11:00:00Z' },
    { blockedBy: { reason: 'PodsNotReady', message: '', since: at } },
    { revert: { state: 'Requested', bad: { revision: 'x' }, because: '', at } },
    { phase: 'Aborted', since: 'yesterday' },
    { phase: 7 },
  ]
  for (const status of rows) assert.deepEqual(newsOfStatus(rolloutObject(status)), [])
})

test('values pass the escaping of the receiver, and are never read as a text themselves', () => {
  const news = newsFor('Aborted', '{{commit}} <b>')
  const text = '{{name}} {{weight}} {{because}} {{revision}} {{unknown}} {name}'
  assert.equal(
    filled(text, news, (value) => value.replaceAll('<', '&lt;')),
    'checkout 0 % {{commit}} &lt;b> 77ab01cdef {{unknown}} {name}',
  )
  assert.equal(filled('{{stable}}', newsFor('Promoted'), plain), '11aa22bb33')
})

test('every reason that can be told is a reason of the controller', () => {
  const known = { ...announced, ...waits, ...sources }
  for (const reason of newsReasons) assert.ok(Object.hasOwn(known, reason), reason)
})
