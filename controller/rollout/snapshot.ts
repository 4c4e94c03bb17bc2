// All that one decision may look at: read once, then only data. Times are ms since epoch.
import type { Verdict } from '../../analysis/verdict.ts'
import type { Command } from '../../crds/command.ts'
import type { Hash } from '../../crds/revision.ts'
import type { RolloutSpec } from '../../crds/rollout.ts'
import type { Release, RolloutStatus } from '../../crds/rollout-status.ts'
import type { StepMatch } from '../../crds/step-match.ts'
import type { Workload } from './adopt.ts'
import type { Reason } from './reasons.ts'

export interface Snapshot {
  readonly now: number
  readonly identity: Identity
  readonly spec: RolloutSpec
  /** The revision Git asks for now. */
  readonly target: Release
  /** Status as stored; empty for a Rollout that was never decided on. */
  readonly status: RolloutStatus
  readonly fleets: readonly Fleet[]
  readonly route: Route
  /** The revision that the preview Service leads to; null without one. */
  readonly preview: Hash | null
  /** The newest verdict, or null when no analysis has spoken. */
  readonly verdict: Verdict | null
  /** Commands of people that were not consumed yet. */
  readonly commands: readonly Command[]
  /** What the Git writer says of this rollout's revert, or null while it works. */
  readonly revert: RevertReport | null
  /** Why this Rollout can not be acted on at all, such as a CRD that is missing. */
  readonly obstacle: Obstacle | null
  /** Who else writes the weights; null without a route. */
  readonly contest: Contest | null
  /** Why what is asked for can not be read: then `target` is what was asked for before. */
  readonly unread: Obstacle | null
  /** The Deployment whose template it runs; null without one, or when it is not there. */
  readonly workload: Workload | null
  /** Pods of stable, while some may have to be restarted. */
  readonly pods: readonly Pod[]
}

export interface Identity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly generation: number
}

/** The pods of one revision. */
export interface Fleet {
  readonly revision: Hash
  readonly desired: number
  readonly ready: number
  /** When it could serve first, ms since epoch; absent when that is longer ago than anybody knows. */
  readonly servingSince?: number | undefined
  /** The fence it carries. */
  readonly decision: number
  /** The newest reason why a pod is not ready, as the cluster words it. */
  readonly trouble?: string | undefined
}

/** Percent of traffic by revision. Non-empty weights sum to 100. */
export type Weights = Readonly<Record<Hash, number>>

/** Requests that reach a revision whatever its weight: those that match, and copies. */
export interface Aside {
  readonly revision: Hash
  readonly match?: StepMatch | undefined
  readonly mirrorPercent?: number | undefined
}

/** What the mesh object says, as stored. */
export interface Route {
  readonly weights: Weights
  readonly aside: Aside | null
  /** Revisions the mesh can tell apart. */
  readonly subsets: readonly Hash[]
  readonly decision: number
  /** When the weights, or what stands beside them, last changed or were taken; null without a route. */
  readonly since: number | null
  /** Why the mesh did not take the object as it is stored now; null where it did, or never says. */
  readonly untaken: Untaken | null
}

export interface Untaken {
  readonly isRejected: boolean
  readonly because: string
}

export interface RevertReport {
  readonly bad: Hash
  readonly attempt: number
  readonly state: 'Committed' | 'Proposed' | 'Superseded' | 'Nothing' | 'NeedsHuman'
  readonly commit?: string | undefined
  /** Waits to be merged, or was left to a person. */
  readonly pullRequest?: { readonly number: number; readonly url: string } | undefined
  readonly because: string
}

/** A foreign hand on the weights of our route. */
export interface Contest {
  /** Foreign changes within the last ten minutes. */
  readonly edits: number
  /** Time of the last one; null without any. */
  readonly lastAt: number | null
  /** The field manager of the last one, when the API server told. */
  readonly manager: string | null
}

export interface Pod {
  readonly name: string
  readonly uid: string
  readonly createdAt: number
  readonly isReady: boolean
  /** It was told to end. */
  readonly isGoing: boolean
}

export interface Obstacle {
  readonly reason: Reason
  readonly message: string
}
