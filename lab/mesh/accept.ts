// Routes of the Gateway API in, their status out: what Linkerd or another controller says of a route a
// settable time after it was written.
import { isConflict, isNotFound, type KubeApi, type KubeObject } from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import { createReflector, type Reflector } from '../../kube/reflector.ts'
import { services as serviceResource } from '../../kube/resources.ts'
import { routeKinds } from '../../traffic/gateway-route.ts'
import type { ServiceMesh } from './gateway-rules.ts'
import { statusOf } from './route-status.ts'

export interface AcceptOptions {
  readonly api: KubeApi
  readonly clock: Clock
  readonly random: () => number
  readonly mesh: ServiceMesh
  /** Speak of routes in this namespace alone. */
  readonly namespace: string | undefined
  readonly delayMs: number
}

const retryMs = 500

/** Resolves once it has seen what exists. */
export async function startAccepting(options: AcceptOptions): Promise<{ close(): Promise<void> }> {
  const { api, clock, random, namespace, delayMs } = options
  const closing = new AbortController()
  const due = new Set<string>()
  const writing = new Set<Promise<void>>()
  const kinds = Object.values(routeKinds)
  const routes: Reflector[] = kinds.map((resource) =>
    createReflector({
      ...{ api, clock, random, resource, query: { namespace } },
      onChange: (_key, object) => object && notice(object),
    }),
  )
  const services = createReflector({
    ...{ api, clock, random, resource: serviceResource, query: { namespace } },
    onChange: () => {
      for (const object of all()) notice(object)
    },
  })
  const all = () => routes.flatMap(({ store }) => store.list())

  function notice({ kind, metadata }: KubeObject, afterMs = delayMs): void {
    const key = `${kind} ${metadata.namespace}/${metadata.name}`
    if (due.has(key)) return
    due.add(key)
    const work = clock.sleep(afterMs, closing.signal).then(async () => {
      due.delete(key)
      const [kindName = '', place = ''] = key.split(' ')
      if (!closing.signal.aborted) await speakOf(kindName, place)
    })
    writing.add(work)
    void work.then(() => writing.delete(work))
  }

  async function speakOf(kind: string, place: string): Promise<void> {
    const [where = '', name = ''] = place.split('/')
    const resource = kinds.find((candidate) => candidate.kind === kind)
    const object = routes[resource ? kinds.indexOf(resource) : -1]?.store.get(where, name)
    if (!object || !resource) return
    const surroundings = {
      mesh: options.mesh,
      services: services.store.list(where),
      hasGrpcRoute: all().some((other) => other.kind === 'GRPCRoute' && shareParent(other, object)),
    }
    const parents = statusOf(
      object,
      surroundings,
      `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
    )
    if (parents === null) return
    try {
      await api.replace(resource, { ...object, status: { parents } }, { subresource: 'status' })
    } catch (error) {
      // Of a version that is not the newest nobody speaks; the next one is on its way.
      if (isConflict(error) || isNotFound(error)) return
      notice(object, retryMs)
    }
  }

  const reflectors = [services, ...routes]
  const following = reflectors.map((reflector) => reflector.start(closing.signal))
  await Promise.all(reflectors.map(({ synced }) => synced))
  return {
    async close() {
      closing.abort()
      await Promise.all([...following, ...writing])
    },
  }
}

function shareParent(a: KubeObject, b: KubeObject): boolean {
  const names = ({ spec }: KubeObject) =>
    (spec?.parentRefs ?? []).flatMap(({ kind, name }: { kind?: string; name: string }) =>
      kind === 'Service' ? [name] : [],
    )
  const ours = new Set<string>(names(b))
  return (
    a.metadata.namespace === b.metadata.namespace && names(a).some((name: string) => ours.has(name))
  )
}
