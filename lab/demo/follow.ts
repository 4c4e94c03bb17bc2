// The story as the cluster tells it: statuses of Rollouts and weights of routes, as they change.
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeApi } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { createReflector } from '../../kube/reflector.ts'
import { pods, rollouts, virtualServices } from '../../kube/resources.ts'
import { istio } from '../../traffic/istio.ts'

export interface Seen {
  readonly name: string
  readonly status: RolloutStatus
  readonly at: number
}

export interface Follower {
  /** Every status of a Rollout since the start, oldest first. */
  readonly statuses: readonly Seen[]
  /** Every change of weights, oldest first. */
  readonly routes: readonly {
    name: string
    weights: Readonly<Record<string, number>>
    at: number
  }[]
  /** When pods were removed from the API, by name. */
  readonly removedPods: ReadonlyMap<string, number>
  /** Restarts of containers, over all pods seen. */
  restarts(): number
  status(name: string): RolloutStatus | null
  weights(name: string): Readonly<Record<string, number>>
  /** Resolves when `test` gives a value; rejects at the deadline with what it waited for. */
  until<T>(what: string, test: () => T | null | undefined | false): Promise<T>
}

const pollMs = 20

export function follow(
  api: KubeApi,
  options: {
    readonly signal: AbortSignal
    /** Wall time by which everything must have happened, ms since epoch. */
    readonly deadline: () => number
    readonly onStatus: (seen: Seen, before: RolloutStatus | null) => void
  },
): Follower {
  const statuses: Seen[] = []
  const routes: { name: string; weights: Readonly<Record<string, number>>; at: number }[] = []
  const removedPods = new Map<string, number>()
  const restarts = new Map<string, number>()
  const latest = new Map<string, RolloutStatus>()
  const weights = new Map<string, Readonly<Record<string, number>>>()
  const common = { api, clock: systemClock, random: Math.random }
  const watched = [
    createReflector({
      ...common,
      resource: rollouts,
      onChange: (_, object) => {
        const status: RolloutStatus | undefined = object?.['status']
        if (!object || !status?.phase) return
        const { name } = object.metadata
        const seen = { name, status, at: Date.now() }
        const before = latest.get(name) ?? null
        latest.set(name, status)
        statuses.push(seen)
        options.onStatus(seen, before)
      },
    }),
    createReflector({
      ...common,
      resource: virtualServices,
      onChange: (_, object) => {
        if (!object) return
        const route = istio.readRoute(object)
        weights.set(object.metadata.name, route.weights)
        routes.push({ name: object.metadata.name, weights: route.weights, at: route.since ?? 0 })
      },
    }),
    createReflector({
      ...common,
      resource: pods,
      onChange: (_, object, previous) => {
        const { metadata, status } = object ?? previous ?? { metadata: { name: '' }, status: {} }
        const containers: { restartCount?: number }[] = status?.containerStatuses ?? []
        restarts.set(
          metadata.name,
          containers.reduce((n, c) => n + (c.restartCount ?? 0), 0),
        )
        const isGoing = !object || object.metadata.deletionTimestamp !== undefined
        if (isGoing && !removedPods.has(metadata.name)) removedPods.set(metadata.name, Date.now())
      },
    }),
  ]
  for (const reflector of watched) void reflector.start(options.signal)
  return {
    statuses,
    routes,
    removedPods,
    restarts: () => [...restarts.values()].reduce((total, count) => total + count, 0),
    status: (name) => latest.get(name) ?? null,
    weights: (name) => weights.get(name) ?? {},
    async until(what, test) {
      while (!options.signal.aborted) {
        const value = test()
        if (value) return value
        if (Date.now() > options.deadline()) throw new Error(`it took too long: ${what}`)
        await systemClock.sleep(pollMs, options.signal)
      }
      throw new Error(`interrupted while waiting: ${what}`)
    },
  }
}
