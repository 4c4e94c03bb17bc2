// News, Notifications and Secrets with what a test cares about.
import { type NotificationSpec, NotificationSpec as Spec } from '../../crds/notification.ts'
import { RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeObject } from '../../kube/api.ts'
import { newsOf } from './news.ts'

export const commit = 'c0ffee'.padEnd(40, '0')
export const nowMs = Date.parse('2026-01-01T12:00:00Z')

export function rolloutObject(
  status: object = {},
  labels: Record<string, string> = {},
): KubeObject {
  const metadata = { namespace: 'shop', name: 'checkout', uid: 'u-1', labels }
  return { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', metadata, status }
}

export function newsFor(reason: string, note = 'checks failed', status: object = {}) {
  const after = RolloutStatus.parse({
    phase: 'Aborted',
    progress: '2/4',
    weight: 0,
    canary: { revision: '77ab01cdef', commit },
    stable: { revision: '11aa22bb33', commit: 'f00d'.padEnd(40, '0') },
    ...status,
  })
  const news = newsOf(rolloutObject(), { reason, note }, { status: after, at: nowMs })
  if (!news) throw new Error(`${reason} is no news`)
  return news
}

export const specOf = (spec: object): NotificationSpec => Spec.parse(spec)

export function notificationObject(spec: object, more: object = {}): KubeObject {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Notification',
    metadata: { namespace: 'shop', name: 'releases' },
    spec,
    ...more,
  }
}

export function secretObject(values: Readonly<Record<string, string>>): KubeObject {
  const data = Object.entries(values).map(([key, value]) => [key, btoa(value)])
  const metadata = { namespace: 'shop', name: 'receiver' }
  return { apiVersion: 'v1', kind: 'Secret', metadata, data: Object.fromEntries(data) }
}
