// An HTTP server on loopback that answers by a script, one entry per request, and records what was asked.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Clock } from '../../kube/clock.ts'
import { systemClock } from '../../kube/clock.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly parameters: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** One answer; `silence` keeps the connection open and says nothing. */
export type Reply =
  | { readonly code: number; readonly json?: unknown; readonly headers?: Record<string, string> }
  | { readonly code: number; readonly text: string; readonly headers?: Record<string, string> }
  /** Lines of a watch. Then it ends, resets, or stays open. */
  | { readonly lines: readonly unknown[]; readonly last: 'end' | 'reset' | 'stay' }
  | 'reset'
  | 'silence'

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string
  readonly asked: Asked[]
  /** Connections opened so far. */
  connections(): number
}

/** The last reply of the script is repeated. A function may answer by what was asked. */
export async function scriptedServer(
  script: readonly Reply[] | ((asked: Asked, count: number) => Reply),
): Promise<ScriptedServer> {
  const asked: Asked[] = []
  let connections = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const seen: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      parameters: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    }
    asked.push(seen)
    const reply =
      typeof script === 'function'
        ? script(seen, asked.length)
        : (script[Math.min(asked.length, script.length) - 1] ?? 'reset')
    answer(response, reply)
  })
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The system clock, `factor` times as fast, so that waits of seconds pass in milliseconds. */
export function hurriedClock(factor: number): Clock {
  return {
    now: () => systemClock.now() * factor,
    monotonic: () => systemClock.monotonic() * factor,
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
  }
}

function answer(response: ServerResponse, reply: Reply): void {
  if (reply === 'silence') return
  if (reply === 'reset') {
    response.socket?.resetAndDestroy()
    return
  }
  if ('lines' in reply) {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    for (const line of reply.lines) {
      response.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`)
    }
    if (reply.last === 'end') response.end()
    if (reply.last === 'reset') setImmediate(() => response.socket?.resetAndDestroy())
    return
  }
  const isText = 'text' in reply
  response.writeHead(reply.code, {
    'content-type': isText ? 'text/html' : 'application/json',
    ...reply.headers,
  })
  response.end(isText ? reply.text : JSON.stringify(reply.json ?? {}))
}
