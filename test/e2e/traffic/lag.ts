// A kind of route and a data plane in, the times from a stored route to one that is obeyed out.
import type { KubeApi, KubeObject, Resource } from '../../../kube/api.ts'
import { systemClock } from '../../../kube/clock.ts'
import { createReflector } from '../../../kube/reflector.ts'
import type { DataPlane } from './data-plane.ts'

export interface Lag {
  /** Milliseconds, sorted. From the news of a route's spec to its being obeyed. */
  times(): readonly number[]
  close(): Promise<void>
}

const pollMs = 2
const limitMs = 5_000

export function watchLag(given: {
  readonly api: KubeApi
  readonly namespace: string
  readonly resource: Resource
  readonly dataPlane: DataPlane
}): Lag {
  const { api, namespace, resource, dataPlane } = given
  const closing = new AbortController()
  const times: number[] = []
  const waiting = new Set<Promise<void>>()

  async function time(route: KubeObject): Promise<void> {
    const startedMs = performance.now()
    while (!closing.signal.aborted && performance.now() - startedMs < limitMs) {
      if (dataPlane.obeys(route)) {
        times.push(performance.now() - startedMs)
        return
      }
      await systemClock.sleep(pollMs, closing.signal)
    }
  }

  const following = createReflector({
    ...{ api, resource, query: { namespace }, clock: systemClock, random: Math.random },
    onChange(_, object, previous) {
      if (!object || JSON.stringify(object['spec']) === JSON.stringify(previous?.['spec'])) return
      const work = time(object)
      waiting.add(work)
      void work.then(() => waiting.delete(work))
    },
  }).start(closing.signal)
  return {
    times: () => times.toSorted((a, b) => a - b),
    async close() {
      closing.abort()
      await Promise.all([following, ...waiting])
    },
  }
}
