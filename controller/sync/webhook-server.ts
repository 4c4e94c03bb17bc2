// HTTP requests of Git hosts in, their answers out: a small body, in a short time, from few at once. The host has
// its answer before anything is done.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { maxWebhookBytes } from '../../git/webhook/webhook.ts'
import { type Listening, listen } from '../listen.ts'
import type { WebhookReply, Webhooks } from './webhooks.ts'

/** Longest time until a request is read, ms. */
const readMs = 5_000
/** Each may hold one message in memory. */
const maxConnections = 64
const maxHeaderBytes = 16 * 1024

interface WebhookServerOptions {
  readonly host: string
  readonly port: number
  readonly webhooks: Webhooks
  readonly onAnswer: (status: number) => void
  readonly onError: (error: unknown) => void
}

export async function serveWebhooks(options: WebhookServerOptions): Promise<Listening> {
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: readMs,
      requestTimeout: readMs,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: readMs,
    },
    (request, response) => {
      void answer(options, request, response).catch((error) => {
        options.onError(error)
        send(response, 500)
      })
    },
  )
  server.maxConnections = maxConnections
  return listen(server, options)
}

async function answer(
  { webhooks, onAnswer }: WebhookServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0] ?? ''
  const reply = await replyTo(webhooks, request, path)
  // Cut off by its deadline or by the other side: nobody listens any more.
  if (reply === null) return
  onAnswer(reply.status)
  send(response, reply.status)
  await reply.afterwards?.()
}

async function replyTo(
  webhooks: Webhooks,
  request: IncomingMessage,
  path: string,
): Promise<WebhookReply | null> {
  if (request.method !== 'POST') return { status: 404, because: 'only POST is taken' }
  const body = await read(request)
  if (body === 'gone') return null
  if (body === 'too-large') return { status: 413, because: 'it is larger than 1 MiB' }
  return webhooks({ path, headers: request.headers, body })
}

/** Nothing of the message is repeated: who sent it may be anybody. */
function send(response: ServerResponse, status: number): void {
  if (response.headersSent) return
  const connection = status === 413 ? { connection: 'close' } : {}
  response.writeHead(status, { 'content-type': 'text/plain', ...connection }).end(`${status}\n`)
}

async function read(request: IncomingMessage): Promise<Buffer | 'too-large' | 'gone'> {
  if (Number(request.headers['content-length'] ?? 0) > maxWebhookBytes) return 'too-large'
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request) {
      bytes += (chunk as Buffer).length
      if (bytes > maxWebhookBytes) return 'too-large'
      chunks.push(chunk as Buffer)
    }
  } catch {
    return 'gone'
  }
  return Buffer.concat(chunks)
}
