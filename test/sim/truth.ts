// Weights in effect and ready pods in, requests out: how many each revision truly answered, failed and was
// slow with. A metrics provider can only ever tell less than this.
import type { Kernel } from './kernel.ts'
import type { Mesh } from './mesh.ts'
import type { Pods } from './pods.ts'
import type { Quality } from './scenario.ts'
import { matchedPercent } from './widened.ts'

export interface Counts {
  readonly ok: number
  readonly failed: number
  readonly slow: number
}

export interface Truth {
  /** To be called just before anything that changes traffic. */
  settle(): void
  /** Requests of a revision up to a time. */
  countsAt(revision: string, atMs: number): Counts
  revisions(): readonly string[]
  /** Requests that met no pod. */
  lost(): number
}

const nothing: Counts = { ok: 0, failed: 0, slow: 0 }

interface Point {
  readonly at: number
  readonly counts: Counts
}

export interface TruthParts {
  readonly kernel: Kernel
  readonly mesh: () => Mesh
  readonly pods: () => Pods
  readonly qualityOf: (revision: string, atMs: number) => Quality
  readonly requestsPerSecond: number
}

export function createTruth(parts: TruthParts): Truth {
  const { kernel, qualityOf, requestsPerSecond } = parts
  const points = new Map<string, Point[]>()
  let last = kernel.now()
  let lost = 0

  const add = (revision: string, requests: number) => {
    const line = points.get(revision) ?? [{ at: last, counts: nothing }]
    const before = line.at(-1)?.counts ?? nothing
    if ((line.at(-1)?.at ?? last) < last) line.push({ at: last, counts: before })
    const { errorRate, slowRate } = qualityOf(revision, last)
    const counts = {
      ok: before.ok + requests * (1 - errorRate),
      failed: before.failed + requests * errorRate,
      slow: before.slow + requests * slowRate,
    }
    line.push({ at: kernel.now(), counts })
    points.set(revision, line)
  }

  /** What a proxy sends beside its weights; gives the requests that the weights do not get any more. */
  const giveAside = (
    proxy: number,
    requests: number,
    give: (revision: string, requests: number) => void,
  ): number => {
    const aside = parts.mesh().asides()[proxy]
    if (!aside) return 0
    const matched = aside.isMatched ? (requests * matchedPercent) / 100 : 0
    if (matched > 0) give(aside.revision, matched)
    const copies = ((requests - matched) * aside.mirrorPercent) / 100
    // Nobody waits for the answer of a copy: without a pod none is missed.
    if (copies > 0 && parts.pods().readyOf(aside.revision) > 0) add(aside.revision, copies)
    return matched
  }

  return {
    settle() {
      const now = kernel.now()
      const seconds = (now - last) / 1_000
      if (seconds <= 0) return
      const proxies = parts.mesh().proxies()
      const perProxy = (requestsPerSecond * seconds) / proxies.length
      const shares = new Map<string, number>()
      const give = (revision: string, requests: number) =>
        shares.set(revision, (shares.get(revision) ?? 0) + requests)
      for (const [i, weights] of proxies.entries()) {
        const left = perProxy - giveAside(i, perProxy, give)
        for (const [revision, weight] of Object.entries(weights ?? evenly(parts.pods()))) {
          give(revision, (left * weight) / 100)
        }
      }
      for (const [revision, requests] of shares) {
        if (requests === 0) continue
        // Without a pod the caller's proxy answers, and does not know which revision would have.
        if (parts.pods().readyOf(revision) === 0) lost += requests
        else add(revision, requests)
      }
      last = now
    },
    countsAt(revision, atMs) {
      const line = points.get(revision)
      if (!line) return nothing
      for (let i = line.length - 1; i >= 0; i -= 1) {
        const point = line[i]
        if (!point || point.at > atMs) continue
        const next = line[i + 1]
        if (!next || next.at === point.at) return point.counts
        return between(point, next, (atMs - point.at) / (next.at - point.at))
      }
      return nothing
    },
    revisions: () => [...points.keys()],
    lost: () => lost,
  }
}

/** Without a route the Service spreads requests over all pods. */
function evenly(pods: Pods): Readonly<Record<string, number>> {
  const ready = pods.revisions().map((revision) => [revision, pods.readyOf(revision)] as const)
  const all = ready.reduce((sum, [, count]) => sum + count, 0)
  return Object.fromEntries(
    ready.map(([revision, count]) => [revision, all ? (100 * count) / all : 0]),
  )
}

function between(a: Point, b: Point, share: number): Counts {
  return {
    ok: a.counts.ok + share * (b.counts.ok - a.counts.ok),
    failed: a.counts.failed + share * (b.counts.failed - a.counts.failed),
    slow: a.counts.slow + share * (b.counts.slow - a.counts.slow),
  }
}
