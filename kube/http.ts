// Requests in, bytes out, over bounded pools of connections: one for requests, one for watches.
import { Pool } from 'undici'
import type { Answer } from './answer.ts'
import type { Tls } from './credentials.ts'

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path and query, without the path of the server. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Stream {
  readonly head: Omit<Answer, 'body'>
  readonly chunks: AsyncIterable<Uint8Array> & { destroy(): unknown }
}

export interface Http {
  /** The whole answer. Throws `AnswerTooLarge`, and whatever the network throws. */
  send(exchange: Exchange, signal: AbortSignal): Promise<Answer>
  /** The head of an answer, and its body as it comes. */
  stream(exchange: Exchange, signal: AbortSignal): Promise<Stream>
  /** Takes nothing new, and lets what runs come to its end. */
  retire(): Promise<void>
  close(): Promise<void>
}

export class AnswerTooLarge extends Error {}

export interface HttpOptions {
  readonly server: string
  readonly tls: Tls | undefined
  readonly connections: number
  readonly watchConnections: number
  readonly answerLimitBytes: number
}

export function createHttp(options: HttpOptions): Http {
  const server = new URL(options.server)
  const prefix = server.pathname.replace(/\/+$/, '')
  const requests = poolOf(server.origin, options.connections, options.tls)
  const watches = poolOf(server.origin, options.watchConnections, options.tls)

  async function open(pool: Pool, exchange: Exchange, signal: AbortSignal): Promise<Stream> {
    const { method, headers, body = null } = exchange
    const path = `${prefix}${exchange.path}`
    const answer = await pool.request({ method, path, headers, body, signal })
    const head = {
      code: answer.statusCode,
      contentType: first(answer.headers['content-type']) ?? '',
      retryAfter: first(answer.headers['retry-after']),
    }
    // Without a listener, an abort between two reads would be an uncaught error.
    answer.body.on('error', () => undefined)
    return { head, chunks: answer.body }
  }

  return {
    async send(exchange, signal) {
      const { head, chunks } = await open(requests, exchange, signal)
      return { ...head, body: await readAll(chunks, options.answerLimitBytes) }
    },
    stream: (exchange, signal) => open(watches, exchange, signal),
    retire: async () => {
      await Promise.all([requests.close(), watches.close()])
    },
    close: async () => {
      await Promise.all([requests.destroy(), watches.destroy()])
    },
  }
}

/** At most `limitBytes` of a body, as text. */
export async function readAll(chunks: Stream['chunks'], limitBytes: number): Promise<string> {
  const parts: Uint8Array[] = []
  let lengthBytes = 0
  for await (const chunk of chunks) {
    lengthBytes += chunk.length
    if (lengthBytes > limitBytes) {
      chunks.destroy()
      throw new AnswerTooLarge(`the answer is larger than ${limitBytes} bytes`)
    }
    parts.push(chunk)
  }
  return Buffer.concat(parts, lengthBytes).toString('utf8')
}

function poolOf(origin: string, connections: number, tls: Tls | undefined): Pool {
  return new Pool(origin, {
    connections,
    pipelining: 1,
    allowH2: false,
    // Deadlines are ours, on the clock we are given; a quiet watch is not dead.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: 10_000,
      ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls?.key === undefined ? {} : { key: tls.key }),
      ...(tls?.servername === undefined ? {} : { servername: tls.servername }),
      rejectUnauthorized: tls?.insecure !== true,
    },
  })
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
