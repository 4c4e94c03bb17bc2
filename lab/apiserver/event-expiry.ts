// Events do not stay: those older than an hour go, and the oldest beyond a count go before that.
import type { Store } from './store.ts'

const hourMs = 3_600_000
const eventLimit = 10_000
const storage = 'events'

/** Removes what has expired at a time. */
export function expireEvents(store: Store, nowMs: number): void {
  const aged = store
    .list(storage)
    .map(([key, object]) => ({ key, sinceMs: Date.parse(object.metadata.creationTimestamp ?? '') }))
    .sort((a, b) => a.sinceMs - b.sinceMs)
  const excess = aged.length - eventLimit
  for (const [i, { key, sinceMs }] of aged.entries()) {
    if (i >= excess && nowMs - sinceMs < hourMs) return
    store.write({ storage, key }, null)
  }
}
