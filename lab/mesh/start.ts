// An API server in, one proxy that plays all sidecars of a namespace out, and its metrics on a second port.
import { createServer } from 'node:http'
import type { KubeApi } from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import { closeServer, listenOnLoopback } from '../loopback.ts'
import { follow } from './follow.ts'
import { createMeshMetrics, type Source } from './metrics.ts'
import { createProxy } from './proxy.ts'
import { allAddresses, type RouteTable } from './route-table.ts'
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
  /** Default: a free one. */
  readonly port?: number
}

export interface Mesh {
  /** Requests here go where their Host header says. */
  readonly url: string
  /** Prometheus text. */
  readonly metricsUrl: string
  /** What the proxy obeys now, to be looked at. */
  table(): RouteTable
  close(): Promise<void>
}

/** Resolves once it obeys all that exists. */
export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const { api, clock, random, source, propagationDelayMs = 50 } = options
  const metrics = createMeshMetrics(source)
  const upstreams = createUpstreams(random)
  const follower = await follow({
    api,
    clock,
    random,
    namespace: source.namespace,
    propagationDelayMs,
    onTable: (table) => upstreams.keepOnly(allAddresses(table)),
  })
  const handle = createProxy({ table: follower.table, upstreams, metrics, clock, random })
  const proxy = createServer((request, response) => void handle(request, response))
  proxy.keepAliveTimeout = 65_000
  const exposition = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
    response.end(metrics.render())
  })
  const close = async () => {
    await follower.close()
    await Promise.all([closeServer(proxy), closeServer(exposition)])
    await upstreams.close()
  }
  try {
    const url = await listenOnLoopback(proxy, options.port)
    const metricsAddress = await listenOnLoopback(exposition)
    return { url, metricsUrl: `${metricsAddress}/metrics`, table: follower.table, close }
  } catch (error) {
    await close()
    throw new Error(`listening on port ${options.port ?? 0} of 127.0.0.1`, { cause: error })
  }
}
