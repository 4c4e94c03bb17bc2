// A Deployment in, what a Rollout that takes it over needs to know out; and the patches that take its pods, and
// give them back. Pure. A patch touches its scale, its pause and our own labels, and carries the version read.
import { z } from 'zod'
import { annotation, label } from '../crds/names.ts'
import type { KubeObject } from './api.ts'
import { rolloutLabel } from './bounded-name.ts'

export interface DeploymentView {
  readonly name: string
  /** Pods asked for. */
  readonly desired: number
  /** Pods there are, of all its templates. */
  readonly pods: number
  readonly ready: number
  /** It runs one template and all its pods are there and ready. */
  readonly isSettled: boolean
  /** Stopped from rolling by us. */
  readonly isHeld: boolean
  /** Stopped from rolling by somebody else. */
  readonly isPaused: boolean
  /** Label of the Rollout that follows it; null for none. */
  readonly follower: string | null
  readonly decision: number
  /** The pod template, opaque, with the defaults of the API server. */
  readonly template: Readonly<Record<string, unknown>>
}

/** On a Deployment that does not roll while its pods are exchanged: who stopped it. */
const heldAnnotation = 'sluice.dev/held'

const Deployment = z.looseObject({
  spec: z.looseObject({
    replicas: z.int().min(0).nullish(),
    paused: z.boolean().nullish(),
    template: z.looseObject({}),
  }),
  status: z
    .looseObject({
      observedGeneration: z.number().nullish(),
      replicas: z.int().min(0).nullish(),
      updatedReplicas: z.int().min(0).nullish(),
      availableReplicas: z.int().min(0).nullish(),
    })
    .nullish(),
})

/** Null for an object that is no Deployment. */
export function readDeployment(object: KubeObject): DeploymentView | null {
  const parsed = Deployment.safeParse(object)
  if (!parsed.success) return null
  const { metadata } = object
  const { spec, status } = parsed.data
  const desired = spec.replicas ?? 1
  const { replicas, updatedReplicas, availableReplicas, observedGeneration } = status ?? {}
  const counts = [replicas, updatedReplicas, availableReplicas].map((count) => count ?? 0)
  const isCurrent = (observedGeneration ?? 0) >= (metadata.generation ?? 0)
  const isHeld = metadata.annotations?.[heldAnnotation] !== undefined
  return {
    name: metadata.name,
    desired,
    pods: replicas ?? 0,
    ready: isCurrent ? (availableReplicas ?? 0) : Math.min(availableReplicas ?? 0, desired),
    isSettled: isCurrent && counts.every((count) => count === desired),
    isHeld,
    isPaused: spec.paused === true && !isHeld,
    follower: metadata.labels?.[label.rollout] ?? null,
    decision: Number(metadata.annotations?.[annotation.decision] ?? 0) || 0,
    template: object['spec'].template,
  }
}

/** Has the watch of this Rollout see it. */
export function followPatch({ metadata }: KubeObject, rollout: string): unknown {
  const { resourceVersion } = metadata
  return { metadata: { resourceVersion, labels: { [label.rollout]: rolloutLabel(rollout) } } }
}

export interface SizeChange {
  readonly replicas: number
  readonly decision: number
  /** Stop it from rolling while its pods are exchanged, or let it roll again. */
  readonly isHeld: boolean
}

export function sizePatch(
  { metadata }: KubeObject,
  { replicas, decision, isHeld }: SizeChange,
): unknown {
  const { resourceVersion } = metadata
  const annotations = {
    [annotation.decision]: String(decision),
    [heldAnnotation]: isHeld ? 'while Sluice exchanges its pods' : null,
  }
  const paused = isHeld ? true : null
  return { metadata: { resourceVersion, annotations }, spec: { replicas, paused } }
}

/** Without any trace of ours. */
export function releasePatch({ metadata }: KubeObject): unknown {
  const { resourceVersion, annotations } = metadata
  const isHeld = annotations?.[heldAnnotation] !== undefined
  return {
    metadata: {
      resourceVersion,
      labels: { [label.rollout]: null },
      annotations: { [annotation.decision]: null, [heldAnnotation]: null },
    },
    ...(isHeld && { spec: { paused: null } }),
  }
}
