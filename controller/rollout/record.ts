// Decisions in, the status to store out: the write-ahead log and the story people read.
import { compact } from '../../crds/compact.ts'
import type { Release, RolloutStatus } from '../../crds/rollout-status.ts'
import { trendLimit } from '../../crds/words.ts'
import { type Announcement, conditionsOf, progressOf } from './describe.ts'
import { desired } from './desired.ts'
import { consume } from './person.ts'
import { isOpen } from './restoring.ts'
import type { RevertReport, Snapshot } from './snapshot.ts'
import type { AbortReason, Advance, State } from './state.ts'
import { isSame, sum, timestamp } from './stored.ts'

const historyLimit = 10
const quarantineLimit = 10
/** The schema of the status has the same bound. */
const formerLimit = 3

/** The status after a change of phase. All pending commands are answered by it. */
export function recordAdvance(
  snapshot: Snapshot,
  before: State,
  next: Advance,
): { status: RolloutStatus; after: State } {
  const after: State = {
    phase: next.phase,
    stable: next.stable,
    decision: before.decision + 1,
    fence: isNewPhase(before, next) ? before.decision + 1 : before.fence,
    attempt: before.attempt + (next.isNewAttempt ? 1 : 0),
  }
  const old = snapshot.status
  const status: RolloutStatus = compact({
    ...machine(after),
    ...story(snapshot, after, next.because),
    evidence: next.isNewAttempt ? undefined : evidence(snapshot, before, old),
    quarantine: quarantine(snapshot, next),
    commands: consume(snapshot, () => true),
    revert: revertAfter(snapshot, after, next),
    former: former(snapshot.status, before, next),
    history: history(snapshot, before, next),
  })
  return { status, after }
}

function isNewPhase(before: State, next: Advance): boolean {
  return next.isNewAttempt || before.phase.kind !== next.phase.kind
}

/** The fields that drive the state machine. */
function machine(state: State): RolloutStatus {
  const { phase } = state
  const common = {
    decision: state.decision,
    fence: state.fence,
    attempt: state.attempt,
    stable: state.stable ?? undefined,
    phase: phase.kind === 'New' ? undefined : phase.kind,
  }
  if (phase.kind === 'New' || phase.kind === 'Stable') return compact(common)
  return compact({
    ...common,
    canary: phase.canary,
    step: phase.step,
    since: timestamp(phase.since),
    startedAt: timestamp(phase.startedAt),
    reason: phase.kind === 'Progressing' ? undefined : phase.reason,
  })
}

