// Virtual time: sleepers wake in order of their time, and only when a test advances it.
import type { Clock } from '../../kube/clock.ts'

export interface VirtualClock extends Clock {
  /** Moves time forward, waking each sleeper that is due and letting what it started settle. */
  advance(ms: number): Promise<void>
  /** Moves only the wall clock, as an administrator or NTP does. */
  jump(ms: number): void
  /** Sleepers that wait. */
  sleeping(): number
  /** Time until the next sleeper wakes, ms; null when nobody sleeps. */
  nextMs(): number | null
}

interface Sleeper {
  readonly at: number
  readonly sequence: number
  readonly wake: () => void
}

/** Lets promises and, over loopback sockets, one round of I/O settle. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export function createVirtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let elapsed = 0
  let offset = startMs
  let sequence = 0
  const sleepers = new Set<Sleeper>()

  const next = (): Sleeper | undefined => {
    let first: Sleeper | undefined
    for (const sleeper of sleepers) {
      if (!first || sleeper.at < first.at) first = sleeper
    }
    return first
  }

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const wake = () => {
          sleepers.delete(sleeper)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        const sleeper = { at: elapsed + Math.max(ms, 0), sequence: sequence++, wake }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', wake, { once: true })
      }),
    async advance(ms) {
      const until = elapsed + ms
      await settle()
      for (let due = next(); due && due.at <= until; due = next()) {
        elapsed = Math.max(elapsed, due.at)
        due.wake()
        await settle()
      }
      elapsed = until
    },
    jump: (ms) => {
      offset += ms
    },
    sleeping: () => sleepers.size,
    nextMs: () => {
      const first = next()
      return first ? Math.max(0, first.at - elapsed) : null
    },
  }
}
