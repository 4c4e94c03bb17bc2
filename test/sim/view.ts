// What the invariants look at: the true world, never the controller's idea of it.
import { commandAnnotation } from '../../crds/names.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import type { Verb } from '../../crds/words.ts'
import type { KubeObject } from '../../kube/api.ts'
import { rollouts } from '../../kube/resources.ts'
import type { ApiServer, Change } from './api-server.ts'
import type { Choices } from './choices.ts'
import type { GitHost } from './git-host.ts'
import type { Kernel } from './kernel.ts'
import type { Mesh } from './mesh.ts'
import type { Metrics } from './metrics.ts'
import type { Pods } from './pods.ts'
import { rolloutKey, type Scenario } from './scenario.ts'
import type { Truth } from './truth.ts'

export interface View {
  readonly scenario: Scenario
  readonly kernel: Kernel
  readonly server: ApiServer
  readonly choices: Choices
  readonly pods: Pods
  readonly mesh: Mesh
  readonly truth: Truth
  readonly metrics: Metrics
  readonly host: GitHost | null
  /** Revisions whose quality goes up and down. */
  readonly oscillating: ReadonlySet<string>
}

/** A broken invariant, with what was seen. */
export interface Violation {
  readonly name: string
  readonly says: string
  readonly at: number
}

/** A rule about one kind of event; null when it holds, else what was seen. */
export interface Rule<Event> {
  readonly name: string
  readonly says: string
  readonly check: (view: View, event: Event) => string | null
}

export const rolloutOf = ({ server }: View): KubeObject | null => server.get(rollouts, rolloutKey)

export const statusOf = (object: KubeObject | null): RolloutStatus =>
  (object?.['status'] ?? { decision: 0, fence: 0 }) as RolloutStatus

/** The Rollout as it was stored at a time. */
export function rolloutAt({ server }: View, at: number): KubeObject | null {
  const log = server.log(rollouts)
  for (let i = log.length - 1; i >= 0; i -= 1) {
    const change = log[i]
    if (change && change.at <= at) return change.type === 'DELETED' ? null : change.object
  }
  return null
}

/** All sizes that the spec asked for since a time, the one before included. */
export function replicasSince({ server }: View, since: number): number[] {
  const log = server.log(rollouts)
  const sizes: number[] = []
  for (let i = log.length - 1; i >= 0; i -= 1) {
    const change = log[i]
    if (!change) break
    sizes.push(change.object['spec'].replicas)
    if (change.at < since) break
  }
  return sizes
}

/** Whether somebody else than the controller changed an object of a kind since a time. */
export function wasTouched(log: readonly Change[], since: number): boolean {
  for (let i = log.length - 1; i >= 0; i -= 1) {
    const change = log[i]
    if (!change || change.at < since) return false
    if (!change.by.isController) return true
  }
  return false
}

const delays: Readonly<Record<string, number>> = {
  K2: 40_000,
  K3: 60_000,
  K5: 240_000,
  K6: 60_000,
  K7: 120_000,
  K8: 25_000,
  K9: 90_000,
  K10: 60_000,
  K11: 90_000,
  K12: 60_000,
  C1: 60_000,
  C2: 60_000,
  C3: 130_000,
  C5: 25_000,
  X4: 180_000,
}

/** So far may the controller's view be behind the truth, by what went wrong in this run, ms. */
export function staleMs({ choices }: View): number {
  let ms = 5_000
  for (const key of choices.made) ms = Math.max(ms, delays[key.slice(0, key.indexOf('#'))] ?? 0)
  return ms
}

export function pendingCommand(object: KubeObject | null, verb: Verb) {
  const text = object?.metadata.annotations?.[commandAnnotation(verb)]
  if (text === undefined) return null
  const command: { id: string; revision?: string; step?: number } = JSON.parse(text)
  return statusOf(object).commands?.[verb] === command.id ? null : command
}

export const releaseOf = ({ scenario }: View, revision: string) =>
  scenario.releases.find((release) => release.revision === revision)
