// History of the stable pods in, how much their bad requests scatter out. Only differences between
// pods at one time count, so what hits all pods alike does not make the gate blind.
import type { History, PodHistory } from './counts.ts'

export interface Dispersion {
  /** Variance of the split of bad requests over pods against independent requests; at least 1. */
  readonly phi: number
  /** Lasting differences between pods, as the spread of the log rate. */
  readonly tau: number
}

const blockLengths = [1, 4, 20]

export function dispersionOf(history: History, lane: number): Dispersion {
  const length = lengthOf(history)
  let phi = 1
  let longest = 1
  for (const scrapes of blockLengths) {
    if (scrapes > length) break
    longest = ratioOver(history.pods, lane, { scrapes, length })
    phi = Math.max(phi, longest)
  }
  const bounds = { scrapes: Math.max(length, 1), length }
  const whole = ratioOver(history.pods, lane, bounds)
  const bad = history.pods.reduce((sum, pod) => sum + total(pod.x[lane] ?? []), 0)
  const mean = Math.max(bad / Math.max(history.pods.length, 1), 1e-9)
  const tau = Math.sqrt(Math.max(0, whole - Math.max(longest, 1)) / mean)
  return { phi, tau }
}

/** Share of bad requests over the whole history, or null without requests. */
export function rateOf(history: History, lane: number): number | null {
  const n = history.pods.reduce((sum, pod) => sum + total(pod.n), 0)
  const x = history.pods.reduce((sum, pod) => sum + total(pod.x[lane] ?? []), 0)
  return n > 0 ? x / n : null
}

export function lengthOf(history: History): number {
  return history.pods.reduce(
    (least, pod) => Math.min(least, pod.n.length),
    history.pods[0]?.n.length ?? 0,
  )
}

/** Dispersion in time of all pods together: what one pod can still teach, dependency blips included. */
export function dispersionInTime(history: History, lane: number): number {
  const length = lengthOf(history)
  const rate = rateOf(history, lane) ?? 0
  let phi = 1
  for (const scrapes of blockLengths) {
    let chi = 0
    let blocks = 0
    for (let from = 0; from + scrapes <= length; from += scrapes) {
      const n = history.pods.reduce((sum, pod) => sum + total(pod.n, from, scrapes), 0)
      const x = history.pods.reduce((sum, pod) => sum + total(pod.x[lane] ?? [], from, scrapes), 0)
      const expected = n * rate
      if (expected > 0) chi += (x - expected) ** 2 / expected
      blocks += 1
    }
    if (blocks > 1) phi = Math.max(phi, chi / (blocks - 1))
  }
  return phi
}

/** sum (x - e)^2 / sum e (1 - n/N) over pods and blocks, with e the pod's share of the block. */
function ratioOver(
  pods: readonly PodHistory[],
  lane: number,
  { scrapes, length }: { scrapes: number; length: number },
): number {
  let scatter = 0
  let expected = 0
  const n = new Array<number>(pods.length).fill(0)
  const x = new Array<number>(pods.length).fill(0)
  for (let from = 0; from + scrapes <= length; from += scrapes) {
    let requests = 0
    let bad = 0
    for (let pod = 0; pod < pods.length; pod += 1) {
      const history = pods[pod]
      n[pod] = total(history?.n ?? [], from, scrapes)
      x[pod] = total(history?.x[lane] ?? [], from, scrapes)
      requests += n[pod] ?? 0
      bad += x[pod] ?? 0
    }
    if (bad === 0 || requests === 0) continue
    for (let pod = 0; pod < pods.length; pod += 1) {
      const share = (n[pod] ?? 0) / requests
      scatter += ((x[pod] ?? 0) - bad * share) ** 2
      expected += bad * share * (1 - share)
    }
  }
  return expected > 0 ? scatter / expected : 1
}

function total(values: readonly number[], from = 0, count = values.length): number {
  let sum = 0
  for (let i = from; i < from + count && i < values.length; i += 1) sum += values[i] ?? 0
  return sum
}
