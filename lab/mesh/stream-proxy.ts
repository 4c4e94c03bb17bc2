// Connections to a Service in, connections to its pods out, as a sidecar makes them: by the name in the
// handshake, by port, by weight. What is open stays where it is.
import { connect, createServer, type Socket } from 'node:net'
import { readGreeting } from './client-hello.ts'
import { needsServerName, pickConnection, type RouteTable } from './route-table.ts'

export interface StreamProxyOptions {
  readonly table: () => RouteTable
  readonly random: () => number
  /** Full name of the Service that callers connect to. */
  readonly host: string
  /** Null for its first one. */
  readonly port: number | null
}

export interface StreamProxy {
  /** Of 127.0.0.1. */
  readonly port: number
  close(): Promise<void>
}

const greetingLimitBytes = 16_384
const greetingLimitMs = 5_000
const connectLimitMs = 2_000

export async function startStreamProxy(options: StreamProxyOptions): Promise<StreamProxy> {
  const open = new Set<Socket>()
  const server = createServer({ noDelay: true }, (caller) => {
    open.add(caller)
    caller.once('close', () => open.delete(caller))
    caller.on('error', () => caller.destroy())
    accept(options, caller)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const caller of open) caller.destroy()
      }),
  }
}

function accept(options: StreamProxyOptions, caller: Socket): void {
  if (!needsServerName(options.table(), options.host)) {
    lead(options, caller, null)
    return
  }
  let bytes = Buffer.alloc(0)
  const limit = setTimeout(() => caller.destroy(), greetingLimitMs)
  const listen = (part: Buffer) => {
    bytes = Buffer.concat([bytes, part])
    const greeting = readGreeting(bytes)
    if (greeting.kind === 'short' && bytes.length < greetingLimitBytes) return
    clearTimeout(limit)
    caller.off('data', listen)
    caller.pause()
    caller.unshift(bytes)
    lead(options, caller, greeting.kind === 'tls' ? greeting.serverName : null)
  }
  caller.on('data', listen)
  caller.once('close', () => clearTimeout(limit))
}

/** A connection that leads nowhere is closed: that is all that a sidecar can say of it. */
function lead(options: StreamProxyOptions, caller: Socket, serverName: string | null): void {
  const { host, port, random } = options
  const choice = pickConnection(options.table(), { host, port, serverName }, random)
  if (choice.kind === 'refused') return void caller.destroy()
  const { endpoints } = choice.cluster
  const endpoint = endpoints[Math.floor(random() * endpoints.length)]
  const [ip = '', target = ''] = (endpoint?.address ?? '').split(':')
  const pod = connect({ host: ip, port: Number(target), noDelay: true })
  pod.setTimeout(connectLimitMs, () => pod.destroy())
  pod.once('connect', () => pod.setTimeout(0))
  pod.on('error', () => caller.destroy())
  pod.once('close', (hasFailed) => (hasFailed ? caller.destroy() : caller.end()))
  caller.once('close', () => pod.destroy())
  caller.pipe(pod)
  pod.pipe(caller)
}
