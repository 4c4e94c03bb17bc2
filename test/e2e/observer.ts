// A namespace in, its story out: every status of its Rollout and every weight of its route, as the API tells it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeApi, KubeObject, Resource } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { createReflector } from '../../kube/reflector.ts'
import { leases, pods, rollouts, virtualServices } from '../../kube/resources.ts'
import { istio } from '../../traffic/istio.ts'

export type Weights = Readonly<Record<string, number>>

export interface Observer {
  readonly statuses: readonly { readonly at: number; readonly status: RolloutStatus }[]
  readonly routes: readonly { readonly at: number; readonly weights: Weights }[]
  /** Changes of the Lease's holder; empty for nobody. */
  readonly holders: readonly { readonly at: number; readonly holder: string }[]
  /** When pods were removed from the API, by name. */
  readonly removedPods: ReadonlyMap<string, number>
  status(): RolloutStatus | null
  weights(): Weights
  /** Rejects after `limitMs` with what it waited for and the last status. */
  until<T>(what: string, test: () => T | null | undefined | false, limitMs?: number): Promise<T>
  close(): Promise<void>
}

const pollMs = 20

export function observe(api: KubeApi, namespace: string): Observer {
  const statuses: { at: number; status: RolloutStatus }[] = []
  const routes: { at: number; weights: Weights }[] = []
  const holders: { at: number; holder: string }[] = []
  const removedPods = new Map<string, number>()
  const closing = new AbortController()
  const follow = (
    resource: Resource,
    onChange: (object: KubeObject | null, previous: KubeObject | undefined) => void,
  ) =>
    createReflector({
      api,
      resource,
      query: { namespace },
      clock: systemClock,
      random: Math.random,
      onChange: (_, object, previous) => onChange(object, previous),
    }).start(closing.signal)
  const following = [
    follow(rollouts, (object) => {
      const status: RolloutStatus | undefined = object?.['status']
      if (status?.phase) statuses.push({ at: Date.now(), status })
    }),
    follow(virtualServices, (object) => {
      if (object) routes.push({ at: Date.now(), weights: istio.readRoute(object).weights })
    }),
    follow(leases, (object) => {
      const holder: string = object?.['spec']?.holderIdentity ?? ''
      if (holders.at(-1)?.holder !== holder) holders.push({ at: Date.now(), holder })
    }),
    follow(pods, (object, previous) => {
      const { name } = (object ?? previous)?.metadata ?? { name: '' }
      const isGoing = !object || object.metadata.deletionTimestamp !== undefined
      if (isGoing && !removedPods.has(name)) removedPods.set(name, Date.now())
    }),
  ]
  const status = () => statuses.at(-1)?.status ?? null
  return {
    statuses,
    routes,
    holders,
    removedPods,
    status,
    weights: () => routes.at(-1)?.weights ?? {},
    async until(what, test, limitMs = 60_000) {
      const deadlineAtMs = Date.now() + limitMs
      for (;;) {
        const value = test()
        if (value) return value
        if (Date.now() > deadlineAtMs) {
          throw new Error(`waited in vain until ${what}; status: ${JSON.stringify(status())}`)
        }
        await sleep(pollMs)
      }
    },
    async close() {
      closing.abort()
      await Promise.all(following)
    },
  }
}

/** Nothing is under way and all of it is ready. */
export function isSettled(status: RolloutStatus | null): boolean {
  const isReady = ({ type, status: is }: { type: string; status: string }) =>
    type === 'Ready' && is === 'True'
  return status?.phase === 'Stable' && status.conditions?.some(isReady) === true
}
