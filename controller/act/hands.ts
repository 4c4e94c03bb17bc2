// What every write shares: a fresh read that knows whose object it is and who wrote it last, a save with its
// version as the precondition, and the two ways in which a write is not made.
import {
  ApiError,
  isNotFound,
  type KubeApi,
  type KubeObject,
  type ObjectKey,
  type Resource,
} from '../../kube/api.ts'
import type { Store } from '../../kube/store.ts'
import { decisionOf } from '../../traffic/owned.ts'
import type { Observed } from '../observe/observe.ts'
import { isOwned } from '../observe/parsed.ts'
import { notOurs } from '../observe/traffic.ts'
import type { World } from '../observe/world.ts'
import type { Action } from '../rollout/seen.ts'

export interface Hands {
  readonly api: KubeApi
  readonly world: World
  readonly clock: { now(): number }
  /** False as soon as the lease may have expired: somebody else may be the leader. */
  readonly mayWrite: () => boolean
  /** Hands a revert to the Git writer; the answer arrives in memory later. */
  readonly requestRevert: (observed: Observed, action: Extract<Action, { kind: 'revert' }>) => void
}

/** Not our turn: another leader wrote, or may write. The next decision starts from what it wrote. */
export class Fenced extends Error {
  override readonly name = 'Fenced'
}

/** Something only a person can mend; the loop says so and waits for a change. */
export class Stalled extends Error {
  override readonly name = 'Stalled'
}

/** Codes of an answer that stays the same however often it is asked for. */
const refusing = new Set([400, 403, 413, 422])

/** Why a write will not be taken until a person mends something; null for what trying again may mend. */
export function refusalOf(error: unknown): string | null {
  if (error instanceof Stalled) return error.message
  if (!(error instanceof ApiError) || !refusing.has(error.code)) return null
  return `the API server refuses a write: ${error.message}`
}

export type Of<Kind extends Action['kind']> = Extract<Action, { kind: Kind }>

/** A fresh read. Null when there is no such object; throws when it is not ours to write. */
export async function read(
  hands: Hands,
  { owner, snapshot }: Observed,
  resource: Resource,
  name: string,
): Promise<KubeObject | null> {
  const object = await readAny(hands, resource, { namespace: owner.namespace, name })
  if (!object) return null
  if (!isOwned(object, owner)) throw new Stalled(notOurs(resource.kind, name))
  const written = decisionOf(object)
  if (written > snapshot.status.decision) {
    throw new Fenced(
      `${resource.kind} ${name} carries decision ${written}, this is ${snapshot.status.decision}`,
    )
  }
  return object
}

export interface Save {
  readonly resource: Resource
  readonly store: Store
  readonly current: KubeObject | null
  readonly next: KubeObject
}

export async function save(
  hands: Hands,
  { resource, store, current, next }: Save,
): Promise<KubeObject> {
  assertMayWrite(hands)
  const written = current
    ? await hands.api.replace(resource, next)
    : await hands.api.create(resource, next)
  store.learn(written)
  return written
}

export function assertMayWrite(hands: Hands): void {
  if (!hands.mayWrite()) throw new Fenced('the lease is lost: another controller leads now')
}

/** An object of anybody as stored now; null when there is none. */
export async function readAny(
  { api }: Pick<Hands, 'api'>,
  resource: Resource,
  key: ObjectKey,
): Promise<KubeObject | null> {
  try {
    return await api.get(resource, key)
  } catch (error) {
    if (isNotFound(error)) return null
    throw error
  }
}
