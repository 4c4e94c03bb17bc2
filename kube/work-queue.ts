// Keys in, one handler call at a time per key out: deduplicated, bounded, with a back-off for each key.
//
//   add ──▶ waiting ──▶ running ──▶ done, or wake at the time the handler gave
//             ▲            │ failed: back off          │ added while running
//             └────────────┴───────────────────────────┘
import { ApiError } from './api.ts'
import { type Clock, over } from './clock.ts'
import { createTimerHeap, type TimerHeap } from './timer-heap.ts'

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

interface Queue<K extends string> {
  readonly options: WorkQueueOptions<K>
  readonly waiting: Set<K>
  readonly running: Set<K>
  /** Added while running. */
  readonly again: Set<K>
  readonly failing: Map<K, Failing>
  // Wake-ups are times that people see, on the wall clock; back-offs must not jump with it.
  readonly wakeUps: TimerHeap<K>
  readonly backOffs: TimerHeap<K>
  readonly idle: (() => void)[]
  /** The one sleeper, and the monotonic time at which it wakes. */
  alarm: AbortController
  alarmAtMs: number
  isShut: boolean
}

interface Failing {
  readonly failures: number
  readonly earliestMs: number
}

// So late may a wake-up be when the wall clock jumps forward.
const longestSleepMs = 60_000

export function createWorkQueue<K extends string>(options: WorkQueueOptions<K>): WorkQueue<K> {
  const queue: Queue<K> = {
    options,
    waiting: new Set(),
    running: new Set(),
    again: new Set(),
    failing: new Map(),
    wakeUps: createTimerHeap(),
    backOffs: createTimerHeap(),
    idle: [],
    alarm: new AbortController(),
    alarmAtMs: Number.POSITIVE_INFINITY,
    isShut: false,
  }
  return {
    add: (key) => add(queue, key),
    addAfter(key, atMs) {
      if (queue.isShut) return
      queue.wakeUps.set(key, atMs)
      arm(queue)
    },
    forget(key) {
      queue.failing.delete(key)
      queue.wakeUps.delete(key)
      queue.backOffs.delete(key)
    },
    waiting: () => queue.waiting.size,
    running: () => queue.running.size,
    drain: () => drain(queue),
    shutdown() {
      queue.isShut = true
      queue.waiting.clear()
      queue.again.clear()
      queue.alarm.abort(over)
      return drain(queue)
    },
  }
}

function add<K extends string>(queue: Queue<K>, key: K): void {
  if (queue.isShut || queue.waiting.has(key)) return
  const known = queue.running.has(key) ? undefined : queue.failing.get(key)
  // News cuts a back-off short; a key that causes its own news must not spin.
  if (known && known.earliestMs > queue.options.clock.monotonic()) {
    queue.backOffs.set(key, known.earliestMs)
    arm(queue)
  } else enqueue(queue, key)
}

function enqueue<K extends string>(queue: Queue<K>, key: K): void {
  if (queue.isShut) return
  if (queue.running.has(key)) queue.again.add(key)
  else queue.waiting.add(key)
  pump(queue)
}

function pump<K extends string>(queue: Queue<K>): void {
  for (const key of queue.waiting) {
    if (queue.running.size >= queue.options.concurrency) return
    queue.waiting.delete(key)
    queue.wakeUps.delete(key)
    queue.backOffs.delete(key)
    queue.running.add(key)
    void run(queue, key)
  }
}

async function run<K extends string>(queue: Queue<K>, key: K): Promise<void> {
  try {
    const wakeAtMs = await queue.options.handle(key)
    queue.failing.delete(key)
    if (typeof wakeAtMs === 'number' && !queue.isShut) queue.wakeUps.set(key, wakeAtMs)
  } catch (error) {
    fail(queue, key, error)
  }
  queue.running.delete(key)
  if (queue.again.delete(key)) add(queue, key)
  pump(queue)
  arm(queue)
  if (isIdle(queue)) for (const resolve of queue.idle.splice(0)) resolve()
}

function fail<K extends string>(queue: Queue<K>, key: K, error: unknown): void {
  const { clock, random, onError, backOffBaseMs = 250, backOffCapMs = 60_000 } = queue.options
  const failures = (queue.failing.get(key)?.failures ?? 0) + 1
  const spreadMs = Math.min(backOffCapMs, backOffBaseMs * 2 ** Math.min(failures - 1, 20))
  const askedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
  const afterMs = askedMs + spreadMs * (0.5 + random() / 2)
  const nowMs = clock.monotonic()
  const earliestMs = nowMs + Math.min(afterMs, askedMs + backOffBaseMs)
  queue.failing.set(key, { failures, earliestMs })
  if (!queue.isShut) queue.backOffs.set(key, nowMs + afterMs)
  try {
    onError(key, error, { failures, afterMs })
  } catch {
    // A reporter that fails must not take the queue with it.
  }
}

/** Keeps exactly one sleeper, for the first timer of both heaps. */
function arm<K extends string>(queue: Queue<K>): void {
  const { clock } = queue.options
  const untilMs = Math.min(
    (queue.wakeUps.nextAtMs() ?? Number.POSITIVE_INFINITY) - clock.now(),
    (queue.backOffs.nextAtMs() ?? Number.POSITIVE_INFINITY) - clock.monotonic(),
  )
  if (queue.isShut || untilMs === Number.POSITIVE_INFINITY) return
  const sleepMs = Math.min(longestSleepMs, Math.max(0, untilMs))
  const atMs = clock.monotonic() + sleepMs
  if (atMs >= queue.alarmAtMs) return
  queue.alarm.abort(over)
  queue.alarm = new AbortController()
  queue.alarmAtMs = atMs
  const { signal } = queue.alarm
  void clock.sleep(sleepMs, signal).then(() => {
    if (!signal.aborted) wake(queue)
  })
}

function wake<K extends string>(queue: Queue<K>): void {
  const { clock } = queue.options
  queue.alarmAtMs = Number.POSITIVE_INFINITY
  for (const key of queue.backOffs.takeDue(clock.monotonic())) enqueue(queue, key)
  for (const key of queue.wakeUps.takeDue(clock.now())) add(queue, key)
  arm(queue)
}

function drain<K extends string>(queue: Queue<K>): Promise<void> {
  if (isIdle(queue)) return Promise.resolve()
  return new Promise((resolve) => {
    queue.idle.push(resolve)
  })
}

function isIdle<K extends string>(queue: Queue<K>): boolean {
  return queue.waiting.size + queue.running.size === 0
}
