// The few rules of built-in kinds whose breach would hide a bug of ours: what may never change, and
// selectors that would not find their own pods.
import type { KubeObject } from '../../kube/api.ts'
import { validateEvent } from './builtin-events.ts'
import { at, isEqual, isObject, objectOf } from './json.ts'
import type { Cause } from './status-error.ts'

const workloads = ['ReplicaSet', 'Deployment']

export function validateBuiltin(before: KubeObject | null, after: KubeObject): Cause[] {
  if (workloads.includes(after.kind)) return validateWorkload(before, after)
  if (after.kind === 'Event' && !before) return validateEvent(after)
  if (after.kind === 'Pod' && before) return validatePodChange(before, after)
  const isConfiguration = after.kind === 'ConfigMap' || after.kind === 'Secret'
  if (isConfiguration && before?.['immutable'] === true) return validateImmutable(before, after)
  return []
}

function validateWorkload(before: KubeObject | null, after: KubeObject): Cause[] {
  const selector = at(after, ['spec', 'selector'])
  if (before && !isEqual(at(before, ['spec', 'selector']), selector)) {
    return [unchangeable('spec.selector', selector)]
  }
  const wanted = at(selector, ['matchLabels'])
  const labels = objectOf(at(after, ['spec', 'template', 'metadata', 'labels']))
  if (!isObject(selector)) return [required('spec.selector')]
  const isMatch = Object.entries(objectOf(wanted)).every(([name, value]) => labels[name] === value)
  if (isMatch) return []
  const message = `Invalid value: ${JSON.stringify(labels)}: \`selector\` does not match template \`labels\``
  return [{ reason: 'FieldValueInvalid', field: 'spec.template.metadata.labels', message }]
}

/** Of a pod's spec only images, the deadline, tolerations and its node may change. */
function validatePodChange(before: KubeObject, after: KubeObject): Cause[] {
  if (isEqual(fixedPart(before), fixedPart(after))) return []
  const message =
    'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'
  return [{ reason: 'FieldValueForbidden', field: 'spec', message }]
}

const changeable = ['activeDeadlineSeconds', 'tolerations', 'nodeName', 'ephemeralContainers']

function fixedPart(pod: KubeObject): unknown {
  const withoutImages = (list: unknown) =>
    Array.isArray(list)
      ? list.map((container) => ({ ...objectOf(container), image: null }))
      : undefined
  return Object.entries(objectOf(pod['spec']))
    .filter(([name]) => !changeable.includes(name))
    .map(([name, value]) => [
      name,
      /^(initC|c)ontainers$/.test(name) ? withoutImages(value) : value,
    ])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
}

function validateImmutable(before: KubeObject, after: KubeObject): Cause[] {
  return ['data', 'binaryData', 'immutable']
    .filter((field) => !isEqual(before[field], after[field]))
    .map((field) => ({
      reason: 'FieldValueForbidden',
      field,
      message: 'Forbidden: field is immutable when `immutable` is set',
    }))
}

function unchangeable(field: string, value: unknown): Cause {
  const message = `Invalid value: ${JSON.stringify(value)}: field is immutable`
  return { reason: 'FieldValueInvalid', field, message }
}

function required(field: string): Cause {
  return { reason: 'FieldValueRequired', field, message: 'Required value' }
}
