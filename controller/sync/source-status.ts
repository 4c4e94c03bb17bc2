// What came of reading a GitSource in, its status and the event that tells of a change out.
import type { Condition } from '../../crds/fields.ts'
import type { GitSourceStatus } from '../../crds/git-source.ts'
import type { SourceState } from '../../git/source/source.ts'
import type { Readiness } from '../../git/write/readiness.ts'
import type { KubeApi, KubeObject } from '../../kube/api.ts'
import { gitSources } from '../../kube/resources.ts'
import type { World } from '../observe/world.ts'
import type { Journal } from '../reconcile.ts'
import type { sources as reasons } from '../rollout/reasons.ts'
import { isSame } from '../rollout/stored.ts'

export type SourceErrors = NonNullable<GitSourceStatus['errors']>

export interface Reporter {
  readonly api: KubeApi
  readonly world: World
  readonly clock: { now(): number }
  readonly mayWrite: () => boolean
  readonly announced: Journal['announced']
}

export interface Read {
  readonly status: Partial<GitSourceStatus>
  readonly isWell: boolean
  /** What came of it, with the place of the first error. */
  readonly message: string
}

export function readStatus(object: KubeObject, state: SourceState, refused: SourceErrors): Read {
  const errors = [...refused, ...state.errors].slice(0, maxErrors)
  const count = refused.length + state.errors.length
  const [first] = errors
  const place = first ? `${first.path}:${first.line}:${first.column}: ${first.message}` : ''
  const message =
    count === 0 ? wellMessage(object, state.commit) : `${count} errors, the first: ${place}`
  const isWell = count === 0
  const status = {
    commit: state.commit,
    rollouts: state.definitions.filter(({ kind }) => kind === 'Rollout').length,
    errors,
    ...conditions(object, isWell ? 'Applied' : 'Errors', message),
  }
  return { status, isWell, message }
}

function wellMessage(object: KubeObject, commit: string): string {
  return object['spec'].apply === false
    ? `all of ${commit} can be read; something else applies it`
    : `all of ${commit} is applied`
}

const maxErrors = 32

export function problemStatus(
  object: KubeObject,
  reason: SourceReason,
  message: string,
): Partial<GitSourceStatus> {
  return conditions(object, reason, message)
}

export type SourceReason = keyof typeof reasons | 'Invalid'

/** A condition of its own: what can be read may still not be writable. */
export function readinessStatus(
  object: KubeObject,
  readiness: Readiness,
): Partial<GitSourceStatus> {
  const { generation = 0 } = object.metadata
  const reason: SourceReason = readiness.isReady ? 'RevertReady' : 'RevertNotReady'
  const message = readiness.isReady
    ? 'a commit was made, pushed to refs/sluice/readiness and removed again'
    : `${readiness.step}: ${readiness.because}`
  const condition = {
    type: 'RevertReady',
    status: readiness.isReady ? ('True' as const) : ('False' as const),
    reason,
    message: message.slice(0, 4096),
    lastTransitionTime: '',
    observedGeneration: generation,
  }
  return { conditions: [condition] }
}

function conditions(
  object: KubeObject,
  reason: SourceReason,
  text: string,
): Partial<GitSourceStatus> {
  const isReady = reason === 'Applied'
  const message = text.slice(0, 4096)
  const generation = object.metadata.generation ?? 0
  const common = { reason, message, lastTransitionTime: '', observedGeneration: generation }
  return {
    observedGeneration: generation,
    conditions: [
      { type: 'Ready', status: isReady ? 'True' : 'False', ...common },
      { type: 'Stalled', status: reason === 'Invalid' ? 'True' : 'False', ...common },
    ],
  }
}

/** Writes the status when it says something new. */
export async function report(
  reporter: Reporter,
  object: KubeObject,
  status: Partial<GitSourceStatus>,
): Promise<null> {
  const { namespace = '', name } = object.metadata
  const stored = reporter.world.sources.get(namespace, name) ?? object
  const before: GitSourceStatus = stored['status'] ?? {}
  const { resourceVersion } = stored.metadata
  const at = new Date(reporter.clock.now()).toISOString()
  const stamped = status.conditions?.map((condition) => stampTime(condition, before.conditions, at))
  const conditions = merged(before.conditions, stamped)
  const next = { ...before, ...status, conditions }
  if (isSame(next, before) || !reporter.mayWrite()) return null
  const body = { metadata: { resourceVersion }, status: { ...next, readAt: at } }
  const options = { subresource: 'status' } as const
  const written = await reporter.api.patch(gitSources, { namespace, name }, 'merge', body, options)
  reporter.world.sources.learn(written)
  announce(reporter, object, { before: before.conditions, now: conditions })
  return null
}

const conditionTypes = ['Ready', 'Stalled', 'RevertReady'] as const

/** Those of other types stay; always in one order, or a status would seem to change. */
function merged(before: readonly Condition[] = [], now: readonly Condition[] = []): Condition[] {
  return conditionTypes.flatMap(
    (type) => now.find((one) => one.type === type) ?? before.find((one) => one.type === type) ?? [],
  )
}

/** Told once per change of a condition, not at each look. */
function announce(
  reporter: Reporter,
  object: KubeObject,
  { before, now }: Record<'before' | 'now', readonly Condition[] | undefined>,
): void {
  for (const type of ['Ready', 'RevertReady']) {
    const [was, is] = [before, now].map((all) => all?.find((one) => one.type === type))
    if (!is || was?.message === is.message || (!was && is.status === 'True')) continue
    // Only reasons of `SourceReason` are ever written into these conditions.
    const reason = is.reason as SourceReason
    const eventType = is.status === 'True' ? 'Normal' : 'Warning'
    reporter.announced({ object }, { type: eventType, reason, note: is.message })
  }
}

function stampTime(
  condition: Condition,
  before: readonly Condition[] | undefined,
  at: string,
): Condition {
  const old = before?.find((candidate) => candidate.type === condition.type)
  const isSame = old?.status === condition.status
  return { ...condition, lastTransitionTime: isSame ? old.lastTransitionTime : at }
}
