// What analysis says of a canary. The core sees these types and nothing else of this folder.
import type { Evidence } from '../crds/rollout-status.ts'

/**
 * `Running`: no check failed and not all have enough evidence yet. `Passed`: every check has its own
 * positive evidence over a window that began after the step's weight was live. `Failed`: a check is
 * beyond its bound. `Inconclusive`: too few requests, no series or NaN. `Error`: the provider did not answer,
 * or answered something else than a number.
 */
export type Outcome = 'Running' | 'Passed' | 'Failed' | 'Inconclusive' | 'Error'

/** The verdict on one revision at one step; it never speaks for another. */
export interface Verdict {
  readonly revision: string
  readonly step: number
  /** Start of the evidence, ms since epoch: when the step's weight was live. */
  readonly from: number
  /** End of the evidence, ms since epoch. */
  readonly at: number
  readonly outcome: Outcome
  /** One sentence a user may read. */
  readonly because: string
  readonly evidence: readonly Evidence[]
  /** Requests that callers sent to both arms in that time, where a built-in metric counts them. */
  readonly observed?: Observed | undefined
}

export interface Observed {
  readonly canary: number
  readonly stable: number
}
