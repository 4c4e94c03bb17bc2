// The published scenario set: a noise family, a service and a seed in, one rollout out, with the
// healthy canary and each fault on the same traffic. 10 pods, 15 s scrapes, an hour of history, 30 min.
import type { History } from '../../../analysis/compare/counts.ts'
import { createRandom, type Random } from './random.ts'

export const families = [
  'independent',
  'drift',
  'common-blips',
  'batches',
  'wandering-pods',
  'pods-differ',
  'pod-bursts',
  'cold-start',
] as const
export type Family = (typeof families)[number]

export interface Service {
  /** Share of failed requests of a healthy pod. */
  readonly base: number
  readonly rps: number
  /** Canary's share of traffic. */
  readonly weight: number
}

export const services: readonly Service[] = [0.001, 0.01].flatMap((base) =>
  [100, 1_000].map((rps) => ({ base, rps, weight: 0.1 })),
)

/** The failed share becomes `factor` times as large plus `rise`. */
export const faults = [
  { name: 'x5', factor: 5, rise: 0 },
  { name: '+1pp', factor: 1, rise: 0.01 },
  { name: '+5pp', factor: 1, rise: 0.05 },
  { name: '+20pp', factor: 1, rise: 0.2 },
] as const

export const scrapeSeconds = 15
/** Scrapes of the rollout, and of the history before it. */
export const rolloutScrapes = 120
const historyScrapes = 240
const stablePods = 9
const scrapes = historyScrapes + rolloutScrapes

export interface Scenario {
  readonly history: History
  readonly canaryN: readonly number[]
  readonly stableN: readonly number[]
  readonly stableX: readonly number[]
  /** Failed requests of the canary: healthy first, then one list per fault. */
  readonly canaryX: readonly (readonly number[])[]
}

export function scenario(family: Family, service: Service, seed: number): Scenario {
  const random = createRandom(seed)
  const noise = noiseOf(family, random)
  const count = (pod: number, at: number, mean: number) => {
    return draw({ random, family }, mean, [noise.share(service.base, pod, at)])
  }
  const { rps, weight } = service
  const pods = indices(stablePods).map((pod) => {
    const drawn = indices(historyScrapes).map((at) => {
      return count(pod, at, (rps * scrapeSeconds * noise.traffic(at)) / stablePods)
    })
    return { n: drawn.map(({ n }) => n), x: [drawn.map(({ x: [x = 0] }) => x)] }
  })
  const during = indices(rolloutScrapes).map((k) => historyScrapes + k)
  const requests = (at: number) => rps * scrapeSeconds * noise.traffic(at)
  const stable = during.map((at) => {
    // Pods that behave alike are drawn as one.
    const groups = noise.isPerPod ? stablePods : 1
    const mean = (requests(at) * (1 - weight)) / groups
    return indices(groups)
      .map((pod) => count(pod, at, mean))
      .reduce((sum, { n, x: [x = 0] }) => ({ n: sum.n + n, x: sum.x + x }), { n: 0, x: 0 })
  })
  const canary = during.map((at) => {
    const share = noise.share(service.base, stablePods, at)
    const shares = [share, ...faults.map(({ factor, rise }) => Math.min(share * factor + rise, 1))]
    return draw({ random, family }, requests(at) * weight, shares)
  })
  return {
    history: { pods },
    canaryN: canary.map(({ n }) => n),
    stableN: stable.map(({ n }) => n),
    stableX: stable.map(({ x }) => x),
    canaryX: indices(1 + faults.length).map((i) => canary.map(({ x }) => x[i] ?? 0)),
  }
}

/** Requests, and the failed ones for each share that fails. */
function draw(
  { random, family }: { readonly random: Random; readonly family: Family },
  mean: number,
  shares: readonly number[],
): { n: number; x: number[] } {
  const n = random.poisson(mean)
  if (family !== 'batches') return { n, x: shares.map((share) => random.binomial(n, share)) }
  // Retries and heavy users: failures come in geometric batches of mean 5.
  const x = shares.map((share) => {
    const batches = random.poisson((n * share) / 5)
    return batches + random.negativeBinomial(batches, 1 / 5)
  })
  // Faults share the traffic, so a batch is cut off where it would exceed it.
  return {
    n: Math.max(n, x[0] ?? 0),
    x: x.map((failed) => Math.min(failed, Math.max(n, x[0] ?? 0))),
  }
}

