// The schedule by which belief in a fault is spread over the rollout: half evenly over all scrapes,
// half at the first, or a quarter there and a quarter when warm-up ends. It sums to one, which keeps
// the promise on false aborts and still sees a fault that begins late.

export interface Progress {
  /** Ticks consumed before this one. */
  readonly scrapes: number
  /** Ticks among them with canary traffic. */
  readonly served: number
}

export interface Schedule {
  readonly horizon: number
  /** Ticks with canary traffic that are warm-up; 0 without warm-up. */
  readonly warmup: number
}

/** Mass that enters at this tick. */
export function massAt(progress: Progress, schedule: Schedule, hasTraffic: boolean): number {
  const spread = progress.scrapes < schedule.horizon ? 0.5 / schedule.horizon : 0
  const first = progress.scrapes === 0 ? (schedule.warmup > 0 ? 0.25 : 0.5) : 0
  const isWarm = schedule.warmup > 0 && progress.served === schedule.warmup && hasTraffic
  return spread + first + (isWarm ? 0.25 : 0)
}

/** Mass that has not entered after `progress`. */
export function massLeft(progress: Progress, schedule: Schedule): number {
  if (progress.scrapes === 0) return 1
  const spread = (0.5 * Math.min(progress.scrapes, schedule.horizon)) / schedule.horizon
  const first = schedule.warmup > 0 ? 0.25 : 0.5
  const warm = schedule.warmup > 0 && progress.served > schedule.warmup ? 0.25 : 0
  const left = 1 - spread - first - warm
  return left > 1e-12 ? left : 0
}
