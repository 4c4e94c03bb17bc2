// Events with their times in, one at a time in order out. Time is a number that only this file moves:
// after each event all that was promised settles, then the invariants are asked.
import type { Clock } from '../../kube/clock.ts'

/** A process of the simulated world; events of a dead one are dropped, of a paused one put off. */
export interface Process {
  readonly name: string
  isAlive: boolean
  /** Nothing of it runs before this time. */
  pausedUntil: number
  /** How far its wall clock is off, ms. */
  skewMs: number
}

export interface Planned {
  readonly at: number
  readonly tie: number
  readonly sequence: number
  readonly owner: Process | null
  run: (() => void) | null
}

export interface Kernel {
  now(): number
  /** Events run so far. */
  count(): number
  after(ms: number, run: () => void, owner?: Process | null): Planned
  clockOf(process: Process): Clock
  /** Runs events until `isDone`, or until `untilMs`; calls `settled` after each. */
  drive(untilMs: number, isDone: () => boolean): Promise<void>
}

export interface KernelOptions {
  readonly startMs: number
  /** Order among events of one instant; equal numbers keep the order of planning. */
  readonly tie: (sequence: number) => number
  readonly settled: () => void
}

/** Turns of the host's loop are dear, so several events share one; promises settle after each all the same. */
const eventsPerTurn = 64
const mostEvents = 60_000

export function createKernel(options: KernelOptions): Kernel {
  const heap: Planned[] = []
  let time = options.startMs
  let sequence = 0
  let count = 0

  const after: Kernel['after'] = (ms, run, owner = null) => {
    sequence += 1
    // Whole milliseconds, as timers have: a fraction lost to rounding would make a sleeper spin.
    const planned: Planned = {
      at: time + Math.ceil(Math.max(0, ms)),
      tie: options.tie(sequence),
      sequence,
      owner,
      run,
    }
    push(heap, planned)
    return planned
  }

  const next = (untilMs: number): Planned | null => {
    for (;;) {
      const first = heap[0]
      if (!first || first.at > untilMs) return null
      pop(heap)
      const { owner } = first
      if (!first.run || (owner && !owner.isAlive)) continue
      if (owner && owner.pausedUntil > first.at) {
        sequence += 1
        push(heap, { ...first, at: owner.pausedUntil, sequence })
        continue
      }
      return first
    }
  }

  return {
    now: () => time,
    count: () => count,
    after,
    clockOf: (process) => clockOf(process, { now: () => time, after }),
    drive(untilMs, isDone) {
      /** Runs one event; false when there is nothing more to run. */
      const runOne = (): boolean => {
        options.settled()
        if (isDone()) return false
        const planned = next(untilMs)
        if (!planned) {
          time = Math.max(time, untilMs)
          return false
        }
        time = planned.at
        count += 1
        if (count > mostEvents) throw new Error(`more than ${mostEvents} events: a hot loop`)
        planned.run?.()
        return true
      }
      return inTurns(runOne)
    },
  }
}

/** Calls until false comes back, with all promises settled in between. */
function inTurns(work: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false
    const step = () => {
      if (isOver) return
      try {
        if (work()) return
        isOver = true
        resolve()
      } catch (error) {
        isOver = true
        reject(error)
      }
    }
    const turn = () => {
      for (let i = 0; i < eventsPerTurn && !isOver; i += 1) setImmediate(step)
      if (!isOver) setImmediate(turn)
    }
    turn()
  })
}

function clockOf(process: Process, kernel: Pick<Kernel, 'now' | 'after'>): Clock {
  const startedAt = kernel.now()
  return {
    now: () => Math.floor(kernel.now() + process.skewMs),
    monotonic: () => kernel.now() - startedAt,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const done = () => {
          planned.run = null
          signal?.removeEventListener('abort', done)
          resolve()
        }
        const planned = kernel.after(ms, done, process)
        signal?.addEventListener('abort', done, { once: true })
      }),
  }
}

const isBefore = (a: Planned, b: Planned): boolean =>
  a.at !== b.at ? a.at < b.at : a.tie !== b.tie ? a.tie < b.tie : a.sequence < b.sequence

function push(heap: Planned[], planned: Planned): void {
  let at = heap.length
  heap.push(planned)
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above]
    if (!parent || !isBefore(planned, parent)) break
    heap[at] = parent
    at = above
  }
  heap[at] = planned
}

function pop(heap: Planned[]): void {
  const last = heap.pop()
  if (!last || heap.length === 0) return
  let at = 0
  for (;;) {
    const left = heap[2 * at + 1]
    const right = heap[2 * at + 2]
    const isRight = left !== undefined && right !== undefined && isBefore(right, left)
    const least = isRight ? right : left
    if (!least || !isBefore(least, last)) break
    heap[at] = least
    at = 2 * at + (isRight ? 2 : 1)
  }
  heap[at] = last
}
