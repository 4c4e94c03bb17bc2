import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expireEvents } from './event-expiry.ts'
import { createStore } from './store.ts'

test('events go after an hour', () => {
  const store = createStore({ historyLimit: 10 })
  const nowMs = Date.UTC(2026, 0, 1, 12)
  const ages: readonly [name: string, ageMinutes: number][] = [
    ['old', 61],
    ['new', 59],
  ]
  for (const [name, ageMinutes] of ages) {
    const creationTimestamp = new Date(nowMs - ageMinutes * 60_000).toISOString()
    const metadata = { name, uid: name, creationTimestamp }
    store.write(
      { storage: 'events', key: `default/${name}` },
      { apiVersion: 'v1', kind: 'Event', metadata },
    )
  }
  expireEvents(store, nowMs)
  assert.deepEqual(
    store.list('events').map(([key]) => key),
    ['default/new'],
  )
})