interface Noise {
  readonly isPerPod: boolean
  traffic(at: number): number
  share(base: number, pod: number, at: number): number
}

function noiseOf(family: Family, random: Random): Noise {
  const alike: Noise = { isPerPod: false, traffic: () => 1, share: (base) => base }
  switch (family) {
    case 'independent':
    case 'batches':
      return alike
    case 'drift': {
      const along = (at: number) => Math.max(0, at - historyScrapes) / (rolloutScrapes - 1)
      return {
        ...alike,
        traffic: (at) => 1 + 0.5 * along(at),
        share: (base, _, at) => base * (1 + along(at)),
      }
    }
    case 'common-blips': {
      const blips = commonBlips(random)
      return { ...alike, share: (base, _, at) => Math.min(1, base + (blips[at] ?? 0)) }
    }
    case 'wandering-pods': {
      const paths = indices(stablePods + 1).map(() => wandering(random, 0.5, 120))
      const share: Noise['share'] = (base, pod, at) => {
        return Math.min(1, base * Math.exp((paths[pod]?.[at] ?? 0) - 0.5 ** 2 / 2))
      }
      return { ...alike, isPerPod: true, share }
    }
    case 'pods-differ': {
      const factors = indices(stablePods + 1).map(() => Math.exp(0.2 * random.normal() - 0.02))
      return {
        ...alike,
        isPerPod: true,
        share: (base, pod) => Math.min(1, base * (factors[pod] ?? 1)),
      }
    }
    case 'pod-bursts': {
      const bursts = indices(stablePods + 1).map(() => podBursts(random))
      const share: Noise['share'] = (base, pod, at) => Math.min(1, base + (bursts[pod]?.[at] ?? 0))
      return { ...alike, isPerPod: true, share }
    }
    case 'cold-start': {
      const heat = (at: number) => Math.exp((-(at - historyScrapes + 0.5) * scrapeSeconds) / 10)
      const share: Noise['share'] = (base, pod, at) => {
        return pod === stablePods ? Math.min(1, base * (1 + 9 * heat(at))) : base
      }
      return { ...alike, share }
    }
  }
}

/** A dependency fails 10 % of the requests of both arms for 45 s, twice an hour. */
function commonBlips(random: Random): readonly number[] {
  const extra = new Array<number>(scrapes).fill(0)
  const length = 45 / scrapeSeconds
  for (let i = 0; i < scrapes / rolloutScrapes; i += 1) {
    const from = Math.floor(random.uniform() * (scrapes - length))
    for (let at = from; at < from + length; at += 1) extra[at] = (extra[at] ?? 0) + 0.1
  }
  return extra
}

/** One pod fails 2 % more for 60 s, every 2 h on average. */
function podBursts(random: Random): readonly number[] {
  const extra = new Array<number>(scrapes).fill(0)
  for (let from = 0; from < scrapes; from += 1) {
    if (random.uniform() >= (0.5 * scrapeSeconds) / 3_600) continue
    for (let at = from; at < Math.min(scrapes, from + 60 / scrapeSeconds); at += 1) {
      extra[at] = (extra[at] ?? 0) + 0.02
    }
  }
  return extra
}

/** A log rate that forgets itself: standard deviation `spread`, memory in seconds. */
function wandering(random: Random, spread: number, memorySeconds: number): readonly number[] {
  const kept = Math.exp(-scrapeSeconds / memorySeconds)
  const fresh = Math.sqrt(1 - kept * kept)
  const path: number[] = []
  let value = random.normal()
  for (let at = 0; at < scrapes; at += 1) {
    path.push(spread * value)
    value = kept * value + fresh * random.normal()
  }
  return path
}

function indices(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i)
}
