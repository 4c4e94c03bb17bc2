// Requests to restore a release in, reports for the next decision out. Git may be slow or gone for
// hours: nothing waits for it, and it is asked again until it has answered once. A pull request is an answer that
// may change: it is asked about again when its branch or its host has news.
import { annotation } from '../../crds/names.ts'
import type { Evidence, RolloutStatus } from '../../crds/rollout-status.ts'
import { HostError } from '../../git/hosts/http.ts'
import { MirrorError } from '../../git/repository/mirror-error.ts'
import { keptText } from '../../git/revert/kept-text.ts'
import type { Clock } from '../../kube/clock.ts'
import type { Hands } from '../act/hands.ts'
import type { Memory, Observed } from '../observe/observe.ts'
import type { RevertReport } from '../rollout/snapshot.ts'
import { releaseFields } from './release-fields.ts'
import type { Sources } from './sync.ts'

export interface RevertDeskOptions {
  readonly sources: Sources
  readonly memory: Memory
  readonly clock: Clock
  /** The pod template of a revision, with defaults of the API server, for as long as it has a ReplicaSet. */
  readonly templateOf: (namespace: string, name: string, revision: string) => unknown
  /** The Rollout as it is now, or undefined when it is gone. */
  readonly statusOf: (namespace: string, name: string) => RolloutStatus | undefined
  /** A report is there, or it is time to ask again. */
  readonly onReport: (key: string, report: RevertReport | null) => void
  /** The branch has a new commit of ours: read it. */
  readonly onCommit: (sourceKey: string) => void
  readonly onError: (error: unknown) => void
}

export interface RevertDesk {
  readonly request: Hands['requestRevert']
  /** A GitSource was read: pull requests of its repository may have been merged or closed. */
  onRead(sourceKey: string, hasNews: boolean): void
}

const firstRetryMs = 1_000
const longestRetryMs = 5 * 60_000
const longestAskedMs = 60 * 60_000
/** A pull request is looked at this often when nothing tells of it. */
const proposalMs = 5 * 60_000

interface Proposal {
  readonly sourceKey: string
  readonly rolloutKey: string
  readonly askedAtMs: number
}

export function createRevertDesk(desk: RevertDeskOptions): RevertDesk {
  /** Requests under way or waiting for their next try, by key. */
  const busy = new Set<string>()
  const failures = new Map<string, number>()
  /** Pull requests that wait to be merged, by uid of the Rollout. */
  const proposals = new Map<string, Proposal>()
  const request: RevertDesk['request'] = (observed, { bad, attempt }) => {
    const { uid } = observed.snapshot.identity
    const key = `${uid}/${attempt}/${bad}`
    if (busy.has(key) || desk.memory.reverts.get(uid)?.attempt === attempt) return
    busy.add(key)
    void answer(desk, observed, { bad, attempt, key })
      .then((report) => {
        failures.delete(key)
        desk.memory.reverts.set(uid, report)
        remember(proposals, observed, { report, askedAtMs: desk.clock.now() })
        desk.onReport(rolloutKey(observed), report)
      })
      .catch(async (error) => {
        desk.onError(error)
        const count = (failures.get(key) ?? 0) + 1
        failures.set(key, count)
        const pauseMs = Math.min(firstRetryMs * 2 ** (count - 1), longestRetryMs)
        await desk.clock.sleep(Math.max(pauseMs, askedPauseMs(error)))
        busy.delete(key)
        desk.onReport(rolloutKey(observed), null)
      })
      .finally(() => {
        if (!failures.has(key)) busy.delete(key)
      })
  }
  return {
    request,
    onRead(sourceKey, hasNews) {
      const now = desk.clock.now()
      for (const [uid, proposal] of proposals) {
        const isDue = hasNews || now - proposal.askedAtMs >= proposalMs
        if (proposal.sourceKey !== sourceKey || !isDue) continue
        proposals.delete(uid)
        if (desk.memory.reverts.get(uid)?.state !== 'Proposed') continue
        // Without a report the next tick asks once more.
        desk.memory.reverts.delete(uid)
        desk.onReport(proposal.rolloutKey, null)
      }
    },
  }
}

/** What a host that has too much to do asked for, ms. */
function askedPauseMs(error: unknown): number {
  const cause = error instanceof MirrorError ? error.cause : error
  return cause instanceof HostError ? Math.min(cause.retryAfterMs ?? 0, longestAskedMs) : 0
}

function remember(
  proposals: Map<string, Proposal>,
  observed: Observed,
  { report, askedAtMs }: { report: RevertReport; askedAtMs: number },
): void {
  const { uid } = observed.snapshot.identity
  proposals.delete(uid)
  const sourceKey = `${observed.owner.namespace}/${sourceOf(observed)}`
  if (report.state === 'Proposed') {
    proposals.set(uid, { sourceKey, rolloutKey: rolloutKey(observed), askedAtMs })
  }
}

