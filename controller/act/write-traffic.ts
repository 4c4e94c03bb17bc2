// Decided weights in, writes of routes and of what tells revisions apart out, whoever owns them. A route of
// a user is patched, never replaced: only the rules that are split change, and only while they are as read.
import { finalizer } from '../../crds/names.ts'
import { isEqual } from '../../crds/weights.ts'
import { ApiError, type KubeObject } from '../../kube/api.ts'
import { rollouts, services } from '../../kube/resources.ts'
import { patchOf } from '../../traffic/json-patch.ts'
import { renderPreviewService } from '../../traffic/revision-service.ts'
import { hostOf, Refused } from '../../traffic/router.ts'
import type { Observed } from '../observe/observe.ts'
import { weightsOf } from '../observe/traffic.ts'
import {
  assertMayWrite,
  Fenced,
  type Hands,
  type Of,
  read,
  readAny,
  Stalled,
  save,
} from './hands.ts'

export async function writeRoutes(
  hands: Hands,
  observed: Observed,
  action: Of<'route'>,
): Promise<void> {
  const { rollout, owner, routing, snapshot } = observed
  const { router } = routing
  const at = { owner, spec: rollout.spec }
  const names = router.routeNames(at)
  const current = await Promise.all(names.map((name) => freshRoute(hands, observed, name)))
  // Weights are decided on weights: where others are stored by now, the decision is made again.
  if (
    !isEqual(
      orRefused(() => weightsOf(current, routing, at)),
      snapshot.route.weights,
    )
  ) {
    throw new Fenced(`the weights of ${names.join(', ')} changed since they were read`)
  }
  if (router.ownership === 'in-place' || isOfTrial(action)) await promiseToRestore(hands, observed)
  for (const route of current) {
    const next = orRefused(() =>
      router.renderRoute(route, {
        ...at,
        weights: action.weights,
        aside: action.aside ?? undefined,
        decision: snapshot.status.decision,
        now: hands.clock.now(),
      }),
    )
    const { resource, store } = { resource: router.route, store: routing.routes }
    if (router.ownership === 'owned') await save(hands, { resource, store, current: route, next })
    else if (route) await edit(hands, observed, { current: route, next })
  }
}

/** Whoever deletes the Rollout then finds traffic on stable, even where pods and routes stay. */
function isOfTrial({ weights, aside }: Pick<Of<'route'>, 'weights' | 'aside'>): boolean {
  return aside !== null || Object.keys(weights).length > 1
}

/** A route as stored now, also told to the store, so that what comes next is decided on it. */
async function freshRoute(hands: Hands, observed: Observed, name: string) {
  const { owner, rollout, routing, snapshot } = observed
  const { router, routes } = routing
  const isOwned = router.ownership === 'owned'
  const route = isOwned
    ? await read(hands, observed, router.route, name)
    : await readAny(hands, router.route, { namespace: owner.namespace, name })
  if (!route) return null
  routes.learn(route)
  const { decision } = orRefused(() => router.readRoute(route, { owner, spec: rollout.spec }))
  if (decision > snapshot.status.decision) {
    throw new Fenced(
      `${route.kind} ${name} carries decision ${decision}, this is ${snapshot.status.decision}`,
    )
  }
  return route
}

async function edit(
  hands: Hands,
  { owner, rollout, routing }: Observed,
  { current, next }: { readonly current: KubeObject; readonly next: KubeObject },
): Promise<void> {
  const { router, routes } = routing
  const { namespace, name } = current.metadata
  const patch = patchOf(current, next, router.guards(current, { owner, spec: rollout.spec }))
  if (patch.length === 0) return
  assertMayWrite(hands)
  try {
    routes.learn(await hands.api.patch(router.route, { namespace, name }, 'json', patch))
  } catch (error) {
    // 422 is how a test of the patch that does not hold is said: read again, decide again.
    const isMoved = error instanceof ApiError && (error.code === 409 || error.code === 422)
    if (!isMoved) throw error
    throw new Fenced(`${current.kind} ${name} was changed while it was edited: ${error.message}`)
  }
}

