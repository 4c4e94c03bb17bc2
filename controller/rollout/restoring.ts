// What is asked of Git after an abort, and from when on.
import { durationMs } from '../../crds/duration.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import type { Action } from './seen.ts'
import type { Snapshot } from './snapshot.ts'
import type { State } from './state.ts'
import { timestamp } from './stored.ts'

/** Git has not given its last word: nothing was written yet, or a pull request waits. */
export function isOpen({ revert }: RolloutStatus): boolean {
  return revert?.state === 'Requested' || revert?.state === 'Proposed'
}

/** When Git may be written, ms since epoch, if not yet: until then people may say a word of theirs. */
export function restoresAt({ status: { revert }, spec, now }: Snapshot): number | null {
  if (revert?.state !== 'Requested') return null
  const at = Date.parse(revert.at) + durationMs(spec.revert.delay)
  return at > now ? at : null
}

/** Git follows when traffic is seen on stable; it never delays traffic, and runs beside drain and scale-down. */
export function restore(
  snapshot: Snapshot,
  state: State,
  { liveAt }: { readonly liveAt: number | null },
): Action[] {
  const { status, revert: report, now } = snapshot
  const isSafe = liveAt !== null && liveAt <= now
  if (!status.revert || !isOpen(status) || !isSafe) return []
  // Also when Git asks for stable again: a crash may have come between our push and this record of it.
  const { kind } = state.phase
  if (kind !== 'Aborted' && kind !== 'Stable') return []
  if (report?.attempt === state.attempt || restoresAt(snapshot) !== null) return []
  return [{ kind: 'revert', bad: status.revert.bad.revision, attempt: state.attempt }]
}

/** What a person reads while the release is not restored. */
export function restoringMessage(snapshot: Snapshot): string {
  const at = restoresAt(snapshot)
  if (at === null) return 'the last good release is being restored in Git'
  return `the last good release is restored in Git at ${timestamp(at)}, unless a retry or a commit comes first`
}
