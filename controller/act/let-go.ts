// A Rollout that is being deleted in; routes of users as they were before it, then its finalizer off, out.
// Owned objects follow by their owner references, as the deletion asked for.
import { finalizer } from '../../crds/names.ts'
import { ApiError, isNotFound, type KubeObject, type Resource } from '../../kube/api.ts'
import { rollouts } from '../../kube/resources.ts'
import { patchOf } from '../../traffic/json-patch.ts'
import { type At, Refused } from '../../traffic/router.ts'
import { ownerOf, readRollout } from '../observe/parsed.ts'
import { assertMayWrite, type Hands, readAny } from './hands.ts'

/** Resolves with why a route could not be put back, in words for people; empty when all were. */
export async function letGo(hands: Hands, object: KubeObject): Promise<string[]> {
  const parsed = readRollout(object)
  const problems = parsed.ok
    ? await restoreRoutes(hands, { owner: ownerOf(object), spec: parsed.value.spec })
    : ['the Rollout can not be read, so that its routes stay as they are']
  assertMayWrite(hands)
  const { namespace, name, resourceVersion, finalizers = [] } = object.metadata
  const kept = finalizers.filter((other) => other !== finalizer)
  const body = { metadata: { resourceVersion, finalizers: kept.length > 0 ? kept : null } }
  try {
    await hands.api.patch(rollouts, { namespace, name }, 'merge', body)
  } catch (error) {
    // It went as soon as the finalizer did, and the store does not know yet.
    if (!isNotFound(error)) throw error
  }
  return problems
}

export async function restoreRoutes(hands: Hands, at: At): Promise<string[]> {
  const { router } = hands.world.mesh.routing(at)
  if (router.ownership === 'owned') return []
  const problems: string[] = []
  for (const name of router.routeNames(at)) {
    const { namespace } = at.owner
    const current = await readAny(hands, router.route, { namespace, name })
    const next = current && restored(current, () => router.restoreRoute(current, at))
    if (!current || !next) continue
    if ('problem' in next) {
      problems.push(next.problem)
      continue
    }
    const patch = patchOf(current, next.object, router.guards(current, at))
    if (patch.length === 0) continue
    assertMayWrite(hands)
    await disown(
      hands,
      router.route,
      await hands.api.patch(router.route, { namespace, name }, 'json', patch),
    )
  }
  return problems
}

/** Fields that Sluice wrote last would be its own for ever, and the owner's next server-side apply a conflict. */
async function disown(hands: Hands, resource: Resource, { metadata }: KubeObject): Promise<void> {
  const managers: { manager?: string }[] = metadata['managedFields'] ?? []
  const ours = managers.flatMap(({ manager }, i) => (manager === 'sluice' ? [i] : []))
  if (ours.length === 0 || ours.length === managers.length) return
  const { namespace, name, resourceVersion } = metadata
  const patch = [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    ...ours.toReversed().map((i) => ({ op: 'remove', path: `/metadata/managedFields/${i}` })),
  ]
  assertMayWrite(hands)
  try {
    await hands.api.patch(resource, { namespace, name }, 'json', patch)
  } catch (error) {
    // Somebody wrote it meanwhile, and nothing of the traffic hangs on this.
    if (!(error instanceof ApiError)) throw error
  }
}

/** A rule that is gone has nothing to be put back into; that must not keep the Rollout for ever. */
function restored(
  { kind, metadata }: KubeObject,
  work: () => KubeObject | null,
): { readonly object: KubeObject } | { readonly problem: string } | null {
  try {
    const object = work()
    return object && { object }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return { problem: `${kind} ${metadata.name} could not be put back: ${error.message}` }
  }
}
