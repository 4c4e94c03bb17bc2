// The read side: what the stores hold of one Rollout in, its Snapshot out. Nothing is written here.
import type { Verdict } from '../../analysis/verdict.ts'
import { pendingCommands } from '../../crds/command.ts'
import { describeProblem, pathText } from '../../crds/problem.ts'
import type { Rollout } from '../../crds/rollout.ts'
import { RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeObject } from '../../kube/api.ts'
import { podTrouble } from '../../kube/pod.ts'
import { readFleet } from '../../kube/replica-set.ts'
import type { Owner } from '../../traffic/router.ts'
import type { Fleet, RevertReport, Snapshot } from '../rollout/snapshot.ts'
import { isSame } from '../rollout/stored.ts'
import { byRollout, type Routing } from './mesh-world.ts'
import type { Release } from './named-world.ts'
import { isFrozenObject, isGoing, isOwned, ownerOf, readRollout } from './parsed.ts'
import { observeTraffic } from './traffic.ts'
import { observeWorkloads } from './workloads.ts'
import { byRevision, type World } from './world.ts'

/** What the controller knows of rollouts besides the cluster; lost at a restart and learned again. */
export interface Memory {
  /** The newest verdict, by uid of the Rollout. */
  readonly verdicts: Map<string, Verdict>
  /** What the Git writer said, by uid. */
  readonly reverts: Map<string, RevertReport>
  /** When routes of a Rollout that is being deleted were seen without a trace of it, ms since epoch, by uid. */
  readonly released: Map<string, number>
}

export interface Observed {
  /** The Rollout as stored: its version is the precondition of the status write. */
  readonly object: KubeObject
  readonly rollout: Rollout
  readonly owner: Owner
  /** What its routes are read and written with. */
  readonly routing: Routing
  readonly snapshot: Snapshot
  /** What it runs, as it stands now; null when that can not be read. */
  readonly release: Release | null
  /** When what is asked for may be another although nothing changes, ms since epoch. */
  readonly wakeAt: number | null
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

/** Null when the Rollout is gone, may go at once, or its world is not known yet. */
export function observe(
  { world, memory, now }: Observer,
  namespace: string,
  name: string,
): Observed | Unreadable | null {
  const object = world.rollouts.get(namespace, name)
  if (!object || (object.metadata.deletionTimestamp && !isGoing(object))) return null
  const parsed = readRollout(object)
  if (!parsed.ok) {
    const [first] = parsed.problems
    const where = first ? `${pathText(first.path)}: ${describeProblem(first)}` : 'unreadable'
    return { object, problem: where }
  }
  const status = readStatus(object)
  if (!status.success) return { object, problem: statusProblem(status.error.message) }
  const uid = object.metadata.uid ?? ''
  const rollout = parsed.value
  const owner = ownerOf(object)
  const at = { owner, spec: rollout.spec }
  const routing = world.mesh.routing(at)
  if (!routing.state.isReady && routing.state.problem === null) return null
  const fleets = fleetsOf(world, owner)
  const workloads = observeWorkloads(world, { object, rollout, status: status.data, now, fleets })
  if (!workloads) return null
  const traffic = observeTraffic(world.mesh, { at, routing, status: status.data, fleets })
  const snapshot: Snapshot = {
    now,
    identity: { namespace, name, uid, generation: object.metadata.generation ?? 0 },
    spec: rollout.spec,
    target: workloads.target,
    status: status.data,
    fleets,
    route: traffic.route,
    verdict: memory.verdicts.get(uid) ?? null,
    commands: pendingCommands(object.metadata.annotations, status.data.commands),
    revert: memory.reverts.get(uid) ?? null,
    obstacle: traffic.obstacle ?? workloads.obstacle,
    contest: traffic.contest,
    preview: traffic.preview,
    unread: workloads.unread,
    workload: workloads.workload,
    pods: workloads.pods,
  }
  const { release, wakeAt } = workloads
  return { object, rollout, owner, routing, snapshot, release, wakeAt }
}

// Objects of the stores are frozen, and most ticks meet the status of the tick before.
const knownStatuses = new WeakMap<object, RolloutStatus>()
const knownFleets = new WeakMap<object, Known | null>()

type Known = Pick<Fleet, 'revision' | 'desired' | 'ready' | 'decision'>

function readStatus(object: KubeObject) {
  const { status } = object
  const known = isFrozenObject(status) ? knownStatuses.get(status) : undefined
  if (known) return { success: true, data: known } as const
  const parsed = RolloutStatus.safeParse(status ?? {})
  if (!parsed.success || !isFrozenObject(status)) return parsed
  // What we stored ourselves reads as it stands: of thousands of rollouts one copy is enough.
  const data = isSame(parsed.data, status) ? (status as RolloutStatus) : parsed.data
  knownStatuses.set(status, data)
  return { success: true, data } as const
}

function pick({ revision, desired, ready, decision }: Known): Known {
  return { revision, desired, ready, decision }
}

/** Without the template, which would be kept once more for each fleet. */
function fleetOf(object: KubeObject): Known | null {
  const known = knownFleets.get(object)
  if (known !== undefined) return known
  const read = readFleet(object)
  const fleet = read && pick(read)
  if (isFrozenObject(object)) knownFleets.set(object, fleet)
  return fleet
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
      const servingSince = world.fleetWatch.servingSince(object)
      return [{ revision, desired, ready, servingSince, decision, trouble }]
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

function statusProblem(detail: string): string {
  return `the stored status was written by another version and can not be read: ${detail}`
}
