// Keys of reverts and times in; whether so many at once may be written out. Many failures at one time have one
// cause, which is seldom in as many releases.

export interface BreakerOptions {
  /** Different reverts within the window that are still believed. */
  readonly limit: number
  readonly windowMs: number
}

export interface Breaker {
  /** Counts the keys, and tells whether all that were asked for lately stay within the limit. */
  admits(keys: readonly string[], nowMs: number): boolean
}

export const defaultBreaker: BreakerOptions = { limit: 100, windowMs: 10 * 60_000 }

const maxRemembered = 20_000

/** Stays open while new reverts keep coming, and closes after a window without an excess. */
export function createBreaker({ limit, windowMs }: BreakerOptions): Breaker {
  /** When each key was first asked for, oldest first. */
  const asked = new Map<string, number>()
  return {
    admits(keys, nowMs) {
      for (const [key, atMs] of asked) {
        if (nowMs - atMs < windowMs && asked.size <= maxRemembered) break
        asked.delete(key)
      }
      for (const key of keys) if (!asked.has(key)) asked.set(key, nowMs)
      return asked.size <= limit
    },
  }
}
