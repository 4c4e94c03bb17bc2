// What came of reading a GitSource in, its status and the event that tells of a change out.
import type { Condition } from '../crds/fields.ts'
import type { GitSourceStatus } from '../crds/git-source.ts'
import type { SourceState } from '../git/source.ts'
import type { KubeApi, KubeObject } from '../kube/api.ts'
import { gitSources } from '../kube/resources.ts'
import type { Journal } from './reconcile.ts'
import type { sources as reasons } from './rollout/reasons.ts'
import { isSame } from './rollout/stored.ts'
import type { World } from './world.ts'

export type SourceErrors = NonNullable<GitSourceStatus['errors']>

export interface Reporter {
  readonly api: KubeApi
  readonly world: World
  readonly clock: { now(): number }
  readonly mayWrite: () => boolean
  readonly announced: Journal['announced']
}

export function readStatus(
  object: KubeObject,
  state: SourceState,
  refused: SourceErrors,
): Partial<GitSourceStatus> {
  const errors = [...refused, ...state.errors].slice(0, maxErrors)
  const count = refused.length + state.errors.length
  const [first] = errors
  const place = first ? `${first.path}:${first.line}:${first.column}: ${first.message}` : ''
  const message =
    count === 0 ? `all of ${state.commit} is applied` : `${count} errors, the first: ${place}`
  return {
    commit: state.commit,
    rollouts: state.definitions.filter(({ kind }) => kind === 'Rollout').length,
    errors,
    ...conditions(object, count === 0 ? 'Applied' : 'Errors', message),
  }
}

const maxErrors = 32

export function problemStatus(
  object: KubeObject,
  reason: SourceReason,
  message: string,
): Partial<GitSourceStatus> {
  return conditions(object, reason, message)
}

type SourceReason = keyof typeof reasons | 'Invalid'

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
  const next = { ...before, ...status, conditions: stamped }
  if (isSame(next, before) || !reporter.mayWrite()) return null
  const body = { metadata: { resourceVersion }, status: { ...next, readAt: at } }
  const options = { subresource: 'status' } as const
  const written = await reporter.api.patch(gitSources, { namespace, name }, 'merge', body, options)
  reporter.world.sources.learn(written)
  announce(reporter, object, { before: before.conditions, now: stamped })
  return null
}

/** Told once per change of the condition, not at each look. */
function announce(
  reporter: Reporter,
  object: KubeObject,
  { before, now }: Record<'before' | 'now', readonly Condition[] | undefined>,
): void {
  const readyOf = (conditions: readonly Condition[] | undefined) =>
    conditions?.find(({ type }) => type === 'Ready')
  const ready = readyOf(now)
  const isSame = readyOf(before)?.message === ready?.message
  if (!ready || isSame || (!before && ready.status === 'True')) return
  const type = ready.status === 'True' ? 'Normal' : 'Warning'
  // Only reasons of `SourceReason` are ever written into this condition.
  const reason = ready.reason as SourceReason
  reporter.announced({ object }, { type, reason, note: ready.message })
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
