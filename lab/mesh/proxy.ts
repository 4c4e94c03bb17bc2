// A request of any caller in, what its sidecar would do with it out; each outcome is measured once.
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../../kube/clock.ts'
import type { Cluster, ServiceIdentity } from './endpoints.ts'
import type { MeshMetrics, Outcome } from './metrics.ts'
import { pick, type RouteTable } from './route-table.ts'
import type { Choice } from './rules.ts'
import type { UpstreamAnswer, UpstreamRequest, Upstreams } from './upstreams.ts'

export interface ProxyOptions {
  readonly table: () => RouteTable
  readonly upstreams: Upstreams
  readonly metrics: MeshMetrics
  readonly clock: Clock
  readonly random: () => number
  /** Whose routes it obeys. Default: those of sidecars. */
  readonly via?: 'sidecar' | 'gateway'
}

type Measured = Omit<Outcome, 'durationMs'>

const bodyLimitBytes = 1024 * 1024

// What concerns one connection only, RFC 9110 section 7.6.1, and what the next client writes itself.
const hopHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export function createProxy(options: ProxyOptions) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedMs = options.clock.monotonic()
    const measured = await handle(options, request, response)
    options.metrics.record({ ...measured, durationMs: options.clock.monotonic() - startedMs })
  }
}

async function handle(
  options: ProxyOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Measured> {
  const { url: path = '/', method = 'GET', headers } = request
  const { via = 'sidecar' } = options
  const asked = { host: headers.host ?? '', path, method, headers, via }
  const choice = pick(options.table(), asked, options.random)
  if (choice.kind === 'refused') return refuse(response, choice)
  const { service } = choice.cluster
  const leaving = new AbortController()
  response.once('close', () => leaving.abort())
  try {
    const body = await readBody(request)
    if (body === 'too long')
      return fail(response, { service, workload: null, code: 413, flags: '-' })
    const forwarded: UpstreamRequest = {
      path,
      method,
      headers: withoutHops(headers),
      body,
      signal: leaving.signal,
    }
    for (const cluster of choice.copies) void sendCopy(options.upstreams, cluster, forwarded)
    const answer = await options.upstreams.send(choice.cluster, forwarded)
    return await passOn(response, service, answer)
  } catch {
    // Sending rejects for one reason only: the caller went away.
    response.destroy()
    return { service, workload: null, code: 0, flags: 'DC' }
  }
}

/** As Envoy: `-shadow` behind the host, and nobody waits for it or learns how it went. */
async function sendCopy(
  upstreams: Upstreams,
  cluster: Cluster,
  request: UpstreamRequest,
): Promise<void> {
  const headers = { ...request.headers, host: `${request.headers['host'] ?? ''}-shadow` }
  try {
    const { signal } = new AbortController()
    const result = await upstreams.send(cluster, { ...request, headers, signal })
    if (result.kind === 'failed') return
    await result.answer.body.dump()
    result.release()
  } catch {
    // Its pod went away in the middle.
  }
}

async function passOn(
  response: ServerResponse,
  service: ServiceIdentity,
  result: UpstreamAnswer,
): Promise<Measured> {
  const { workload } = result.endpoint
  if (result.kind === 'failed') {
    return fail(response, { service, workload, code: result.code, flags: result.flags })
  }
  const { answer, release } = result
  const code = answer.statusCode
  try {
    const length = answer.headers['content-length']
    response.writeHead(code, {
      ...withoutHops(answer.headers),
      ...(length !== undefined && { 'content-length': String(length) }),
    })
    await pipeline(answer.body, response)
    return { service, workload, code, flags: '-' }
  } catch {
    const isCallerGone = response.destroyed && !answer.body.errored
    response.destroy()
    return isCallerGone
      ? { service, workload, code: 0, flags: 'DC' }
      : { service, workload, code, flags: 'UPE' }
  } finally {
    release()
  }
}

function refuse(
  response: ServerResponse,
  { code, flags, service }: Extract<Choice, { kind: 'refused' }>,
): Measured {
  return fail(response, { service, workload: null, code, flags })
}

function fail(response: ServerResponse, measured: Measured): Measured {
  const text = measured.flags === 'UH' ? 'no healthy upstream' : ''
  response.writeHead(measured.code, {
    'content-type': 'text/plain',
    'content-length': text.length,
    'x-response-flags': measured.flags,
  })
  response.end(text)
  return measured
}

/** Bodies are kept whole, so that they can be sent again when a connection fails. */
async function readBody(request: IncomingMessage): Promise<Buffer | null | 'too long'> {
  const { headers } = request
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    request.resume()
    return null
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    const part = Buffer.from(chunk)
    bytes += part.length
    if (bytes > bodyLimitBytes) return 'too long'
    chunks.push(part)
  }
  return Buffer.concat(chunks)
}

function withoutHops(headers: OutgoingHttpHeaders): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || hopHeaders.has(name)) continue
    kept[name] = typeof value === 'number' ? String(value) : value
  }
  return kept
}
