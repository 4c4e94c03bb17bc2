// Template and configuration as they stand now in, the release that is asked for out. What can not be read asks
// for nothing new: the revision under trial or in service stays the target, and the status says what is missing.
import { compact } from '../../crds/compact.ts'
import { type ConfigDigest, type Hash, revisionOf } from '../../crds/revision.ts'
import type { Release, RolloutStatus } from '../../crds/rollout-status.ts'
import type { Obstacle } from './snapshot.ts'

/** A ConfigMap or Secret of a release, with what it held before it changed. */
export interface FollowedConfig {
  readonly now: ConfigDigest
  readonly before: ConfigDigest | null
  /** When the change was seen, ms since epoch. */
  readonly changedAt: number
}

export interface Source {
  readonly template: unknown
  readonly config: readonly FollowedConfig[]
  /** The commit that brought the Rollout, when Git did. */
  readonly commit?: string | undefined
  readonly author?: string | undefined
  /** Templates that run, for a template that the API server fills with defaults. */
  readonly kept?: readonly Kept[] | undefined
}

/** The template in a ReplicaSet: the revision it is, and the digest of it as it stands now. */
export interface Kept {
  readonly revision: Hash
  readonly plain: Hash
}

export interface Asked {
  /** Null when nothing was ever decided and what is asked for can not be read. */
  readonly target: Release | null
  /** Why what is asked for can not be read. */
  readonly unread: Obstacle | null
  /** When to ask again although nothing changes, ms since epoch. */
  readonly wakeAt: number | null
}

/**
 * Tools write a ConfigMap and the Rollout that goes with it as two writes: for so long a change of configuration
 * waits for the other, so that no revision is tried that nobody committed.
 */
export const configSettleMs = 2_000

export function askedBy(
  source: Source | Obstacle,
  { status, now }: { readonly status: RolloutStatus; readonly now: number },
): Asked {
  const current = currentOf(status)
  if ('reason' in source) return { target: current, unread: source, wakeAt: null }
  const { config, commit, author } = source
  const releaseOf = (revision: Hash): Release => compact({ revision, commit, author })
  const latest = revisionFor(
    source,
    config.map((one) => one.now),
  )
  const fresh = config.filter((one) => one.before && now < one.changedAt + configSettleMs)
  if (fresh.length === 0) return { target: releaseOf(latest), unread: null, wakeAt: null }
  const earlier = config.map((one) => (fresh.includes(one) ? (one.before ?? one.now) : one.now))
  const isUnchanged = current?.revision === revisionFor(source, earlier)
  if (!isUnchanged) return { target: releaseOf(latest), unread: null, wakeAt: null }
  const changedAt = Math.min(...fresh.map((one) => one.changedAt))
  return { target: current, unread: null, wakeAt: changedAt + configSettleMs }
}

/** What was asked for last: the revision under trial, or else the one in service. */
function currentOf(status: RolloutStatus): Release | null {
  return status.canary ?? status.stable ?? null
}

/**
 * An upgrade of the cluster may add defaults to a stored template, which are no new revision: the same defaults
 * are in the template of the ReplicaSet by then.
 */
function revisionFor({ template, kept = [] }: Source, config: readonly ConfigDigest[]): Hash {
  if (config.length > 0) return revisionOf(template, config)
  const plain = plainRevision(template)
  return kept.find((one) => one.plain === plain)?.revision ?? plain
}

// A template that was read is never changed in place, and most ticks meet the one of the tick before.
const plainRevisions = new WeakMap<object, Hash>()

function plainRevision(template: unknown): Hash {
  if (typeof template !== 'object' || template === null) return revisionOf(template)
  const known = plainRevisions.get(template)
  if (known !== undefined) return known
  const revision = revisionOf(template)
  plainRevisions.set(template, revision)
  return revision
}