async function answer(
  desk: RevertDeskOptions,
  observed: Observed,
  { bad, attempt, key }: { bad: string; attempt: number; key: string },
): Promise<RevertReport> {
  const { owner, snapshot } = observed
  const { revert, stable, evidence } = snapshot.status
  const name = sourceOf(observed)
  if (name === undefined || !stable) {
    const because =
      'this Rollout does not come from a GitSource, and spec.revert.source names none: restore the last good revision where it is kept'
    return { bad, attempt, state: 'NeedsHuman', because }
  }
  if (snapshot.spec.revert.mode === 'off') {
    return { bad, attempt, state: 'NeedsHuman', because: 'spec.revert.mode is off since then' }
  }
  if (isIrreversible(observed, bad)) {
    const because = `${annotation.irreversible} is set on this release, so it is not restored in Git: commit what shall run next`
    return { bad, attempt, state: 'NeedsHuman', because }
  }
  const { workloadRef, revert: how, config = [] } = snapshot.spec
  if (workloadRef && !how.include) {
    const because = `revision ${bad} is what Deployment ${workloadRef.name} says: restore it to that of revision ${stable.revision} by hand, or say by spec.revert.include where Git holds its image`
    return { bad, attempt, state: 'NeedsHuman', because }
  }
  const fields = fieldsOf(desk, observed, bad)
  if (fields && 'problem' in fields) {
    return { bad, attempt, state: 'NeedsHuman', because: `spec.revert.include: ${fields.problem}` }
  }
  const writer = await desk.sources.writer(owner.namespace, name)
  if (!writer) throw new Error(`GitSource ${owner.namespace}/${name} was not read yet`)
  const result = await writer.revert({
    rollout: { namespace: owner.namespace, name: owner.name, uid: owner.reference.uid },
    bad: revert?.bad ?? { revision: bad },
    good: { ...stable, text: textOf(desk, observed, bad) },
    because: judgedBecause(snapshot.status, bad),
    evidenceText: evidenceText(evidence ?? []),
    key,
    mode: snapshot.spec.revert.mode,
    ...judgedAt(snapshot.status, bad),
    isWanted: () => isWanted(desk, observed, attempt),
    ...reasonAndPlace(observed),
    fields,
    hasConfig: config.length > 0,
  })
  if (result.state === 'Committed') desk.onCommit(`${owner.namespace}/${name}`)
  return { bad, attempt, ...result }
}

/** The GitSource that a release is restored in: the one that is named, or where the Rollout was read. */
function sourceOf({ object, snapshot }: Observed): string | undefined {
  return snapshot.spec.revert.source ?? object.metadata.annotations?.[annotation.source]
}

/** What stands for both releases, when that is not the Rollout itself. */
function fieldsOf(desk: RevertDeskOptions, { owner, snapshot }: Observed, bad: string) {
  const { spec, target, status } = snapshot
  if (!spec.revert.include) return undefined
  const read = (revision: string) => desk.templateOf(owner.namespace, owner.name, revision)
  return releaseFields(spec.revert.include, {
    bad: (target.revision === bad ? spec.template : undefined) ?? read(bad),
    good: read(status.stable?.revision ?? ''),
  })
}

/** The good release as the cluster has it, for a history that holds it no more. */
function textOf(
  desk: RevertDeskOptions,
  { owner, snapshot }: Observed,
  bad: string,
): string | undefined {
  const { spec, target, status } = snapshot
  const revision = status.stable?.revision ?? ''
  if (target.revision !== bad || spec.config !== undefined || !spec.template) return undefined
  const { namespace, name } = owner
  const [good, filled] = [revision, bad].map((one) => desk.templateOf(namespace, name, one))
  if (good === undefined || filled === undefined) return undefined
  const rollout = { namespace, name }
  return keptText({ rollout, revision, good, bad: { filled, written: spec.template } })
}

/** The template is that of the bad release for as long as Git asks for it; else nothing is restored anyway. */
function isIrreversible({ snapshot }: Observed, bad: string): boolean {
  const { target, spec } = snapshot
  const { annotations } = spec.template?.metadata ?? {}
  const mark = Object.entries(annotations ?? {}).find(([name]) => name === annotation.irreversible)
  return target.revision === bad && mark?.[1] === 'true'
}

/** A retry, a deletion or a newer attempt withdraws what was asked for. */
function isWanted({ statusOf }: RevertDeskOptions, { owner }: Observed, attempt: number): boolean {
  const now = statusOf(owner.namespace, owner.name)
  const isAsked = now?.revert?.state === 'Requested' || now?.revert?.state === 'Proposed'
  return isAsked && now.attempt === attempt
}

/** Why the release was judged bad; the state of its revert speaks of the pull request once there is one. */
function judgedBecause({ revert, quarantine }: RolloutStatus, bad: string): string {
  const entry = quarantine?.find(({ revision }) => revision === bad)
  return (revert?.state === 'Requested' ? revert.because : entry?.because) ?? ''
}

function judgedAt({ quarantine }: RolloutStatus, bad: string): { decidedAtMs?: number } {
  const at = Date.parse(quarantine?.find(({ revision }) => revision === bad)?.at ?? '')
  return Number.isNaN(at) ? {} : { decidedAtMs: at }
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
