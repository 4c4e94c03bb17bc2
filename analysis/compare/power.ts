// Rates of a service and a fault in, how surely a comparison finds it out. Closed form, about right:
// simulated detection at its 80 % is 71 to 84 % from 10 requests a second up.
import { abortAt, passAt, type Spec } from './spec.ts'

export interface Traffic {
  /** Requests a second of each arm. */
  readonly canary: number
  readonly stable: number
  /** Share of bad requests of stable, 0 to 1. */
  readonly rate: number
  /** Variance over that of independent requests; 1 where it is not known. */
  readonly phi: number
}

const factors = [1.5, 2.5, 5, 15, 60]
const laneWeight = 0.75

/** Chance that a canary with this share of bad requests is aborted within a time. */
export function powerOf(spec: Spec, traffic: Traffic, fault: { rate: number; ms: number }): number {
  const scrapes = Math.max(0, fault.ms - spec.warmupMs) / spec.scrapeMs
  if (scrapes <= 0 || traffic.canary <= 0 || traffic.stable <= 0) return 0
  const chance = ({ mean, variance }: Gain) =>
    normal((scrapes * mean - needed(spec)) / Math.sqrt(Math.max(scrapes * variance, 1e-12)))
  const gains = gainsOf(spec, traffic, fault.rate)
  return Math.min(
    Math.max(...gains.map(({ relative }) => chance(relative))),
    Math.max(...gains.map(({ absolute }) => chance(absolute))),
  )
}

/** The least share of bad requests that is found with a chance of 80 % within a time; null for none. */
export function leastFound(spec: Spec, traffic: Traffic, ms: number): number | null {
  const isFound = (rate: number) => powerOf(spec, traffic, { rate, ms }) >= 0.8
  if (!isFound(1)) return null
  let [low, high] = [traffic.rate, 1]
  for (let round = 0; round < 40; round += 1) {
    const middle = (low + high) / 2
    if (isFound(middle)) high = middle
    else low = middle
  }
  return high
}

/** Canary requests until a healthy canary passes. */
export function requestsToPass(spec: Spec, { rate, phi }: Pick<Traffic, 'rate' | 'phi'>): number {
  const base = Math.max(rate, 1e-5)
  const tolerated = Math.max(spec.tolerance.ratio * base, base + spec.tolerance.rise)
  return Math.ceil((phi * passAt) / (tolerated - base + base * Math.log(base / tolerated)))
}

interface Gain {
  readonly mean: number
  readonly variance: number
}

/** Evidence of one scrape, for each factor of the grid. */
function gainsOf(spec: Spec, { canary, stable, rate: base, phi }: Traffic, rate: number) {
  const seconds = spec.scrapeMs / 1_000
  const sustained = Math.max(2, Math.ceil(spec.sustainMs / spec.scrapeMs))
  const cap = (0.97 / (sustained - 1)) * abortAt(spec)
  const { marginRatio: rho, marginFloor: floor } = spec
  return factors.map((factor) => {
    const a = Math.log(factor)
    const c = Math.log((rho * factor * canary + stable) / (rho * canary + stable))
    const bad = rate * canary
    const relative = {
      mean: (seconds * (bad * (a - c) - base * stable * c)) / phi,
      variance: (seconds * (bad * (a - c) ** 2 + base * stable * c ** 2)) / phi,
    }
    const absolute = {
      mean: (seconds * (bad * a - (factor - 1) * floor * canary)) / phi,
      variance: (seconds * bad * a ** 2) / phi,
    }
    return { relative: capped(relative, cap), absolute: capped(absolute, cap) }
  })
}

/** Mean and variance of a normal variable that is cut off at a cap. */
function capped({ mean, variance }: Gain, cap: number): Gain {
  const spread = Math.sqrt(Math.max(variance, 1e-12))
  const z = (cap - mean) / spread
  const below = normal(z)
  const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)
  const first = mean * below - spread * density + cap * (1 - below)
  const second =
    (mean ** 2 + variance) * below - spread * (mean + cap) * density + cap ** 2 * (1 - below)
  return { mean: first, variance: Math.max(second - first ** 2, 1e-12) }
}

/** Evidence that an abort needs: the start is shared by lanes, factors and times. */
function needed(spec: Spec): number {
  return abortAt(spec) + Math.log(4 / laneWeight) + 0.6 * Math.log(factors.length)
}

/** The standard normal distribution, good to 1e-7. */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z))
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const tail = (Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)) * poly
  return z >= 0 ? 1 - tail : tail
}
