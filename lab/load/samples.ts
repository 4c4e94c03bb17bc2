// Outcomes of requests in, counts over any window out. Memory is bounded: a ring of numbers, interned names.

export interface Sample {
  /** Wall clock, ms since epoch. */
  readonly startedAtMs: number
  readonly durationMs: number
  readonly host: string
  readonly revision: string
  readonly pod: string
  readonly isFailed: boolean
}

export interface Counts {
  readonly requests: number
  readonly failed: number
}

export interface WindowCounts extends Counts {
  readonly byRevision: Readonly<Record<string, Counts>>
}

export interface RevisionCounts extends Counts {
  readonly byPod: Readonly<Record<string, Counts>>
}

export interface Second extends WindowCounts {
  readonly atMs: number
}

export interface Samples {
  add(sample: Sample): void
  /** Of requests that started at or after a time. Only as far back as the ring goes. */
  since(timeMs: number): WindowCounts
  totals(): WindowCounts
  byHost(): Readonly<Record<string, Counts>>
  byRevision(): Readonly<Record<string, RevisionCounts>>
  /** Counts of each second of the ring, by start of the request. */
  timeline(): readonly Second[]
  /** Of the ring, ms; zeros when it is empty. */
  latencies(): {
    readonly p50: number
    readonly p90: number
    readonly p99: number
    readonly max: number
  }
  /** Answers of the ring whose request started after its pod was removed, at wall clock ms. */
  servedByRemoved(removals: ReadonlyMap<string, number>): number
}

type Mutable = { requests: number; failed: number }
type MutableWindow = Mutable & { byRevision: Record<string, Mutable> }

// A lab has some hundred pods; what goes beyond is counted under one name.
const nameLimit = 20_000

export function createSamples(limit: number): Samples {
  const ring = createRing(limit)
  const names = createNames()
  const total = window()
  const hosts: Record<string, Mutable> = {}
  const revisions: Record<string, Mutable & { byPod: Record<string, Mutable> }> = {}
  let count = 0

  function each(visit: (index: number) => void): void {
    for (let index = 0; index < Math.min(count, limit); index += 1) visit(index)
  }

  function countAt(index: number, into: MutableWindow): void {
    const isFailed = ring.isFailed[index] === 1
    const revision = names.text(ring.revision[index] ?? 0)
    bump(into, isFailed)
    bumpAt(into.byRevision, revision, isFailed)
  }

  return {
    add(sample) {
      const slot = count % limit
      count += 1
      ring.startedAtMs[slot] = sample.startedAtMs
      ring.durationMs[slot] = sample.durationMs
      ring.revision[slot] = names.number(sample.revision)
      ring.pod[slot] = names.number(sample.pod)
      ring.isFailed[slot] = sample.isFailed ? 1 : 0
      countAt(slot, total)
      bumpAt(hosts, sample.host, sample.isFailed)
      const revision = names.text(ring.revision[slot] ?? 0)
      revisions[revision] ??= { requests: 0, failed: 0, byPod: {} }
      bump(revisions[revision], sample.isFailed)
      bumpAt(revisions[revision].byPod, names.text(ring.pod[slot] ?? 0), sample.isFailed)
    },
    since(timeMs) {
      const counts = window()
      each((index) => {
        if ((ring.startedAtMs[index] ?? 0) >= timeMs) countAt(index, counts)
      })
      return counts
    },
    totals: () => structuredClone(total),
    byHost: () => structuredClone(hosts),
    byRevision: () => structuredClone(revisions),
    timeline() {
      const seconds = new Map<number, MutableWindow & { atMs: number }>()
      each((index) => {
        const atMs = Math.floor((ring.startedAtMs[index] ?? 0) / 1000) * 1000
        const second = seconds.get(atMs) ?? { atMs, ...window() }
        seconds.set(atMs, second)
        countAt(index, second)
      })
      return [...seconds.values()].sort((a, b) => a.atMs - b.atMs)
    },
    latencies: () => quantiles(ring.durationMs.slice(0, Math.min(count, limit)).sort()),
    servedByRemoved(removals) {
      const removedAtMs = new Map([...removals].map(([pod, atMs]) => [names.number(pod), atMs]))
      let served = 0
      each((index) => {
        const atMs = removedAtMs.get(ring.pod[index] ?? 0)
        if (atMs !== undefined && (ring.startedAtMs[index] ?? 0) > atMs) served += 1
      })
      return served
    },
  }
}

function createRing(limit: number) {
  return {
    startedAtMs: new Float64Array(limit),
    durationMs: new Float32Array(limit),
    revision: new Uint32Array(limit),
    pod: new Uint32Array(limit),
    isFailed: new Uint8Array(limit),
  }
}

function window(): MutableWindow {
  return { requests: 0, failed: 0, byRevision: {} }
}

function bump(counts: Mutable | undefined, isFailed: boolean): void {
  if (!counts) return
  counts.requests += 1
  if (isFailed) counts.failed += 1
}

function quantiles(sorted: Float32Array): ReturnType<Samples['latencies']> {
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

function bumpAt(counts: Record<string, Mutable>, name: string, isFailed: boolean): void {
  counts[name] ??= { requests: 0, failed: 0 }
  bump(counts[name], isFailed)
}

function createNames() {
  const numbers = new Map<string, number>([['', 0]])
  const texts = ['others']
  return {
    /** 0 for names beyond the limit. */
    number(text: string): number {
      const known = numbers.get(text)
      if (known !== undefined) return known
      if (texts.length >= nameLimit) return 0
      numbers.set(text, texts.length)
      texts.push(text)
      return texts.length - 1
    },
    text: (number: number): string => texts[number] ?? '',
  }
}
