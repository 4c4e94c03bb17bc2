// The read side: what the stores hold of one Rollout in, its Snapshot out. Nothing is written here.
import { type Resolved, resolveChecks } from '../analysis/template.ts'
import type { Verdict } from '../analysis/verdict.ts'
import { pendingCommands } from '../crds/command.ts'
import { parseAnalysisTemplate, parseRollout } from '../crds/parse.ts'
import { describeProblem, pathText } from '../crds/problem.ts'
import type { Rollout } from '../crds/rollout.ts'
import { RolloutStatus } from '../crds/rollout-status.ts'
import type { KubeObject } from '../kube/api.ts'
import { podTrouble } from '../kube/pod.ts'
import { readFleet } from '../kube/replica-set.ts'
import { istio } from '../traffic/istio.ts'
import type { Owner } from '../traffic/router.ts'
import { targetOf } from './rollout/revision.ts'
import type { Contest, Fleet, Obstacle, RevertReport, Route, Snapshot } from './rollout/snapshot.ts'
import { byRevision, byRollout, type World } from './world.ts'

/** What the controller knows of rollouts besides the cluster; lost at a restart and learned again. */
export interface Memory {
  /** The newest verdict, by uid of the Rollout. */
  readonly verdicts: Map<string, Verdict>
  /** What the Git writer said, by uid. */
  readonly reverts: Map<string, RevertReport>
}

export interface Observed {
  /** The Rollout as stored: its version is the precondition of the status write. */
  readonly object: KubeObject
  readonly rollout: Rollout
  readonly owner: Owner
  readonly snapshot: Snapshot
}

/** A Rollout that can not be decided on, with the sentence a person needs. */
export interface Unreadable {
  readonly object: KubeObject
  readonly problem: string
}

export interface Observer {
  readonly world: World
  readonly memory: Memory
  readonly now: number
}

/** Null when the Rollout is gone, is going, or its world is not known yet. */
export function observe(
  { world, memory, now }: Observer,
  namespace: string,
  name: string,
): Observed | Unreadable | null {
  const object = world.rollouts.get(namespace, name)
  const mesh = world.mesh()
  if (!object || object.metadata.deletionTimestamp) return null
  if (!mesh.isReady && mesh.problem === null) return null
  const parsed = readRollout(object)
  if (!parsed.ok) {
    const [first] = parsed.problems
    const where = first ? `${pathText(first.path)}: ${describeProblem(first)}` : 'unreadable'
    return { object, problem: where }
  }
  const unserved = unservedBy(parsed.value.spec)
  if (unserved !== null) return { object, problem: unserved }
  const status = readStatus(object)
  if (!status.success) return { object, problem: statusProblem(status.error.message) }
  const uid = object.metadata.uid ?? ''
  const rollout = parsed.value
  const owner = ownerOf(object)
  const snapshot: Snapshot = {
    now,
    identity: { namespace, name, uid, generation: object.metadata.generation ?? 0 },
    spec: rollout.spec,
    target: targetOf(rollout),
    status: status.data,
    fleets: fleetsOf(world, owner),
    route: routeOf(world, owner, rollout),
    verdict: memory.verdicts.get(uid) ?? null,
    commands: pendingCommands(object.metadata.annotations, status.data.commands),
    revert: memory.reverts.get(uid) ?? null,
    obstacle: obstacleOf(world, owner, rollout),
    contest: contestOf(world, owner, rollout),
  }
  return { object, rollout, owner, snapshot }
}

// Objects of the stores are frozen and most ticks meet the spec and status of the tick before: each is
// parsed once.
const knownSpecs = new WeakMap<object, Rollout>()
const knownStatuses = new WeakMap<object, RolloutStatus>()
const knownFleets = new WeakMap<object, ReturnType<typeof readFleet>>()

function readRollout(object: KubeObject): ReturnType<typeof parseRollout> {
  const { spec, metadata } = object
  const known = isFrozenObject(spec) ? knownSpecs.get(spec) : undefined
  if (known && known.metadata.name === metadata.name) {
    return { ok: true, value: { ...known, metadata } }
  }
  const parsed = parseRollout(withoutStatus(object))
  if (parsed.ok && isFrozenObject(spec)) knownSpecs.set(spec, parsed.value)
  return parsed
}

function readStatus(object: KubeObject) {
  const { status } = object
  const known = isFrozenObject(status) ? knownStatuses.get(status) : undefined
  if (known) return { success: true, data: known } as const
  const parsed = RolloutStatus.safeParse(status ?? {})
  if (parsed.success && isFrozenObject(status)) knownStatuses.set(status, parsed.data)
  return parsed
}

function fleetOf(object: KubeObject): ReturnType<typeof readFleet> {
  const known = knownFleets.get(object)
  if (known !== undefined) return known
  const fleet = readFleet(object)
  if (isFrozenObject(object)) knownFleets.set(object, fleet)
  return fleet
}

function isFrozenObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.isFrozen(value)
}

/** Checks of a Rollout with its template; a problem when the template is missing or does not fit. */
export function checksOf(world: World, namespace: string, rollout: Rollout): Resolved {
  const { analysis } = rollout.spec
  if (!analysis) return { kind: 'checks', checks: [] }
  const name = analysis.templateRef?.name
  const object = name === undefined ? undefined : world.templates.get(namespace, name)
  if (!object) return resolveChecks(analysis, null)
  const template = parseAnalysisTemplate(object)
  if (template.ok) return resolveChecks(analysis, template.value.spec)
  const [first] = template.problems
  const because = first ? `${pathText(first.path)}: ${describeProblem(first)}` : 'is not readable'
  return { kind: 'problem', because: `AnalysisTemplate ${name}: ${because}` }
}

export function ownerOf(object: KubeObject): Owner {
  const { namespace = '', name, uid = '' } = object.metadata
  const { apiVersion, kind } = object
  return {
    namespace,
    name,
    reference: { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true },
  }
}

/** Whether an object belongs to this very Rollout, not to one of the same name before it. */
export function isOwned(object: KubeObject, owner: Owner): boolean {
  const owners = object.metadata.ownerReferences ?? []
  return owners.some((reference) => reference.uid === owner.reference.uid)
}

function fleetsOf(world: World, owner: Owner): Fleet[] {
  return world.fleets
    .byIndex(byRollout, `${owner.namespace}/${owner.name}`)
    .filter((object) => isOwned(object, owner) && !object.metadata.deletionTimestamp)
    .flatMap((object) => {
      const fleet = fleetOf(object)
      if (!fleet) return []
      const { revision, desired, ready, decision } = fleet
      const trouble = ready < desired ? troubleOf(world, object, revision) : undefined
      return [{ revision, desired, ready, decision, trouble }]
    })
}

/** Why pods are missing (a quota, an admission webhook) or not ready (a crash, an image, no node). */
function troubleOf(world: World, object: KubeObject, revision: string): string | undefined {
  const { namespace = '' } = object.metadata
  for (const pod of world.pods.byIndex(byRevision, `${namespace}/${revision}`)) {
    const trouble = podTrouble(pod)
    if (trouble) return trouble
  }
  const conditions: { type: string; status: string; message?: string }[] =
    object['status']?.conditions ?? []
  return conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
    ?.message
}

function routeOf(world: World, owner: Owner, { spec }: Rollout): Route {
  const names = istio.names(owner, spec)
  const route = world.routes.get(owner.namespace, names.route)
  const subsets = world.subsets.get(owner.namespace, names.subsets)
  const own = route && isOwned(route, owner) ? route : null
  const stored = istio.readRoute(own)
  const seenAt = own && world.routeWatch.seenAt(own)
  return {
    ...stored,
    // The stamp is made before the write lands; a slow API server or a paused process may lie between.
    since: stored.since === null ? null : Math.max(stored.since, seenAt ?? 0),
    subsets: istio.readSubsets(subsets && isOwned(subsets, owner) ? subsets : null),
  }
}

function contestOf(world: World, owner: Owner, { spec }: Rollout): Contest | null {
  const route = world.routes.get(owner.namespace, istio.names(owner, spec).route)
  return route ? world.routeWatch.contest(route) : null
}

function obstacleOf(world: World, owner: Owner, { spec }: Rollout): Obstacle | null {
  const { problem } = world.mesh()
  if (problem !== null) return { reason: 'MissingKind', message: problem }
  const names = istio.names(owner, spec)
  for (const [store, name, kind] of [
    [world.routes, names.route, istio.route.kind],
    [world.subsets, names.subsets, istio.subsets.kind],
  ] as const) {
    const object = store.get(owner.namespace, name)
    if (object && !isOwned(object, owner))
      return { reason: 'NotOurs', message: notOurs(kind, name) }
  }
  return null
}

export function notOurs(kind: string, name: string): string {
  return (
    `${kind} ${name} exists and belongs to somebody else: rename it, or name another ` +
    'by spec.traffic.istio.virtualService'
  )
}

/** Why this controller can not serve a spec: better said than half done. */
function unservedBy({ traffic, canary }: Rollout['spec']): string | null {
  const { istio: mesh } = traffic
  const steps = canary?.steps ?? []
  const isOwned = mesh && !mesh.virtualServices && !mesh.tcpRoutes && !mesh.tlsRoutes
  if (!isOwned) return 'spec.traffic: only an http rule of an owned VirtualService is served so far'
  return steps.some((step) => step.match !== undefined || step.mirror !== undefined)
    ? 'spec.canary.steps: match and mirror are not served so far'
    : null
}

function withoutStatus(object: KubeObject): KubeObject {
  const { status: _, ...rest } = object
  return rest as KubeObject
}

function statusProblem(detail: string): string {
  return `the stored status was written by another version and can not be read: ${detail}`
}
