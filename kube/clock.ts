// Time in, as a dependency: everything that waits takes a Clock, so that a simulation can drive it.
// This file is the only place of the folder with timers.

/** Why our own signals fire. Without a reason each would make an error with its stack. */
export const over = 'over'

export interface Clock {
  /** Wall clock, ms since epoch; may jump. For times that people or objects carry. */
  now(): number
  /** Never jumps, ms since an arbitrary start. For durations and deadlines inside one process. */
  monotonic(): number
  /** Resolves after `ms` or as soon as `signal` fires, whichever is first. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

// setTimeout fires at once for anything longer.
const longestTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, Math.min(Math.max(ms, 0), longestTimerMs))
      signal?.addEventListener('abort', done, { once: true })
    }),
}

/**
 * Runs `work` with a signal that fires after `ms` with `reason()`. The signal also fires when `outer` does.
 * Settles with `work`, which must heed the signal.
 */
export async function withDeadline<T>(
  limit: {
    readonly clock: Clock
    readonly ms: number
    readonly reason: () => Error
    readonly outer?: AbortSignal
  },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController()
  const finished = new AbortController()
  const abort = () => deadline.abort(limit.outer?.reason)
  if (limit.outer?.aborted) abort()
  limit.outer?.addEventListener('abort', abort, { once: true })
  void limit.clock.sleep(limit.ms, finished.signal).then(() => {
    if (!finished.signal.aborted) deadline.abort(limit.reason())
  })
  try {
    return await work(deadline.signal)
  } finally {
    finished.abort(over)
    limit.outer?.removeEventListener('abort', abort)
  }
}
