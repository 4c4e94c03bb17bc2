// A cluster and a request in, the answer of one of its pods out: least requests of two, kept connections,
// and no retry but where no connection was made.
import { type Dispatcher, errors, Pool } from 'undici'
import type { Cluster, Endpoint } from './endpoints.ts'

export interface UpstreamRequest {
  readonly path: string
  readonly method: string
  readonly headers: Record<string, string | string[]>
  readonly body: Buffer | null
  readonly signal: AbortSignal
}

export type UpstreamAnswer =
  | {
      readonly kind: 'answered'
      readonly endpoint: Endpoint
      readonly answer: Dispatcher.ResponseData
      /** To be called when the answer is passed on or given up. */
      readonly release: () => void
    }
  | {
      readonly kind: 'failed'
      readonly endpoint: Endpoint
      readonly code: number
      readonly flags: string
    }

export interface Upstreams {
  /** Rejects only when the caller went away. The cluster has endpoints. */
  send(cluster: Cluster, request: UpstreamRequest): Promise<UpstreamAnswer>
  /** Lets connections to all other addresses end when they have done their work. */
  keepOnly(addresses: ReadonlySet<string>): void
  close(): Promise<void>
}

interface Upstream {
  readonly pool: Pool
  active: number
}

// Istio's default: two retries, only when connecting failed.
const retryLimit = 2
const connectionLimit = 64
const activeLimit = 1_024
const timeoutMs = 60_000
const connectTimeoutMs = 2_000
const connectFailures = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])

export function createUpstreams(random: () => number): Upstreams {
  const upstreams = new Map<string, Upstream>()

  function upstreamOf({ address }: Endpoint): Upstream {
    const known = upstreams.get(address)
    if (known) return known
    const pool = new Pool(`http://${address}`, {
      connections: connectionLimit,
      pipelining: 1,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: { timeout: connectTimeoutMs },
    })
    const upstream = { pool, active: 0 }
    upstreams.set(address, upstream)
    return upstream
  }

  async function trySend(endpoint: Endpoint, request: UpstreamRequest): Promise<UpstreamAnswer> {
    const upstream = upstreamOf(endpoint)
    if (upstream.active >= activeLimit) return { kind: 'failed', endpoint, code: 503, flags: 'UO' }
    upstream.active += 1
    const release = () => {
      upstream.active -= 1
    }
    try {
      const { path, headers, body, signal } = request
      const method = request.method as Dispatcher.HttpMethod
      const answer = await upstream.pool.request({ path, method, headers, body, signal })
      return { kind: 'answered', endpoint, answer, release }
    } catch (error) {
      release()
      if (request.signal.aborted) throw error
      return { kind: 'failed', endpoint, ...describeFailure(error) }
    }
  }

  return {
    async send(cluster, request) {
      let candidates = cluster.endpoints
      for (let retries = 0; ; retries += 1) {
        const chosen = choose(candidates, random, (endpoint) => upstreamOf(endpoint).active)
        const result = await trySend(chosen, request)
        if (result.kind === 'answered' || result.flags !== 'UF') return result
        if (retries >= retryLimit) return { ...result, flags: 'UF,URX' }
        const others = candidates.filter((endpoint) => endpoint !== chosen)
        if (others.length > 0) candidates = others
      }
    },
    keepOnly(addresses) {
      for (const [address, { pool }] of upstreams) {
        if (addresses.has(address)) continue
        upstreams.delete(address)
        void pool.close()
      }
    },
    async close() {
      await Promise.all([...upstreams.values()].map(({ pool }) => pool.destroy()))
      upstreams.clear()
    },
  }
}

/** Istio's default balancer: two drawn at random, the one with fewer requests under way. */
function choose(
  endpoints: readonly Endpoint[],
  random: () => number,
  activeOf: (endpoint: Endpoint) => number,
): Endpoint {
  const draw = () => endpoints[Math.floor(random() * endpoints.length)]
  const first = draw()
  const second = draw()
  if (!first || !second) throw new Error('the cluster has no endpoints')
  return activeOf(second) < activeOf(first) ? second : first
}

function describeFailure(error: unknown): { code: number; flags: string } {
  const isTimeout =
    error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError
  if (isTimeout) return { code: 504, flags: 'UT' }
  return { code: 503, flags: connectFailures.has(codeOf(error)) ? 'UF' : 'UC' }
}

function codeOf(error: unknown): string {
  const isCoded = error instanceof Error && 'code' in error && typeof error.code === 'string'
  return isCoded ? String(error.code) : ''
}
