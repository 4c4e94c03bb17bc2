// Requests in, at a bounded pace out: `burst` at once, then `perSecond`.
import type { Clock } from './clock.ts'

export interface TokenBucket {
  /** Resolves when a token is ours; callers are served in order. */
  take(signal?: AbortSignal): Promise<void>
  /** Takes a token if one is there. */
  tryTake(): boolean
}

export function createTokenBucket(options: {
  readonly clock: Clock
  readonly perSecond: number
  readonly burst: number
}): TokenBucket {
  const { clock, perSecond, burst } = options
  let tokens = burst
  let filledAt = clock.monotonic()

  const refill = () => {
    const now = clock.monotonic()
    tokens = Math.min(burst, tokens + ((now - filledAt) * perSecond) / 1000)
    filledAt = now
  }

  return {
    async take(signal) {
      refill()
      // Going into debt is what keeps the order: each caller waits for its own token.
      tokens -= 1
      if (tokens < 0) await clock.sleep((-tokens * 1000) / perSecond, signal)
    },
    tryTake() {
      refill()
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
  }
}
