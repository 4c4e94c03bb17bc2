// Keys with the time to wake them in, keys that are due out. Pure: no clock, no timers.

export interface TimerHeap<K> {
  readonly size: number
  /** An earlier time replaces a later one, never the other way. True when it took effect. */
  set(key: K, atMs: number): boolean
  delete(key: K): void
  /** Time of the first key; null when there is none. */
  nextAtMs(): number | null
  /** Takes out all keys that are due, first due first. */
  takeDue(nowMs: number): K[]
}

interface Entry<K> {
  readonly key: K
  readonly atMs: number
  readonly sequence: number
}

export function createTimerHeap<K>(): TimerHeap<K> {
  const heap: Entry<K>[] = []
  // The truth about each key; entries of the heap that disagree are dropped when they come up.
  const current = new Map<K, Entry<K>>()
  let sequence = 0

  const dropStale = (): Entry<K> | undefined => {
    for (let top = heap[0]; top; top = heap[0]) {
      if (current.get(top.key) === top) return top
      pop(heap)
    }
    return undefined
  }

  return {
    get size() {
      return current.size
    },
    set(key, atMs) {
      const known = current.get(key)
      if (known && known.atMs <= atMs) return false
      const entry = { key, atMs, sequence }
      sequence += 1
      current.set(key, entry)
      push(heap, entry)
      return true
    },
    delete(key) {
      current.delete(key)
      // Without this, a key that is set and deleted for ever would grow the heap.
      if (heap.length > 64 && heap.length > 4 * current.size) {
        heap.splice(0, heap.length, ...[...current.values()].sort(compare))
      }
    },
    nextAtMs: () => dropStale()?.atMs ?? null,
    takeDue(nowMs) {
      const due: K[] = []
      for (let top = dropStale(); top && top.atMs <= nowMs; top = dropStale()) {
        pop(heap)
        current.delete(top.key)
        due.push(top.key)
      }
      return due
    },
  }
}

function compare(a: Entry<unknown>, b: Entry<unknown>): number {
  return a.atMs - b.atMs || a.sequence - b.sequence
}

function push<K>(heap: Entry<K>[], entry: Entry<K>): void {
  let at = heap.length
  heap.push(entry)
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above]
    if (!parent || compare(parent, entry) <= 0) break
    heap[at] = parent
    at = above
  }
  heap[at] = entry
}

function pop<K>(heap: Entry<K>[]): void {
  const last = heap.pop()
  if (!last || heap.length === 0) return
  let at = 0
  for (;;) {
    const left = heap[2 * at + 1]
    const right = heap[2 * at + 2]
    const isRight = left !== undefined && right !== undefined && compare(right, left) < 0
    const least = isRight ? right : left
    if (!least || compare(least, last) >= 0) break
    heap[at] = least
    at = 2 * at + (isRight ? 2 : 1)
  }
  heap[at] = last
}
