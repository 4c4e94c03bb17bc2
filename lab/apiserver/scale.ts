// The scale subresource: an object as an autoscaling/v1 Scale, and a Scale written back into the object.
import type { KubeObject } from '../../kube/api.ts'
import { at, isObject, type JsonObject, numberOf, objectOf, textOf, withAt } from './json.ts'
import type { ScalePaths } from './kinds.ts'
import { badRequest } from './status-error.ts'

export function renderScale(object: KubeObject, paths: ScalePaths): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const selector = selectorText(object, paths)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberOf(at(object, paths.spec)) },
    status: {
      replicas: numberOf(at(object, paths.status)),
      ...(selector !== '' && { selector }),
    },
  }
}

/** The object with the replicas of a Scale; its version and uid stay preconditions. */
export function applyScale(object: KubeObject, scale: unknown, paths: ScalePaths): JsonObject {
  const replicas = at(scale, ['spec', 'replicas'])
  if (replicas !== undefined && (typeof replicas !== 'number' || replicas < 0)) {
    throw badRequest('Scale: spec.replicas must be a number that is not negative')
  }
  const { uid, resourceVersion } = objectOf(at(scale, ['metadata']))
  const metadata = {
    ...object.metadata,
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  }
  return { ...withAt(object, paths.spec, replicas ?? 0), metadata }
}

function selectorText(object: KubeObject, paths: ScalePaths): string {
  if (paths.selector) return textOf(at(object, paths.selector))
  const labels = at(object, ['spec', 'selector', 'matchLabels'])
  if (!isObject(labels)) return ''
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(',')
}
