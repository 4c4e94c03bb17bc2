// What a comparison is asked to do, as plain numbers with their defaults.

export type Metric = 'errors' | 'latency'

/** The numbers behind one compare check. Everything in it is fixed before the first tick. */
export interface Spec {
  readonly metric: Metric
  /** Upper edges in seconds, ascending; a request above an edge counts there. Empty for errors. */
  readonly edgesSeconds: readonly number[]
  readonly scrapeMs: number
  /** Start mass is spread over the scrapes of this time; later faults are found more slowly. */
  readonly deadlineMs: number
  /** Margins are wide for so long after the first canary traffic: new pods are cold. */
  readonly warmupMs: number
  /** A fault must last so long before it aborts, unless it is gross. */
  readonly sustainMs: number
  /** Chance of a false abort over the whole rollout for this check. */
  readonly alpha: number
  /** A canary up to so many times as bad as stable is healthy. */
  readonly marginRatio: number
  /** A canary with at most this share of bad requests is healthy, whatever stable has. */
  readonly marginFloor: number
  /** Pass rules out a canary that is worse than both `ratio` times stable and stable plus `rise`. */
  readonly tolerance: { readonly ratio: number; readonly rise: number }
  readonly canaryPods: number
}

/** Shared by all checks of a rollout, whose false aborts add up: 1 % over errors and latency. */
export const rolloutAlpha = 0.01

const common = {
  scrapeMs: 15_000,
  deadlineMs: 1_800_000,
  sustainMs: 60_000,
  alpha: rolloutAlpha / 2,
  marginRatio: 1.25,
  tolerance: { ratio: 2, rise: 0.01 },
  canaryPods: 1,
}

export const errorsSpec: Spec = {
  ...common,
  metric: 'errors',
  edgesSeconds: [],
  warmupMs: 30_000,
  marginFloor: 0.001,
}

export const latencySpec: Spec = {
  ...common,
  metric: 'latency',
  edgesSeconds: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  warmupMs: 60_000,
  marginFloor: 0.002,
}

/** Evidence, in nats, at which a check aborts. */
export function abortAt(spec: Spec): number {
  return Math.log(1 / spec.alpha)
}

/** Evidence at which a rollout stops advancing, and at which the absence of harm is shown. */
export const holdAt = Math.log(10)
export const passAt = Math.log(20)

/** Scrapes over which the start mass is spread. */
export function horizonOf(spec: Spec): number {
  return Math.max(1, Math.round(spec.deadlineMs / spec.scrapeMs))
}

export function warmupScrapes(spec: Spec): number {
  return Math.floor(spec.warmupMs / spec.scrapeMs)
}
