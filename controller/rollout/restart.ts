// Pods of stable and the time before which they are too old in, the next pod to go out. One more pod than asked
// for starts first, so that no eviction takes a request from anybody, whatever a budget of disruptions allows.
import type { Action } from './seen.ts'
import type { Snapshot } from './snapshot.ts'
import type { State } from './state.ts'

type Eviction = Extract<Action, { kind: 'evict' }>

export interface Restart {
  /** The value of `spec.restartAt` this is about. */
  readonly at: string
  /** Pods that are too old. */
  readonly left: number
  /** One pod more than asked for, while any is too old. */
  readonly replicas: number
  readonly evict: Eviction | null
}

type Seen = Pick<Snapshot, 'now' | 'spec' | 'status' | 'pods'>

/** Null when there is nothing to restart now: not asked for, done, not yet due, or a trial goes on. */
export function restartOf(
  { now, spec, status, pods }: Seen,
  { phase, stable }: State,
): Restart | null {
  const { restartAt, replicas } = spec
  if (restartAt === undefined || !stable || phase.kind !== 'Stable' || replicas === 0) return null
  if (status.restart?.at === restartAt && status.restart.endedAt !== undefined) return null
  const dueAt = Date.parse(restartAt)
  if (now < dueAt) return null
  const present = pods.filter(({ isGoing }) => !isGoing)
  const old = present
    .filter(({ createdAt }) => createdAt < dueAt)
    .toSorted((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1))
  const [first] = old
  // Counted in one list: a pod that was told to end is not among those that are ready.
  const isSpare = present.filter(({ isReady }) => isReady).length > replicas
  const evict: Eviction | null =
    first && (isSpare || !first.isReady)
      ? { kind: 'evict', revision: stable.revision, pod: first.name, uid: first.uid }
      : null
  return { at: restartAt, left: old.length, replicas: replicas + (first ? 1 : 0), evict }
}

/** When a restart that lies ahead becomes due; null when none does. */
export function restartDueAt({ now, spec }: Pick<Snapshot, 'now' | 'spec'>): number | null {
  const dueAt = spec.restartAt === undefined ? Number.NaN : Date.parse(spec.restartAt)
  return dueAt > now ? dueAt : null
}
