// What one scrape interval added to each arm, and the history of the stable pods before the rollout.

/** Requests of one arm, and the bad ones: one number for errors, one per edge for latency. */
export interface Arm {
  readonly n: number
  readonly x: readonly number[]
}

export interface Tick {
  /** Time of the samples, ms since epoch: the identity of the tick. */
  readonly atMs: number
  readonly canary: Arm
  readonly stable: Arm
  /** Weight of the canary in force, when known: traffic that does not follow it is held. */
  readonly weightPercent?: number
  /** Restarts of canary containers seen in this interval. */
  readonly canaryRestarts?: number
}

/** Scrape intervals of one stable pod, oldest first; all pods have the same number of them. */
export interface PodHistory {
  readonly n: readonly number[]
  /** Per edge (one for errors), per interval. */
  readonly x: readonly (readonly number[])[]
}

export interface History {
  readonly pods: readonly PodHistory[]
}

/** One lane of a tick: requests and bad requests of both arms. */
export interface Counts {
  readonly canaryN: number
  readonly canaryX: number
  readonly stableN: number
  readonly stableX: number
}

/** Why a tick can not be used, or null. A bad number is never taken for zero. */
export function problemOf(tick: Tick, lanes: number): string | null {
  for (const [name, arm] of [
    ['canary', tick.canary],
    ['stable', tick.stable],
  ] as const) {
    if (!isCount(arm.n)) return `${name} counts ${arm.n} requests`
    if (arm.x.length !== lanes) return `${name} has ${arm.x.length} counts where ${lanes} are due`
    for (const x of arm.x) {
      if (!isCount(x)) return `${name} counts ${x} bad requests`
      if (x > arm.n) return `${name} counts ${x} bad requests of ${arm.n}`
    }
  }
  return null
}

/** Nobody serves more in one interval: a larger count is a mistake, and would drown all others. */
export const mostCount = 1e10

function isCount(value: number): boolean {
  return value >= 0 && value <= mostCount
}
