// Keys in, one handler call at a time per key out: deduplicated, bounded, with a back-off for each key.
//
//   add ──▶ waiting ──▶ running ──▶ done, or wake at the time the handler gave
//             ▲            │ failed: back off          │ added while running
//             └────────────┴───────────────────────────┘
import { ApiError } from './api.ts'
import type { Clock } from './clock.ts'
import { createTimerHeap } from './timer-heap.ts'

export interface WorkQueueOptions<K extends string> {
  readonly clock: Clock
  /** In [0, 1), for the jitter of back-offs. */
  readonly random: () => number
  /** Handlers that run at once. */
  readonly concurrency: number
  /** Gives the time to call it again, ms since epoch. A rejection is a failure of this key only. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler without a wake-up returns nothing
  readonly handle: (key: K) => Promise<number | null | void>
  readonly onError: (key: K, error: unknown, retry: Retry) => void
  /** First back-off, ms. Default 250. */
  readonly backOffBaseMs?: number
  /** Longest back-off, ms. Default 60 s. */
  readonly backOffCapMs?: number
}

export interface Retry {
  readonly failures: number
  readonly afterMs: number
}

export interface WorkQueue<K extends string> {
  /** Handles the key soon. During a back-off: no sooner than the base after the failure. */
  add(key: K): void
  /** Handles the key at a time, ms since epoch; an earlier time replaces a later one. */
  addAfter(key: K, atMs: number): void
  /** Forgets failures and wake-ups of a key that is gone. */
  forget(key: K): void
  waiting(): number
  running(): number
  /** Resolves when nothing waits or runs; wake-ups may be left. */
  drain(): Promise<void>
  /** Takes no more keys, drops those that wait, and resolves when the last handler has ended. */
  shutdown(): Promise<void>
}

interface Failing {
  readonly failures: number
  readonly earliestMs: number
}

// So late may a wake-up be when the wall clock jumps forward.
const longestSleepMs = 60_000

export function createWorkQueue<K extends string>(options: WorkQueueOptions<K>): WorkQueue<K> {
  const { clock, random, handle, onError } = options
  const { backOffBaseMs = 250, backOffCapMs = 60_000 } = options
  const waiting = new Set<K>()
  const running = new Set<K>()
  const again = new Set<K>()
  const failing = new Map<K, Failing>()
  // Wake-ups are times that people see, on the wall clock; back-offs must not jump with it.
  const wakeUps = createTimerHeap<K>()
  const backOffs = createTimerHeap<K>()
  const idle: (() => void)[] = []
  let alarm = new AbortController()
  let alarmAtMs = Number.POSITIVE_INFINITY
  let isShut = false

  function enqueue(key: K): void {
    if (isShut) return
    if (running.has(key)) again.add(key)
    else waiting.add(key)
    pump()
  }

  function add(key: K): void {
    const known = running.has(key) ? undefined : failing.get(key)
    if (isShut || waiting.has(key)) return
    // News cuts a back-off short; a key that causes its own news must not spin.
    if (known && known.earliestMs > clock.monotonic()) {
      backOffs.set(key, known.earliestMs)
      arm()
    } else enqueue(key)
  }

  function pump(): void {
    for (const key of waiting) {
      if (running.size >= options.concurrency) return
      waiting.delete(key)
      wakeUps.delete(key)
      backOffs.delete(key)
      running.add(key)
      void run(key)
    }
  }

  async function run(key: K): Promise<void> {
    try {
      const wakeAtMs = await handle(key)
      failing.delete(key)
      if (typeof wakeAtMs === 'number' && !isShut) wakeUps.set(key, wakeAtMs)
    } catch (error) {
      fail(key, error)
    }
    running.delete(key)
    if (again.delete(key)) add(key)
    pump()
    arm()
    if (waiting.size + running.size === 0) for (const resolve of idle.splice(0)) resolve()
  }

  function fail(key: K, error: unknown): void {
    const failures = (failing.get(key)?.failures ?? 0) + 1
    const spreadMs = Math.min(backOffCapMs, backOffBaseMs * 2 ** Math.min(failures - 1, 20))
    const askedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
    const afterMs = askedMs + spreadMs * (0.5 + random() / 2)
    const nowMs = clock.monotonic()
    failing.set(key, { failures, earliestMs: nowMs + Math.min(afterMs, askedMs + backOffBaseMs) })
    if (!isShut) backOffs.set(key, nowMs + afterMs)
    try {
      onError(key, error, { failures, afterMs })
    } catch {
      // A reporter that fails must not take the queue with it.
    }
  }

  /** Keeps exactly one sleeper, for the first timer of both heaps. */
  function arm(): void {
    const untilMs = Math.min(
      (wakeUps.nextAtMs() ?? Number.POSITIVE_INFINITY) - clock.now(),
      (backOffs.nextAtMs() ?? Number.POSITIVE_INFINITY) - clock.monotonic(),
    )
    if (isShut || untilMs === Number.POSITIVE_INFINITY) return
    const sleepMs = Math.min(longestSleepMs, Math.max(0, untilMs))
    const atMs = clock.monotonic() + sleepMs
    if (atMs >= alarmAtMs) return
    alarm.abort()
    alarm = new AbortController()
    alarmAtMs = atMs
    const { signal } = alarm
    void clock.sleep(sleepMs, signal).then(() => {
      if (signal.aborted) return
      alarmAtMs = Number.POSITIVE_INFINITY
      for (const key of backOffs.takeDue(clock.monotonic())) enqueue(key)
      for (const key of wakeUps.takeDue(clock.now())) add(key)
      arm()
    })
  }

  const drain = (): Promise<void> =>
    waiting.size + running.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          idle.push(resolve)
        })

  return {
    add,
    addAfter(key, atMs) {
      if (isShut) return
      wakeUps.set(key, atMs)
      arm()
    },
    forget(key) {
      failing.delete(key)
      wakeUps.delete(key)
      backOffs.delete(key)
    },
    waiting: () => waiting.size,
    running: () => running.size,
    drain,
    shutdown() {
      isShut = true
      waiting.clear()
      again.clear()
      alarm.abort()
      return drain()
    },
  }
}
