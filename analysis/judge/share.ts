// Counts of one arm in, the share that was bad out, with the words for it. Both built-in checks are
// the same question: is the share of bad requests above what the bound allows?
import type { Durations, Requests } from './reading.ts'

export interface Share {
  readonly bad: number
  readonly total: number
  /** Share that the bound allows, 0 to 1. */
  readonly allowed: number
  /** The number people read: percent for rates, seconds for latency. */
  readonly value: number | null
  readonly shown: string
  /** What to say when the bound is met, and when it is not. */
  readonly met: string
  readonly violated: string
  /** False when the counts can not tell which side of the bound the arm is on. */
  readonly isJudgeable: boolean
}

/** Failed requests against a least success rate in percent. */
export function errorShare(requests: Requests, minPercent: number): Share {
  const { failed, total } = requests
  const value = total > 0 ? 100 * (1 - failed / total) : null
  const shown = value === null ? 'no requests' : percent(value, minPercent)
  const subject = `success rate ${shown} of ${counted(total, failed)} requests`
  return {
    bad: failed,
    total,
    allowed: (100 - minPercent) / 100,
    value,
    shown,
    met: `${subject} is at least ${minPercent} %`,
    violated: `${subject} is below ${minPercent} %`,
    isJudgeable: true,
  }
}

/**
 * Requests slower than a limit: quantile q <= max means that at most 1 - q of them are. Buckets count
 * only up to their edges, so requests are slow beyond the first edge at or above the limit, and a
 * limit inside a bucket is said to be so.
 */
export function slowShare(
  durations: Durations,
  bound: { quantile: number; maxSeconds: number },
): Share {
  const { total, buckets } = durations
  const { quantile, maxSeconds } = bound
  const finite = buckets.filter(({ edgeSeconds }) => Number.isFinite(edgeSeconds))
  const at = finite.findIndex(({ edgeSeconds }) => edgeSeconds >= maxSeconds * (1 - 1e-9))
  const edge = at >= 0 ? finite[at] : finite.at(-1)
  const bad = total - (edge?.count ?? 0)
  const allowed = 1 - quantile
  const isBeyondEdges = at < 0 && bad > total * allowed
  const value = quantileSeconds(durations, quantile)
  const name = `p${Number((quantile * 100).toPrecision(6))}`
  const isOpen = value !== null && value === finite.at(-1)?.edgeSeconds
  const shown =
    value === null ? 'no durations' : `${name} ${isOpen ? 'of at least ' : ''}${time(value)}`
  const judged = edge && at >= 0 ? edge.edgeSeconds : maxSeconds
  const slow = total > 0 ? percent((100 * bad) / total, 100 * allowed) : '0 %'
  const isWide = edge !== undefined && at >= 0 && edge.edgeSeconds > maxSeconds * (1 + 1e-9)
  const note = isWide
    ? `; ${time(maxSeconds)} lies inside the bucket ${time(finite[at - 1]?.edgeSeconds ?? 0)} to ${time(judged)}, so ${time(judged)} was judged`
    : ''
  const subject = `${shown} of ${counted(total, bad)} requests`
  const judgedAtEdge = `${subject}: ${slow} took longer than ${time(judged)}, ${trimmed(100 * allowed)} % may${note}`
  return {
    bad,
    total,
    allowed,
    value,
    shown,
    met: isWide ? judgedAtEdge : `${subject} is at most ${time(maxSeconds)}`,
    violated: isBeyondEdges
      ? `the largest bucket ends at ${time(edge?.edgeSeconds ?? 0)}, below ${time(maxSeconds)}: what is slower can not be told apart`
      : isWide
        ? judgedAtEdge
        : `${subject} is above ${time(maxSeconds)}, ${slow} took longer`,
    isJudgeable: !isBeyondEdges,
  }
}

/** The quantile by linear interpolation inside its bucket, as Prometheus shows it; for people only. */
function quantileSeconds({ total, buckets }: Durations, quantile: number): number | null {
  if (total <= 0 || buckets.length < 2) return null
  const rank = quantile * total
  const at = buckets.findIndex(({ count }) => count >= rank)
  const bucket = buckets[at]
  if (bucket === undefined) return null
  const below = buckets[at - 1] ?? { edgeSeconds: 0, count: 0 }
  if (!Number.isFinite(bucket.edgeSeconds)) return below.edgeSeconds
  const inside = bucket.count - below.count
  if (inside <= 0) return bucket.edgeSeconds
  const width = bucket.edgeSeconds - below.edgeSeconds
  return below.edgeSeconds + (width * (rank - below.count)) / inside
}

/** Prometheus extrapolates counts to the edges of a window, so they are rarely whole. */
function counted(total: number, bad: number): string {
  const isWhole = [total, bad].every((count) => Math.abs(count - Math.round(count)) < 0.01)
  return `${isWhole ? '' : 'about '}${Math.round(total)}`
}

/** Two decimals, more where rounding would hide on which side of the bound the value lies. */
function percent(value: number, bound: number): string {
  for (let digits = 2; digits < 6; digits += 1) {
    const text = value.toFixed(digits)
    if (value === bound || Math.sign(Number(text) - bound) === Math.sign(value - bound)) {
      return `${text} %`
    }
  }
  return `${value} %`
}

function time(seconds: number): string {
  return seconds < 1 ? `${trimmed(seconds * 1_000)}ms` : `${trimmed(seconds)}s`
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(3)))
}
