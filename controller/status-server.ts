// Metrics and health of the process, over HTTP.
import { createServer } from 'node:http'
import type { Registry } from 'prom-client'
import type { Clock } from '../kube/clock.ts'
import type { Loop } from './loop.ts'

export interface StatusServer {
  readonly url: string
  close(): Promise<void>
}

/** A tick that runs this long means a stuck loop, ms: every request in it has a shorter deadline. */
const stuckMs = 120_000

export async function serveStatus(options: {
  readonly host: string
  readonly port: number
  readonly registry: Registry
  readonly loop: Loop
  readonly clock: Clock
}): Promise<StatusServer> {
  const { loop, registry, clock } = options
  const answers: Readonly<Record<string, () => Promise<[number, string]>>> = {
    '/metrics': async () => [200, await registry.metrics()],
    '/healthz': async () =>
      loop.busySince() !== null && clock.monotonic() - (loop.busySince() ?? 0) > stuckMs
        ? [500, 'the loop is stuck\n']
        : [200, 'ok\n'],
    '/readyz': async () => (loop.isSynced() ? [200, 'ok\n'] : [503, 'not synced yet\n']),
  }
  const server = createServer((request, response) => {
    const answer = answers[new URL(request.url ?? '/', 'http://status').pathname]
    if (!answer || request.method !== 'GET') {
      response.writeHead(answer ? 405 : 404, { 'content-type': 'text/plain' }).end('not here\n')
      return
    }
    void answer().then(([code, text]) => {
      const type = text.startsWith('#') ? registry.contentType : 'text/plain'
      response.writeHead(code, { 'content-type': type }).end(text)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  return {
    url: `http://${options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
