// What a Rollout names and what runs of it in, the revision it asks for out: with a Deployment to take over, pods
// to restart, and why something can not be read.
import { authorOf } from '../../crds/author.ts'
import { CommitId } from '../../crds/fields.ts'
import { annotation } from '../../crds/names.ts'
import type { Rollout } from '../../crds/rollout.ts'
import type { Release as ReleaseName, RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeObject } from '../../kube/api.ts'
import type { DeploymentView } from '../../kube/deployment.ts'
import { readPod } from '../../kube/pod.ts'
import { readFleet } from '../../kube/replica-set.ts'
import { keyOf } from '../../kube/store.ts'
import type { Workload } from '../rollout/adopt.ts'
import { askedBy } from '../rollout/asked.ts'
import type { Fleet, Obstacle, Pod } from '../rollout/snapshot.ts'
import { earliest } from '../rollout/stored.ts'
import { byRollout } from './mesh-world.ts'
import { lookAgainMs, type Release, type Template } from './named-world.ts'
import { isOwned, ownerOf } from './parsed.ts'
import { byRevision, type World } from './world.ts'

export interface WorkloadsSeen {
  readonly target: ReleaseName
  readonly unread: Obstacle | null
  /** Nothing can be decided: nothing runs yet, and what should can not be read. */
  readonly obstacle: Obstacle | null
  readonly workload: Workload | null
  readonly pods: readonly Pod[]
  readonly release: Release | null
  readonly wakeAt: number | null
}

export interface WorkloadsOf {
  readonly object: KubeObject
  readonly rollout: Rollout
  readonly status: RolloutStatus
  readonly fleets: readonly Fleet[]
  readonly now: number
}

/** Null while it is not known yet what it asks for. */
export function observeWorkloads(world: World, of: WorkloadsOf): WorkloadsSeen | null {
  const { object, rollout, status, now } = of
  const key = keyOf(object.metadata)
  const release = world.named.release(key, rollout.spec, templatesOf(world, of))
  if (!release) return null
  const isRead = 'template' in release
  const asked = askedBy(isRead ? { ...release, ...originOf(rollout) } : release, { status, now })
  const workload = workloadOf(world.named.deployment(key, rollout.spec))
  // While pods are exchanged, those of the Deployment run what is stable: nothing else is tried beside them.
  const target = workload?.isHeld && status.stable ? status.stable : asked.target
  const looksAt = asked.unread ? now + lookAgainMs : null
  return {
    target: target ?? { revision: '' },
    unread: asked.unread,
    obstacle: target ? null : asked.unread,
    workload,
    pods: podsOf(world, of),
    release: isRead ? release : null,
    wakeAt: earliest(asked.wakeAt, looksAt),
  }
}

/** Where it came from, as its annotations say: anybody who may write them may have. */
function originOf({ metadata: { annotations } }: Rollout) {
  const commit = annotations?.[annotation.commit]
  if (!commit || !CommitId.safeParse(commit).success) return {}
  return { commit, author: authorOf(annotations?.[annotation.author]) }
}

function templatesOf(world: World, { object, rollout }: WorkloadsOf): Template[] {
  if (!rollout.spec.workloadRef) return []
  return fleetObjects(world, object).flatMap((one) => {
    const fleet = readFleet(one)
    return fleet && fleet.config.length === 0 ? [fleet] : []
  })
}

function workloadOf(view: DeploymentView | null): Workload | null {
  if (!view) return null
  const { name, desired, pods, ready, isSettled, isHeld, isPaused } = view
  const problem = isPaused
    ? `Deployment ${name} is paused: resume it, and its pods are taken over`
    : null
  return { name, desired, pods, ready, isSettled, isHeld, problem }
}

/** Pods of stable; only while a restart is asked for, since nobody else wants to know. */
function podsOf(world: World, { object, rollout, status, now }: WorkloadsOf): Pod[] {
  const { restartAt } = rollout.spec
  const revision = status.stable?.revision
  const isDone = status.restart?.at === restartAt && status.restart?.endedAt !== undefined
  if (restartAt === undefined || revision === undefined || isDone || Date.parse(restartAt) > now)
    return []
  const fleet = fleetObjects(world, object).find((one) => readFleet(one)?.revision === revision)
  const { namespace = '' } = object.metadata
  return world.pods
    .byIndex(byRevision, `${namespace}/${revision}`)
    .flatMap((pod) => readPod(pod, fleet?.metadata.uid ?? '') ?? [])
}

function fleetObjects(world: World, object: KubeObject): KubeObject[] {
  const owner = ownerOf(object)
  return world.fleets
    .byIndex(byRollout, keyOf(object.metadata))
    .filter((one) => isOwned(one, owner) && !one.metadata.deletionTimestamp)
}
