// Deletes: preconditions first, then either the object goes at once, or it is marked and waits for its
// finalizers, its dependents, or the node its pod runs on.
import { z } from 'zod'
import type { KubeObject } from '../../kube/api.ts'
import { numberOf, objectOf } from './json.ts'
import { type Kind, namespaceStorage, present } from './kinds.ts'
import { badRequest, conflict, notFound } from './status-error.ts'
import { locationOf, type Target, timeOf, type WriteContext } from './writes.ts'

const DeleteOptions = z.looseObject({
  gracePeriodSeconds: z.int().min(0).nullish(),
  propagationPolicy: z.enum(['Background', 'Foreground', 'Orphan']).nullish(),
  orphanDependents: z.boolean().nullish(),
  preconditions: z
    .object({ uid: z.string().nullish(), resourceVersion: z.string().nullish() })
    .nullish(),
  dryRun: z.array(z.string()).nullish(),
})
export type DeleteOptions = z.infer<typeof DeleteOptions>

/** Reads the body and the query of a delete; the body wins. */
export function parseDeleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const grace = query.get('gracePeriodSeconds')
  const fromQuery = {
    ...(grace !== null && { gracePeriodSeconds: Number(grace) }),
    ...(query.has('propagationPolicy') && { propagationPolicy: query.get('propagationPolicy') }),
    ...(query.has('dryRun') && { dryRun: query.getAll('dryRun') }),
  }
  const parsed = DeleteOptions.safeParse({ ...fromQuery, ...objectOf(body) })
  if (!parsed.success) throw badRequest(`invalid DeleteOptions: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

export const foregroundFinalizer = 'foregroundDeletion'
export const orphanFinalizer = 'orphan'

export interface Deletion {
  readonly object: KubeObject
  /** False when the object is marked and still there. */
  readonly isGone: boolean
}

/** Fails with 404, or with 409 when a precondition does not hold. */
export function remove(context: WriteContext, target: Target, options: DeleteOptions): Deletion {
  const { kind, name } = target
  const location = locationOf(target)
  const stored = context.store.get(location)
  if (!stored) throw notFound(kind, name)
  refusePreconditions(kind, stored, options)
  const marked = mark(context, kind, { stored, options })
  if (options.dryRun?.includes('All')) return { object: present(kind, marked), isGone: false }
  if (waits(marked, kind)) {
    const object = marked === stored ? stored : context.store.write(location, marked)
    return { object: present(kind, object), isGone: false }
  }
  return { object: present(kind, context.store.write(location, null)), isGone: true }
}

function refusePreconditions(kind: Kind, stored: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {}
  const { metadata } = stored
  const refuse = (what: string, wanted: string, found: string | undefined) =>
    conflict(
      kind,
      metadata.name,
      `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`,
    )
  if (uid && uid !== metadata.uid) throw refuse('UID', uid, metadata.uid)
  if (resourceVersion && resourceVersion !== metadata.resourceVersion) {
    throw refuse('ResourceVersion', resourceVersion, metadata.resourceVersion)
  }
}

/** The object with its deletion asked for: since when, how gracefully, and what has to happen first. */
function mark(
  context: WriteContext,
  kind: Kind,
  { stored, options }: { readonly stored: KubeObject; readonly options: DeleteOptions },
): KubeObject {
  const { metadata } = stored
  const finalizers = finalizersFor(stored, options)
  const grace = graceSeconds(kind, stored, options)
  const shorter = metadata['deletionGracePeriodSeconds'] !== grace
  if (metadata.deletionTimestamp !== undefined && !shorter && finalizers === metadata.finalizers) {
    return stored
  }
  const at =
    metadata.deletionTimestamp ??
    timeOf({ ...context, clock: () => context.clock() + grace * 1000 })
  const marked: KubeObject = {
    ...stored,
    metadata: {
      ...metadata,
      ...(finalizers && { finalizers }),
      deletionTimestamp: at,
      deletionGracePeriodSeconds: grace,
      ...(metadata.generation !== undefined &&
        metadata.deletionTimestamp === undefined && { generation: metadata.generation + 1 }),
    },
  }
  if (kind.storage !== namespaceStorage) return marked
  return { ...marked, status: { ...objectOf(stored['status']), phase: 'Terminating' } }
}

function finalizersFor(stored: KubeObject, options: DeleteOptions): string[] | undefined {
  const { finalizers } = stored.metadata
  const policy = options.propagationPolicy ?? (options.orphanDependents ? 'Orphan' : 'Background')
  if (policy === 'Background') return finalizers
  const added = policy === 'Foreground' ? foregroundFinalizer : orphanFinalizer
  return finalizers?.includes(added) ? finalizers : [...(finalizers ?? []), added]
}

/** Only a pod that runs on a node is given time to end; its node then deletes it with a grace of 0. */
function graceSeconds(kind: Kind, stored: KubeObject, options: DeleteOptions): number {
  const spec = objectOf(stored['spec'])
  if (kind.storage !== 'pods' || typeof spec['nodeName'] !== 'string') return 0
  const asked = options.gracePeriodSeconds ?? numberOf(spec['terminationGracePeriodSeconds'], 30)
  const running = stored.metadata['deletionGracePeriodSeconds']
  return typeof running === 'number' ? Math.min(running, asked) : asked
}

function waits(marked: KubeObject, kind: Kind): boolean {
  if ((marked.metadata.finalizers ?? []).length > 0) return true
  return (
    kind.storage === namespaceStorage || numberOf(marked.metadata['deletionGracePeriodSeconds']) > 0
  )
}
