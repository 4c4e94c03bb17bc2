// A question in, the HTTP request that asks it out: address, proxy, TLS and who asks.
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http'
import { isIP, Socket } from 'node:net'
import type { Credentials } from './credentials.ts'
import type { Target } from './kubeconfig.ts'
import { proxyFor, tunnel } from './proxy.ts'

export interface Question {
  readonly method?: 'GET' | 'POST' | 'PATCH'
  /** Below the server's address, such as `/api/v1/pods`. */
  readonly path: string
  readonly parameters?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  readonly contentType?: string
}

export interface ClientOptions {
  readonly target: Target
  readonly credentials: Credentials
  readonly env: Readonly<Record<string, string | undefined>>
  /** For one request; 0 is no limit. */
  readonly timeoutMs: number
}

/** Gives requests that are not sent yet: `end` them with the payload. */
export async function createRequester(options: ClientOptions) {
  const { target, credentials, env, timeoutMs } = options
  const server = new URL(target.cluster.server)
  const host = server.hostname.replace(/^\[|\]$/g, '')
  const isSecure = server.protocol === 'https:'
  // Loaded only where it is needed: a plain connection starts ten milliseconds sooner without it.
  const https = isSecure ? await import('node:https') : null
  const agent = https ? new https.Agent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const proxy = proxyFor(server, target.cluster.proxyUrl, env)
  if (proxy) {
    const tls = isSecure ? await import('node:tls') : null
    const servername = credentials.tls.servername ?? (isIP(host) === 0 ? host : undefined)
    const secured = { ...credentials.tls, host, ...(servername && { servername }) }
    agent.createConnection = (_, done) => {
      tunnel(proxy, server, timeoutMs).then(
        (socket) => done?.(null, tls ? tls.connect({ ...secured, socket }) : socket),
        (error) => done?.(error, new Socket()),
      )
      return undefined
    }
  }
  const request = https ? https.request : httpRequest
  return (question: Question): { readonly asked: ClientRequest; readonly send: () => void } => {
    const payload = question.body === undefined ? undefined : JSON.stringify(question.body)
    const asked = request({
      ...credentials.tls,
      agent,
      protocol: server.protocol,
      host,
      port: server.port || (isSecure ? 443 : 80),
      method: question.method ?? 'GET',
      path: server.pathname.replace(/\/$/, '') + pathOf(question),
      headers: {
        ...credentials.headers,
        accept: 'application/json',
        'user-agent': 'kubectl-sluice',
        ...(payload !== undefined && {
          'content-type': question.contentType ?? 'application/json',
          'content-length': Buffer.byteLength(payload),
        }),
      },
    })
    return { asked, send: () => asked.end(payload) }
  }
}

function pathOf({ path, parameters }: Question): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (value !== undefined) query.set(name, value)
  }
  return query.size > 0 ? `${path}?${query}` : path
}
