// Metrics and health of the process, over HTTP.
import { createServer } from 'node:http'
import type { Registry } from 'prom-client'
import type { Clock } from '../kube/clock.ts'
import { type Listening, listen } from './listen.ts'
import type { Loop } from './loop.ts'

/** A tick that runs this long means a stuck loop, ms: every request in it has a shorter deadline. */
const stuckMs = 120_000

export async function serveStatus(options: {
  readonly host: string
  readonly port: number
  readonly registry: Registry
  readonly loop: Pick<Loop, 'busySince' | 'isSynced'>
  readonly clock: Clock
}): Promise<Listening> {
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
    const say = (code: number, text: string, type = 'text/plain') =>
      response.writeHead(code, { 'content-type': type }).end(text)
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined
    if (!answer || request.method !== 'GET') {
      say(answer ? 405 : 404, 'not here\n')
      return
    }
    // Whatever is asked here must never end the process.
    answer().then(
      ([code, text]) => say(code, text, text.startsWith('#') ? registry.contentType : undefined),
      () => say(500, 'this could not be told\n'),
    )
  })
  return listen(server, options)
}
