// Rollouts and routes of the fleet in, when each of them got where out; the traffic of the scripted metrics follows.
import type { RolloutStatus } from '../../../crds/rollout-status.ts'
import type { KubeApi } from '../../../kube/api.ts'
import { systemClock } from '../../../kube/clock.ts'
import { createReflector } from '../../../kube/reflector.ts'
import { rollouts, virtualServices } from '../../../kube/resources.ts'
import { istio } from '../../../traffic/istio.ts'
import { isSettled } from '../../e2e/observer.ts'
import type { ScriptedPrometheus } from './prometheus.ts'

export interface Fleet {
  status(key: string): RolloutStatus | null
  settledCount(): number
  /** When weight was first seen on the revision on trial, ms since epoch, by key. */
  readonly firstWeightAtMs: ReadonlyMap<string, number>
  /** When a revision that had weight was first seen without any, by revision. */
  readonly emptiedAtMs: ReadonlyMap<string, number>
  /** Looks for first weights anew. */
  forgetFirstWeights(): void
  close(): Promise<void>
}

export async function followFleet(api: KubeApi, metrics: ScriptedPrometheus): Promise<Fleet> {
  const closing = new AbortController()
  const statuses = new Map<string, RolloutStatus>()
  const settled = new Set<string>()
  const weights = new Map<string, Readonly<Record<string, number>>>()
  const firstWeightAtMs = new Map<string, number>()
  const emptiedAtMs = new Map<string, number>()
  const common = { api, clock: systemClock, random: Math.random }
  const followed = [
    createReflector({
      ...common,
      resource: rollouts,
      onChange(key, object) {
        const status: RolloutStatus | undefined = object?.['status']
        if (!status?.phase) return
        statuses.set(key, status)
        if (isSettled(status)) settled.add(key)
        else settled.delete(key)
      },
    }),
    createReflector({
      ...common,
      resource: virtualServices,
      onChange(key, object) {
        if (!object) return
        const now = Date.now()
        const next = istio.readRoute(object).weights
        const before = weights.get(key) ?? {}
        weights.set(key, next)
        // The first route is that of the first release.
        const isTrial = Object.keys(before).length > 0 && Object.keys(next).length > 1
        if (isTrial && !firstWeightAtMs.has(key)) firstWeightAtMs.set(key, now)
        const [namespace = '', service = ''] = key.split('/')
        for (const [revision, weightPercent] of Object.entries(next)) {
          metrics.traffic.set(revision, { namespace, service, weightPercent })
        }
        for (const [revision, weight] of Object.entries(before)) {
          if (weight === 0 || next[revision]) continue
          metrics.traffic.delete(revision)
          if (!emptiedAtMs.has(revision)) emptiedAtMs.set(revision, now)
        }
      },
    }),
  ]
  const following = followed.map((reflector) => reflector.start(closing.signal))
  await Promise.all(followed.map(({ synced }) => synced))
  return {
    status: (key) => statuses.get(key) ?? null,
    settledCount: () => settled.size,
    firstWeightAtMs,
    emptiedAtMs,
    forgetFirstWeights: () => firstWeightAtMs.clear(),
    async close() {
      closing.abort()
      await Promise.all(following)
    },
  }
}