/** The fields people and scripts read; recomputed at each write. */
function story(snapshot: Snapshot, state: State, because: string): Partial<RolloutStatus> {
  const { spec, fleets, identity, route } = snapshot
  const weights = desired(state, spec, route)?.weights ?? {}
  const { phase } = state
  const onTrial = phase.kind === 'Progressing' || phase.kind === 'Paused'
  return compact({
    observedGeneration: identity.generation,
    target: snapshot.target.revision,
    progress: progressOf(state, spec),
    because: because.slice(0, 1024),
    weights: Object.entries(weights).map(([revision, weight]) => ({ revision, weight })),
    weight: onTrial ? (weights[phase.canary.revision] ?? 0) : undefined,
    replicas: sum(fleets.map((fleet) => fleet.desired)),
    readyReplicas: sum(fleets.map((fleet) => fleet.ready)),
    selector: Object.entries(spec.selector.matchLabels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    conditions: conditionsOf(snapshot, { state, isSettled: false, blockedBy: undefined, because }),
  })
}

function evidence({ verdict }: Snapshot, before: State, old: RolloutStatus) {
  const { phase } = before
  const isOnTrial = phase.kind === 'Progressing' || phase.kind === 'Paused'
  const isFresh =
    isOnTrial && verdict?.revision === phase.canary.revision && verdict.from >= phase.since
  if (!isFresh || !verdict) return old.evidence
  return verdict.evidence.map((found) => {
    const last = old.evidence?.find(({ check }) => check === found.check)
    const trend = grown(last?.trend, found.value)
    return compact({ ...found, trend, stableTrend: grown(last?.stableTrend, found.stable) })
  })
}

/** What people see as a curve; nothing is decided by it. */
function grown(trend: readonly number[] | undefined, value: number | undefined) {
  if (value === undefined) return trend ? [...trend] : undefined
  return [...(trend ?? []), value].slice(-trendLimit)
}

function quarantine({ status, now }: Snapshot, next: Advance): RolloutStatus['quarantine'] {
  const released = next.release?.revision ?? next.quarantine?.revision
  const kept = (status.quarantine ?? []).filter((entry) => entry.revision !== released)
  if (!next.quarantine) return kept.length > 0 ? kept : undefined
  const entry = { ...next.quarantine, because: next.because.slice(0, 1024), at: timestamp(now) }
  return [entry, ...kept].slice(0, quarantineLimit)
}

function former(status: RolloutStatus, { stable: before }: State, { stable }: Advance) {
  if (!before || before.revision === stable?.revision) return status.former
  const others = (status.former ?? []).filter(
    ({ revision }) => revision !== before.revision && revision !== stable?.revision,
  )
  return [before, ...others].slice(0, formerLimit)
}

function history(snapshot: Snapshot, before: State, next: Advance) {
  const { status, now, spec } = snapshot
  const { phase } = before
  if (!next.ended || phase.kind === 'New' || phase.kind === 'Stable') return status.history
  const verdicts = evidence(snapshot, before, status)?.map(({ check, outcome }) => ({
    check,
    outcome,
  }))
  const entry = compact({
    ...phase.canary,
    outcome: next.ended,
    progress: progressOf(before, spec),
    because: next.because.slice(0, 1024),
    startedAt: timestamp(phase.startedAt),
    endedAt: timestamp(now),
    verdicts,
  })
  return [entry, ...(status.history ?? [])].slice(0, historyLimit)
}

/** Reasons that say the revision is bad. Without a measurement Git is left alone. */
const isBad: Readonly<Record<AbortReason, boolean>> = {
  failed: true,
  pods: true,
  person: true,
  inconclusive: false,
  error: false,
}

function revertAfter(snapshot: Snapshot, after: State, next: Advance): RolloutStatus['revert'] {
  const { phase } = after
  if (phase.kind !== 'Aborted') return next.isNewAttempt ? undefined : snapshot.status.revert
  const common = { bad: phase.canary, good: goodOf(after.stable), at: timestamp(snapshot.now) }
  const [state, because] =
    snapshot.spec.revert.mode === 'off'
      ? (['Off', 'spec.revert.mode is off'] as const)
      : isBad[phase.reason]
        ? (['Requested', next.because] as const)
        : (['Off', 'nothing was measured to be bad, so Git is left alone'] as const)
  return compact({ ...common, state, because: because.slice(0, 1024) })
}

function goodOf(stable: Release | null): Release | undefined {
  return stable ?? undefined
}

/**
 * A status that was lost or restored from a backup is behind the objects it wrote, and the fence would
 * refuse every write: numbering goes on from the highest number seen. Null when the status is not behind.
 */
export function recordCatchUp(
  { status, fleets, route }: Snapshot,
  state: State,
): { status: RolloutStatus; because: string } | null {
  const highest = Math.max(route.decision, ...fleets.map((fleet) => fleet.decision))
  if (highest <= state.decision) return null
  return {
    because: `objects carry decision ${highest}, the status only ${state.decision}: numbering goes on from there`,
    status: { ...status, decision: highest },
  }
}

/** What the Git writer reported, stored once; null when there is nothing new. */
export function recordRevert(
  snapshot: Snapshot,
  state: State,
): { status: RolloutStatus; because: string; announcements: Announcement[] } | null {
  const { revert: report, status, now } = snapshot
  if (!report || !status.revert || !isOpen(status)) return null
  if (report.bad !== status.revert.bad.revision || report.attempt !== state.attempt) return null
  if (isSame(saidIn(report), saidIn(status.revert))) return null
  const because = report.because.slice(0, 1024)
  const { state: outcome } = report
  return {
    because,
    announcements: [
      {
        type: outcome === 'NeedsHuman' ? 'Warning' : 'Normal',
        reason: `Revert${outcome}`,
        note: because,
      },
    ],
    status: compact({
      ...status,
      decision: state.decision + 1,
      revert: compact({
        ...status.revert,
        state: outcome,
        commit: report.commit,
        pullRequest: report.pullRequest,
        because,
        at: timestamp(now),
      }),
    }),
  }
}

/** A pull request that still waits is no news. */
function saidIn({
  state,
  commit,
  pullRequest,
}: Pick<RevertReport, 'commit' | 'pullRequest'> & { readonly state: string }) {
  return compact({ state, commit, pullRequest })
}
