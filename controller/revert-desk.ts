// Requests to restore a release in, reports for the next decision out. Git may be slow or gone for
// hours: nothing waits for it, and it is asked again until it has answered once.
import { annotation } from '../crds/names.ts'
import type { Evidence, RolloutStatus } from '../crds/rollout-status.ts'
import type { RevertRequest } from '../git/revert-plan.ts'
import type { Clock } from '../kube/clock.ts'
import type { Hands } from './act.ts'
import type { Memory, Observed } from './observe.ts'
import type { RevertReport } from './rollout/snapshot.ts'
import type { Sources } from './sync.ts'

export interface RevertDesk {
  readonly sources: Sources
  readonly memory: Memory
  readonly clock: Clock
  /** The Rollout as it is now, or undefined when it is gone. */
  readonly statusOf: (namespace: string, name: string) => RolloutStatus | undefined
  /** A report is there, or it is time to ask again. */
  readonly onReport: (key: string, report: RevertReport | null) => void
  /** The branch has a new commit of ours: read it. */
  readonly onCommit: (sourceKey: string) => void
  readonly onError: (error: unknown) => void
}

const firstRetryMs = 1_000
const longestRetryMs = 5 * 60_000

export function createRevertDesk(desk: RevertDesk): Hands['requestRevert'] {
  /** Requests under way or waiting for their next try, by key. */
  const busy = new Set<string>()
  const failures = new Map<string, number>()
  return (observed, { bad, attempt }) => {
    const { uid } = observed.snapshot.identity
    const key = `${uid}/${attempt}/${bad}`
    if (busy.has(key) || desk.memory.reverts.get(uid)?.attempt === attempt) return
    busy.add(key)
    void answer(desk, observed, { bad, attempt, key })
      .then((report) => {
        failures.delete(key)
        desk.memory.reverts.set(uid, report)
        desk.onReport(rolloutKey(observed), report)
      })
      .catch(async (error) => {
        desk.onError(error)
        const count = (failures.get(key) ?? 0) + 1
        failures.set(key, count)
        await desk.clock.sleep(Math.min(firstRetryMs * 2 ** (count - 1), longestRetryMs))
        busy.delete(key)
        desk.onReport(rolloutKey(observed), null)
      })
      .finally(() => {
        if (!failures.has(key)) busy.delete(key)
      })
  }
}

async function answer(
  desk: RevertDesk,
  observed: Observed,
  { bad, attempt, key }: { bad: string; attempt: number; key: string },
): Promise<RevertReport> {
  const { object, owner, snapshot } = observed
  const { revert, stable, evidence } = snapshot.status
  const name = object.metadata.annotations?.[annotation.source]
  const writer = name === undefined ? null : desk.sources.writer(owner.namespace, name)
  if (name === undefined || !stable) {
    const because =
      'this Rollout does not come from a GitSource: restore the last good revision where it is kept'
    return { bad, attempt, state: 'NeedsHuman', because }
  }
  if (!writer) throw new Error(`GitSource ${owner.namespace}/${name} was not read yet`)
  const result = await writer.revert({
    rollout: { namespace: owner.namespace, name: owner.name, uid: owner.reference.uid },
    bad: revert?.bad ?? { revision: bad },
    good: stable,
    because: revert?.because ?? '',
    evidenceText: evidenceText(evidence ?? []),
    key,
    ...modeOf(observed),
    isWanted: () => isWanted(desk, observed, attempt),
    ...reasonAndPlace(observed),
  })
  if (result.state === 'Committed') desk.onCommit(`${owner.namespace}/${name}`)
  return { bad, attempt, ...result }
}

function modeOf({ snapshot }: Observed): Pick<RevertRequest, 'mode'> {
  const { mode } = snapshot.spec.revert
  return mode === 'off' ? {} : { mode }
}

/** A retry, a deletion or a newer attempt withdraws what was asked for. */
function isWanted({ statusOf }: RevertDesk, { owner }: Observed, attempt: number): boolean {
  const now = statusOf(owner.namespace, owner.name)
  return now?.revert?.state === 'Requested' && now.attempt === attempt
}

/** What failed, for the subject of the commit, and the file where the Rollout was read last. */
function reasonAndPlace({ object, snapshot }: Observed): { reason?: string; path?: string } {
  const failed = snapshot.status.evidence?.find(({ outcome }) => outcome === 'Failed')
  const path = object.metadata.annotations?.[annotation.path]
  const reason = failed?.check ?? snapshot.status.reason
  return { ...(reason ? { reason } : {}), ...(path ? { path } : {}) }
}

function evidenceText(evidence: readonly Evidence[]): string {
  return evidence
    .map(({ check, outcome, because, query }) =>
      [`${check}: ${outcome}, ${because}`, ...(query ? [`  ${query}`] : [])].join('\n'),
    )
    .join('\n')
}

function rolloutKey({ owner }: Observed): string {
  return `${owner.namespace}/${owner.name}`
}