/** At rest an owned route needs nobody to put it back: then a Rollout may go without a controller. */
export async function endPromise(hands: Hands, observed: Observed): Promise<void> {
  const { object, routing, rollout, snapshot } = observed
  const { namespace, name, resourceVersion, finalizers = [] } = object.metadata
  const isNeeded = routing.router.ownership === 'in-place' || rollout.spec.workloadRef !== undefined
  if (isNeeded || !finalizers.includes(finalizer) || isOfTrial(snapshot.route)) return
  assertMayWrite(hands)
  const kept = finalizers.filter((other) => other !== finalizer)
  const body = { metadata: { resourceVersion, finalizers: kept.length > 0 ? kept : null } }
  hands.world.rollouts.learn(await hands.api.patch(rollouts, { namespace, name }, 'merge', body))
}

/** Before the first edit: while the finalizer is there, the route is put back before the Rollout goes. */
export async function promiseToRestore(hands: Hands, { object }: Observed): Promise<void> {
  const { namespace, name, resourceVersion, finalizers = [] } = object.metadata
  if (finalizers.includes(finalizer)) return
  assertMayWrite(hands)
  const body = { metadata: { resourceVersion, finalizers: [...finalizers, finalizer] } }
  hands.world.rollouts.learn(await hands.api.patch(rollouts, { namespace, name }, 'merge', body))
}

export async function writeSubsets(
  hands: Hands,
  observed: Observed,
  { revisions }: Of<'subsets'>,
): Promise<void> {
  const { rollout, owner, routing, snapshot } = observed
  const { router, subsets } = routing
  const { decision } = snapshot.status
  if (!subsets) return
  const at = { owner, spec: rollout.spec }
  if (router.apart === 'entries') {
    const [name = ''] = router.subsetNames(at, revisions)
    const current = await read(hands, observed, router.subsets, name)
    const next = router.renderSubsets(current, { ...at, revisions, decision })
    await save(hands, { resource: router.subsets, store: subsets, current, next })
    return
  }
  const apex = await readApex(hands, observed)
  const wanted = new Set(revisions)
  const gone = snapshot.route.subsets.filter((revision) => !wanted.has(revision))
  for (const revision of revisions.filter((one) => !snapshot.route.subsets.includes(one))) {
    const [name = ''] = router.subsetNames(at, [revision])
    const current = await read(hands, observed, router.subsets, name)
    const change = { ...at, revisions: [revision], decision, apex }
    const next = orRefused(() => router.renderSubsets(current, change))
    await save(hands, { resource: router.subsets, store: subsets, current, next })
  }
  for (const name of router.subsetNames(at, gone)) await removeSubset(hands, observed, name)
}

export async function writePreview(
  hands: Hands,
  observed: Observed,
  { revision }: Of<'preview'>,
): Promise<void> {
  const { rollout, owner, routing, snapshot } = observed
  const name = rollout.spec.blueGreen?.preview?.service
  if (name === undefined || !routing.previews) return
  const apex = await readApex(hands, observed)
  const current = await read(hands, observed, services, name)
  const { decision } = snapshot.status
  const change = { owner, spec: rollout.spec, name, revision, decision, apex }
  const next = orRefused(() => renderPreviewService(current, change))
  await save(hands, { resource: services, store: routing.previews, current, next })
}

/** The Service whose traffic is split, for its ports. */
async function readApex(hands: Hands, { owner, rollout }: Observed) {
  const { namespace } = owner
  const name = hostOf(rollout.spec).split('.')[0] ?? ''
  return (await readAny(hands, services, { namespace, name })) ?? undefined
}

async function removeSubset(hands: Hands, observed: Observed, name: string): Promise<void> {
  const { router } = observed.routing
  const current = await read(hands, observed, router.subsets, name)
  if (!current) return
  const { uid, resourceVersion } = current.metadata
  const key = { namespace: observed.owner.namespace, name }
  assertMayWrite(hands)
  await hands.api.delete(router.subsets, key, { uid, resourceVersion, propagation: 'Background' })
}

/** What a codec refuses only a person can mend. */
function orRefused<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof Refused) throw new Stalled(error.message)
    throw error
  }
}
