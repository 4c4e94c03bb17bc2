// The story as the cluster tells it: statuses of Rollouts and weights of routes, as they change.
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeApi, KubeObject, Resource } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { createReflector } from '../../kube/reflector.ts'
import { pods, rollouts, virtualServices } from '../../kube/resources.ts'
import { istio } from '../../traffic/istio.ts'

export interface Seen {
  readonly name: string
  readonly status: RolloutStatus
  readonly at: number
}

export interface SeenRoute {
  readonly name: string
  readonly weights: Readonly<Record<string, number>>
  /** When the weights were written, ms since epoch. */
  readonly at: number
}

export interface Follower {
  /** Every status of a Rollout since the start, oldest first. */
  readonly statuses: readonly Seen[]
  /** Every change of weights, oldest first. */
  readonly routes: readonly SeenRoute[]
  /** When pods were removed from the API, by name. */
  readonly removedPods: ReadonlyMap<string, number>
  /** Restarts of containers, over all pods seen. */
  restarts(): number
  status(name: string): RolloutStatus | null
  weightsOf(name: string): Readonly<Record<string, number>>
  /** Resolves when `test` gives a value; rejects at the deadline with what it waited for. */
  until<T>(what: string, test: () => T | null | undefined | false): Promise<T>
}

export interface FollowOptions {
  readonly signal: AbortSignal
  /** Wall time by which everything must have happened, ms since epoch. */
  readonly deadline: () => number
  readonly onStatus: (seen: Seen, before: RolloutStatus | null) => void
}

const pollMs = 20

export function follow(api: KubeApi, options: FollowOptions): Follower {
  const { signal, deadline } = options
  const story: Story = {
    statuses: [],
    routes: [],
    removedPods: new Map(),
    restarts: new Map(),
    latest: new Map(),
    weights: new Map(),
  }
  const watch = (resource: Resource, onChange: OnChange) =>
    void createReflector({
      api,
      clock: systemClock,
      random: Math.random,
      resource,
      onChange: (_, object, previous) => onChange(object, previous),
    }).start(signal)
  watch(rollouts, (object) => noteRollout(story, object, options))
  watch(virtualServices, (object) => noteRoute(story, object))
  watch(pods, (object, previous) => notePod(story, object, previous))
  return {
    statuses: story.statuses,
    routes: story.routes,
    removedPods: story.removedPods,
    restarts: () => [...story.restarts.values()].reduce((total, count) => total + count, 0),
    status: (name) => story.latest.get(name) ?? null,
    weightsOf: (name) => story.weights.get(name) ?? {},
    async until(what, test) {
      while (!signal.aborted) {
        const value = test()
        if (value) return value
        if (Date.now() > deadline()) throw new Error(`it took too long: ${what}`)
        await systemClock.sleep(pollMs, signal)
      }
      throw new Error(`interrupted while waiting: ${what}`)
    },
  }
}

type OnChange = (object: KubeObject | null, previous: KubeObject | undefined) => void

interface Story {
  readonly statuses: Seen[]
  readonly routes: SeenRoute[]
  readonly removedPods: Map<string, number>
  readonly restarts: Map<string, number>
  readonly latest: Map<string, RolloutStatus>
  readonly weights: Map<string, Readonly<Record<string, number>>>
}

function noteRollout(story: Story, object: KubeObject | null, { onStatus }: FollowOptions): void {
  const status: RolloutStatus | undefined = object?.['status']
  if (!object || !status?.phase) return
  const { name } = object.metadata
  const seen = { name, status, at: Date.now() }
  const before = story.latest.get(name) ?? null
  story.latest.set(name, status)
  story.statuses.push(seen)
  onStatus(seen, before)
}

function noteRoute(story: Story, object: KubeObject | null): void {
  if (!object) return
  const { name } = object.metadata
  const { weights, since } = istio.readRoute(object)
  story.weights.set(name, weights)
  story.routes.push({ name, weights, at: since ?? 0 })
}

function notePod(story: Story, object: KubeObject | null, previous: KubeObject | undefined): void {
  const pod = object ?? previous
  if (!pod) return
  const { name } = pod.metadata
  const containers: { restartCount?: number }[] = pod['status']?.containerStatuses ?? []
  story.restarts.set(
    name,
    containers.reduce((total, container) => total + (container.restartCount ?? 0), 0),
  )
  const isGoing = !object || object.metadata.deletionTimestamp !== undefined
  if (isGoing && !story.removedPods.has(name)) story.removedPods.set(name, Date.now())
}
