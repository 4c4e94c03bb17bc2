import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RolloutStatus } from '../../crds/rollout-status.ts'
import { type Mailbox, put, settle, statusOf } from './mailbox.ts'
import { type News, newsOf } from './news.ts'
import { notificationObject, nowMs, rolloutObject, specOf } from './notify.fixture.ts'
import type { Answer } from './post.ts'

const spec = { slack: { secretRef: { name: 'receiver' } } }

function emptyBox(): Mailbox {
  const standing = { reason: 'Waiting', message: '' } as const
  return {
    ...{ key: 'shop/releases', object: notificationObject(spec), spec: specOf(spec), letters: [] },
    ...{ recent: [], toldUntilMs: nowMs, standing, isStale: false },
  }
}

function newsAt(afterMs: number): News {
  const after = { status: RolloutStatus.parse({}), at: nowMs + afterMs }
  const news = newsOf(rolloutObject(), { reason: 'Aborted', note: '' }, after)
  assert.ok(news)
  return news
}

const said = (box: Mailbox) => statusOf(box, {}, '2026-01-01T13:00:00Z')

test('the time until which all is told never passes a message that waits', () => {
  const box = emptyBox()
  for (const afterMs of [1_000, 3_000, 2_000]) put(box, newsAt(afterMs), 0)
  const told = () => {
    const [letter] = box.letters
    assert.ok(letter)
    const answer: Answer = { kind: 'delivered' }
    settle(box, letter, { answer, nowMs: 0, random: 0 })
    return said(box).toldUntil
  }
  assert.deepEqual(
    [told(), told(), told()],
    ['2026-01-01T12:00:01.000Z', '2026-01-01T12:00:01.999Z', '2026-01-01T12:00:02.000Z'],
  )
})

test('the same news are put once, and told once', () => {
  const box = emptyBox()
  put(box, newsAt(1), 0)
  put(box, newsAt(1), 0)
  assert.equal(box.letters.length, 1)
  const [letter] = box.letters
  assert.ok(letter)
  settle(box, letter, { answer: { kind: 'delivered' }, nowMs: 0, random: 0 })
  put(box, newsAt(1), 0)
  assert.equal(box.letters.length, 0)
})

test('waits grow, heed what was asked for, and end after an hour', () => {
  const later = (retryAfterMs = 0): Answer => ({ kind: 'later', because: 'no', retryAfterMs })
  const rows: [answer: Answer, attempts: number, nowMs: number, outcome: string, waitMs: number][] =
    [
      [later(), 0, 0, 'failed', 1_000],
      [later(), 3, 0, 'failed', 8_000],
      [later(), 20, 0, 'failed', 150_000],
      [later(90_000), 0, 0, 'failed', 90_000],
      [{ kind: 'refused', because: 'no' }, 0, 0, 'failed', 60_000],
      [{ kind: 'never', because: 'no' }, 0, 0, 'dropped', 0],
      [later(), 20, 3_600_000, 'dropped', 0],
    ]
  for (const [answer, attempts, now, outcome, waitMs] of rows) {
    const box = emptyBox()
    put(box, newsAt(1), 0)
    const [letter] = box.letters
    assert.ok(letter)
    letter.attempts = attempts
    const row = `${answer.kind} after ${attempts}`
    assert.equal(settle(box, letter, { answer, nowMs: now, random: 0 }), outcome, row)
    if (outcome === 'failed') assert.equal(letter.notBeforeMs - now, waitMs, row)
    assert.equal(box.letters.length, outcome === 'failed' ? 1 : 0)
    assert.equal(said(box).conditions?.[0]?.status, 'False')
  }
})

test('of more than a hundred the oldest is dropped, but not the one on its way', () => {
  const box = emptyBox()
  const dropped = Array.from({ length: 102 }, (_, i) => put(box, newsAt(i), 0))
  assert.deepEqual(
    dropped.flatMap((news) => (news ? [news.at - nowMs] : [])),
    [1, 2],
  )
  assert.equal(box.letters[0]?.news.at, nowMs)
  assert.equal(said(box).recent?.[0]?.because, 'more than 100 messages waited')
})
