// An API server in, one proxy that plays all sidecars of a namespace out, one that plays all gateways, and
// metrics on a third port.
import { createServer } from 'node:http'
import type { KubeApi } from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import { closeServer, listenOnLoopback } from '../loopback.ts'
import { startAccepting } from './accept.ts'
import { follow } from './follow.ts'
import type { ServiceMesh } from './gateway-rules.ts'
import { createMeshMetrics, type Source } from './metrics.ts'
import { createProxy } from './proxy.ts'
import { allAddresses, type RouteTable } from './route-table.ts'
import { startStreamProxy } from './stream-proxy.ts'
import { createUpstreams } from './upstreams.ts'

export interface MeshOptions {
  readonly api: KubeApi
  readonly clock: Clock
  /** In [0, 1): draws destinations and pods. */
  readonly random: () => number
  /** Who calls: metrics say so, and short names mean Services of this namespace. */
  readonly source: Source
  /** From seeing an object to obeying it. Default 50. */
  readonly propagationDelayMs?: number
  /** The same for Services and pods. Default: as for all else. */
  readonly endpointDelayMs?: number
  /** From seeing a route of the Gateway API to saying that it is accepted. Default 20. */
  readonly acceptanceDelayMs?: number
  /** Who obeys routes with a Service as parent. Default `linkerd`. */
  readonly serviceMesh?: ServiceMesh
  /** Look at the namespace of the callers alone. Default false. */
  readonly isConfined?: boolean
  /** Default: a free one. */
  readonly port?: number
}

export interface Mesh {
  /** Requests here go where their Host header says, as from a sidecar. */
  readonly url: string
  /** The same, as from the edge. */
  readonly gatewayUrl: string
  /** Prometheus text. */
  readonly metricsUrl: string
  /** What the proxies obey now, to be looked at. */
  table(): RouteTable
  /** A port of 127.0.0.1 where connections are led as those to a Service; the first port without one. */
  connectionsTo(service: string, port?: number): Promise<number>
  close(): Promise<void>
}

/** Resolves once it obeys all that exists. */
export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const { api, clock, random, source, propagationDelayMs = 50 } = options
  const { serviceMesh = 'linkerd', isConfined = false, acceptanceDelayMs = 20 } = options
  const metrics = createMeshMetrics(source)
  const upstreams = createUpstreams(random)
  const { namespace } = source
  const accepting = await startAccepting({
    ...{ api, clock, random, mesh: serviceMesh, delayMs: acceptanceDelayMs },
    namespace: isConfined ? namespace : undefined,
  })
  const follower = await follow({
    ...{ api, clock, random, namespace, propagationDelayMs, isConfined, serviceMesh },
    endpointDelayMs: options.endpointDelayMs ?? propagationDelayMs,
    onTable: (table) => upstreams.keepOnly(allAddresses(table)),
  })
  const parts = { table: follower.table, upstreams, metrics, clock, random }
  const [proxy, gateway] = (['sidecar', 'gateway'] as const).map((via) => {
    const handle = createProxy({ ...parts, via })
    const server = createServer((request, response) => void handle(request, response))
    server.keepAliveTimeout = 65_000
    return server
  })
  const exposition = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
    response.end(metrics.render())
  })
  const servers = [proxy, gateway, exposition].flatMap((server) => server ?? [])
  const streams: { close(): Promise<void> }[] = []
  const close = async () => {
    await Promise.all([follower.close(), accepting.close()])
    await Promise.all([...servers.map(closeServer), ...streams.map((stream) => stream.close())])
    await upstreams.close()
  }
  try {
    const [url = '', gatewayUrl = '', metricsAddress = ''] = await Promise.all(
      servers.map((server) => listenOnLoopback(server, server === proxy ? options.port : 0)),
    )
    return {
      ...{ url, gatewayUrl, metricsUrl: `${metricsAddress}/metrics`, table: follower.table, close },
      async connectionsTo(service, port) {
        const host = `${service}.${namespace}.svc.cluster.local`
        const stream = await startStreamProxy({ ...parts, host, port: port ?? null })
        streams.push(stream)
        return stream.port
      },
    }
  } catch (error) {
    await close()
    throw new Error(`listening on port ${options.port ?? 0} of 127.0.0.1`, { cause: error })
  }
}
