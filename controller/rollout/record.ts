// Decisions in, the status to store out: the write-ahead log and the story people read.
import { canonicalJson } from '../../crds/revision.ts'
import type { Release, RolloutStatus } from '../../crds/rollout-status.ts'
import { verbs } from '../../crds/words.ts'
import type { Advance } from './advance.ts'
import { type Announcement, conditionsOf, progressOf } from './describe.ts'
import { desired } from './desired.ts'
import { command } from './person.ts'
import type { Snapshot } from './snapshot.ts'
import type { AbortReason, State } from './state.ts'
import { earliest, type Wait } from './waiting.ts'

const historyLimit = 10
const quarantineLimit = 10

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
  const weights = desired(state, spec, route.weights)?.weights ?? {}
  const { phase } = state
  const onTrial = phase.kind === 'Progressing' || phase.kind === 'Paused'
  return compact({
    observedGeneration: identity.generation,
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
  return isFresh && verdict ? [...verdict.evidence] : old.evidence
}

function quarantine({ status, now }: Snapshot, next: Advance): RolloutStatus['quarantine'] {
  const released = next.release?.revision ?? next.quarantine?.revision
  const kept = (status.quarantine ?? []).filter((entry) => entry.revision !== released)
  if (!next.quarantine) return kept.length > 0 ? kept : undefined
  const entry = { ...next.quarantine, because: next.because.slice(0, 1024), at: timestamp(now) }
  return [entry, ...kept].slice(0, quarantineLimit)
}

function history({ status, now }: Snapshot, before: State, next: Advance) {
  const { phase } = before
  if (!next.ended || phase.kind === 'New' || phase.kind === 'Stable') return status.history
  const entry = {
    ...phase.canary,
    outcome: next.ended,
    because: next.because.slice(0, 1024),
    startedAt: timestamp(phase.startedAt),
    endedAt: timestamp(now),
  }
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

/** What the Git writer reported, stored once; null when there is nothing new. */
export function recordRevert(
  snapshot: Snapshot,
  state: State,
): { status: RolloutStatus; because: string; announcements: Announcement[] } | null {
  const { revert: report, status, now } = snapshot
  if (!report || status.revert?.state !== 'Requested') return null
  if (report.bad !== status.revert.bad.revision || report.attempt !== state.attempt) return null
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
        because,
        at: timestamp(now),
      }),
    }),
  }
}

interface Recorded {
  readonly status: RolloutStatus | null
  readonly announcements: readonly Announcement[]
  readonly wakeAt: number | null
}

/** Facts that change without a change of phase: what blocks it, stale commands, pods at rest. */
export function recordFacts(
  snapshot: Snapshot,
  state: State,
  facts: { readonly wait: Wait | null; readonly isSettled: boolean },
): Recorded {
  const { status: old, now, fleets, identity } = snapshot
  const stale = snapshot.commands.filter((pending) => !isStillValid(snapshot, state, pending.verb))
  const blocked = blockedBy(snapshot, state, facts.wait)
  const isAtRest = state.phase.kind === 'Stable' || state.phase.kind === 'Aborted'
  const because = old.because ?? ''
  const counted =
    isAtRest && facts.isSettled
      ? {
          replicas: sum(fleets.map((f) => f.desired)),
          readyReplicas: sum(fleets.map((f) => f.ready)),
        }
      : {}
  const status: RolloutStatus = compact({
    ...old,
    ...counted,
    observedGeneration: identity.generation,
    blockedBy: blocked.value,
    commands: consume(snapshot, (verb) => stale.some((pending) => pending.verb === verb)),
    conditions: conditionsOf(snapshot, {
      state,
      isSettled: facts.isSettled,
      blockedBy: blocked.value,
      because,
    }),
  })
  const isNews = state.phase.kind === 'New' || isAtRest || stale.length > 0 || blocked.isChanged
  const isSame = canonicalJson(status) === canonicalJson(old)
  return {
    status: isNews && !isSame ? status : null,
    wakeAt: earliest(blocked.wakeAt, isNews && !isSame ? now : null),
    announcements:
      isNews && !isSame ? announcementsOf(stale, blocked.isNew ? facts.wait : null) : [],
  }
}

interface Blocked {
  readonly value: RolloutStatus['blockedBy']
  readonly isChanged: boolean
  /** It begins to block now. */
  readonly isNew: boolean
  readonly wakeAt: number | null
}

function blockedBy({ status, now }: Snapshot, state: State, wait: Wait | null): Blocked {
  const old = status.blockedBy
  if (!wait || wait.graceMs === null) {
    return { value: undefined, isChanged: old !== undefined, isNew: false, wakeAt: null }
  }
  if (old?.reason === wait.reason) {
    return { value: old, isChanged: false, isNew: false, wakeAt: null }
  }
  const { phase } = state
  const begun = phase.kind === 'New' || phase.kind === 'Stable' ? now : phase.since
  const dueAt = begun + wait.graceMs
  if (wait.graceMs > 0 && now < dueAt) {
    return { value: undefined, isChanged: old !== undefined, isNew: false, wakeAt: dueAt }
  }
  const message = wait.message.slice(0, 1024)
  const value = { reason: wait.reason, message, since: timestamp(now) }
  return { value, isChanged: true, isNew: true, wakeAt: null }
}

function announcementsOf(stale: Snapshot['commands'], wait: Wait | null): Announcement[] {
  const refused = stale.map(
    (pending): Announcement => ({
      type: 'Warning',
      reason: 'CommandRefused',
      note: `${pending.verb} by ${pending.by} came too late: it was meant for another revision, step or phase`,
    }),
  )
  if (!wait) return refused
  return [...refused, { type: 'Warning', reason: wait.reason, note: wait.message }]
}

/** A promote may wait for its gate; every other command acts at once or was too late. */
function isStillValid(snapshot: Snapshot, state: State, verb: string): boolean {
  const { phase } = state
  if (phase.kind !== 'Progressing' && phase.kind !== 'Paused') return false
  return verb === 'promote' && command(snapshot, 'promote', phase) !== null
}

function consume(snapshot: Snapshot, isConsumed: (verb: string) => boolean) {
  const consumed = { ...snapshot.status.commands }
  for (const verb of verbs) {
    const pending = snapshot.commands.find((candidate) => candidate.verb === verb)
    if (pending && isConsumed(verb)) consumed[verb] = pending.id
  }
  return Object.keys(consumed).length > 0 ? consumed : undefined
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString()
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** Without undefined members, so that what is stored equals what was meant. */
function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
