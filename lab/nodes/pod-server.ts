// A plan in, a real HTTP server on an address of its own out, and its end after a grace time.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { nextTurn, type PodPlan } from './behaviour.ts'
import type { Address } from './pod-status.ts'

export interface PodServer {
  readonly address: Address
  /** Serves on for `graceMs`, then closes. A later call with less time shortens it. */
  stop(graceMs: number): void
  /** Resolves when the port is free again. */
  readonly stopped: Promise<void>
}

export interface PodServerOptions {
  readonly plan: PodPlan
  /** Gives an address in 127.0.0.0/8 that it gave to nobody else. */
  readonly nextAddress: () => string
  readonly random: () => number
}

// TLS without certificates: both sides know one key.
const psk = Buffer.from('sluice lab')
const sharedKey = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const

/** For who calls pods with `TLS=true`. */
export const callerTls = { ...sharedKey, pskCallback: () => ({ psk, identity: 'lab' }) }

// A neighbour's pod may sit on an address; a server on all addresses sits on the port of each.
const addressAttempts = 32

export async function startPodServer(options: PodServerOptions): Promise<PodServer> {
  let copies = 0
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    if (isCopy(request)) copies += 1
    serve({ ...options, copies }, request, response)
  }
  const server = options.plan.behaviour.isEncrypted
    ? createTlsServer({ ...sharedKey, pskCallback: () => psk }, listener)
    : createServer(listener)
  // Longer than any client keeps an idle connection, so that it is the client who ends it.
  server.keepAliveTimeout = 65_000
  const address = await bind(server, options)
  let timer: NodeJS.Timeout | null = null
  const stopped = new Promise<void>((resolve) => {
    server.once('close', resolve)
  })
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return {
    address,
    stopped,
    stop(graceMs) {
      if (timer) clearTimeout(timer)
      if (graceMs <= 0) return close()
      timer = setTimeout(close, graceMs)
      timer.unref()
    },
  }
}

/** The port of the template on an address of its own; where all are taken, a free port of 127.0.0.1. */
async function bind(server: Server, { plan, nextAddress }: PodServerOptions): Promise<Address> {
  for (let attempt = 0; attempt < addressAttempts; attempt += 1) {
    const ip = nextAddress()
    if (await listen(server, plan.port, ip)) return { ip, port: plan.port }
  }
  if (!(await listen(server, 0, '127.0.0.1'))) throw new Error('no free port on 127.0.0.1')
  return { ip: '127.0.0.1', port: portOf(server) }
}

function listen(server: Server, port: number, ip: string): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isBound: boolean) => {
      server.off('error', refuse)
      server.off('listening', accept)
      resolve(isBound)
    }
    const refuse = () => settle(false)
    const accept = () => settle(true)
    server.once('error', refuse)
    server.once('listening', accept)
    server.listen(port, ip)
  })
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

/** Proxies that mirror requests say so in the name of the host of the copy. */
function isCopy({ headers }: IncomingMessage): boolean {
  return /-shadow(:[0-9]+)?$/.test(headers.host ?? '')
}

interface Serving extends PodServerOptions {
  /** Mirrored requests that came so far. */
  readonly copies: number
}

function serve(options: Serving, request: IncomingMessage, response: ServerResponse) {
  const { plan, random, copies } = options
  const { code, delayMs } = nextTurn(plan.behaviour, random)
  request.resume()
  const body = JSON.stringify(plan.identity)
  const answer = () => {
    response.writeHead(code, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-pod': plan.identity.pod,
      'x-revision': plan.identity.revision,
      'x-copies': String(copies),
    })
    response.end(body)
  }
  if (delayMs < 1) answer()
  else setTimeout(answer, delayMs)
}
