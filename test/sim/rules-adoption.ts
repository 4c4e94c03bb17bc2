// Pods of a Deployment and pods of a Rollout that takes them over, or gives them back, in; requests that would meet
// too few of them, and capacity paid for twice, out.
import { label } from '../../crds/names.ts'
import type { KubeObject } from '../../kube/api.ts'
import { deployments, replicaSets, rollouts } from '../../kube/resources.ts'
import type { Change } from './api-server.ts'
import { workloadPods } from './pods.ts'
import { rolloutKey } from './scenario.ts'
import { type Rule, replicasSince, rolloutOf, staleMs, statusOf, type View } from './view.ts'

const sizeOf = (object: KubeObject | null): number => object?.['spec'].replicas ?? 0

/** Both serve under one Service: no route leads to one of them alone. */
const isShared = ({ mesh }: View) => mesh.proxies().every((weights) => weights === null)

const isResized = ({ object, previous, type }: Change) =>
  type !== 'DELETED' && previous !== null && sizeOf(object) !== sizeOf(previous)

/** The fleet that takes over, or gives back. */
function stableFleet(view: View): KubeObject | null {
  const { stable } = statusOf(rolloutOf(view))
  const fleets = view.server.list(replicaSets)
  return (
    fleets.find(({ metadata }) => metadata.labels?.[label.revision] === stable?.revision) ?? null
  )
}

export const adoptionRules: readonly Rule<Change>[] = [
  {
    name: 'T10-ready',
    says: 'while pods are exchanged, one goes only when another one is ready in its place',
    check(view, change) {
      const { object, previous } = change
      if (!isResized(change) || sizeOf(object) > sizeOf(previous) || !isShared(view)) return null
      const isWorkload = change.resource.plural === deployments.plural
      const rollout = rolloutOf(view)
      const isGoing = rollout?.metadata.deletionTimestamp !== undefined
      if (!isWorkload && !isGoing) return null
      const since = view.kernel.now() - staleMs(view)
      const revision = statusOf(rollout).stable?.revision ?? ''
      const others = view.pods.mostReadySince(isWorkload ? revision : workloadPods, since)
      const wanted = Math.min(...replicasSince(view, since))
      return sizeOf(object) + others < wanted
        ? `${object.kind} to ${sizeOf(object)} with ${others} of ${wanted} ready in its place`
        : null
    },
  },
  {
    name: 'T10-surge',
    says: 'while pods are exchanged, there are never many more than were asked for',
    check(view, change) {
      const { object, previous } = change
      if (!isResized(change) || sizeOf(object) < sizeOf(previous) || !isShared(view)) return null
      if (statusOf(rolloutOf(view)).phase !== 'Stable') return null
      // Decided on a list of the past.
      if (view.choices.made.some((key) => key.startsWith('K7#'))) return null
      const workload = view.server.get(deployments, rolloutKey)
      if (!workload) return null
      const sum = sizeOf(workload) + sizeOf(stableFleet(view))
      const most = Math.max(...replicasSince(view, view.kernel.now() - staleMs(view)))
      const room = Math.max(1, Math.ceil(most / 4))
      return sum > Math.max(most + room, sizeOf(workload))
        ? `${sum} pods are asked for, and ${most} are wanted`
        : null
    },
  },
  {
    name: 'T8-workload',
    says: 'of a Deployment only its size, its pause and our own marks change',
    check(_, { object, previous, resource, type }) {
      if (resource.plural !== deployments.plural || !previous || type === 'DELETED') return null
      const [before, after] = [previous, object].map(foreign)
      return before === after ? null : `${before} became ${after}`
    },
  },
]

const isOurs = ([name]: readonly [string, unknown]) => name.startsWith('sluice.dev/')

function foreign({ metadata, ...object }: KubeObject): string {
  const { replicas: _, paused: __, ...spec } = object['spec']
  const others = (all: Readonly<Record<string, string>> = {}) =>
    Object.entries(all).filter((one) => !isOurs(one))
  return JSON.stringify([others(metadata.labels), others(metadata.annotations), spec])
}

/** A Deployment at rest: empty while a Rollout runs its pods, and as it was when that is gone. */
export function workloadAtRest({ server, pods, scenario }: View): string | null {
  const workload = scenario.isAdopted ? server.get(deployments, rolloutKey) : null
  if (!workload) return null
  const rollout = server.get(rollouts, rolloutKey)
  const size = sizeOf(workload)
  if (workload['spec'].paused) return 'the Deployment is held'
  if (rollout) return size === 0 ? null : `the Deployment still asks for ${size} pods`
  const { labels = {}, annotations = {} } = workload.metadata
  const last = server.log(rollouts).at(-1)?.object
  // One that went before it had taken a pod promised nothing, and leaves the label it was found by.
  const wasTaken = last?.metadata.finalizers?.length !== undefined
  const marks = [...Object.entries(annotations), ...(wasTaken ? Object.entries(labels) : [])]
  const mark = marks.find(isOurs)
  if (mark) return `the Deployment still carries ${mark[0]}`
  const wanted = wasTaken ? sizeOf(last ?? null) : 0
  // One of more pods than were asked for was left alone.
  return size >= wanted && pods.readyOf(workloadPods) === size
    ? null
    : `the Deployment has ${pods.readyOf(workloadPods)} of ${size} pods back, ${wanted} were wanted`
}
