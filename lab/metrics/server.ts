// An embedded stand-in for Prometheus: scrapes targets each interval and answers queries on loopback.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { queryRangeReply, queryReply, type Reply } from './query-api.ts'
import { createScraper, type Target } from './scraper.ts'
import { createSeriesStore, type SeriesStore } from './series.ts'

export interface Metrics {
  /** Address that speaks the query API of Prometheus. */
  readonly url: string
  close(): Promise<void>
}

export interface MetricsOptions {
  /** What to scrape, asked again before each scrape. */
  targets(): readonly Target[]
  readonly scrapeIntervalMs: number
}

/** Listens on a free port of loopback. Resolves once it listens; the first scrape follows at once. */
export async function startEmbeddedPrometheus(options: MetricsOptions): Promise<Metrics> {
  const store = createSeriesStore()
  const scraper = createScraper({
    targets: options.targets,
    store,
    timeoutMs: Math.min(10_000, options.scrapeIntervalMs),
  })
  const api = await serveSeries(store)
  let isScraping = false
  const tick = async () => {
    // A scrape that outlasts the interval delays the next one rather than running beside it.
    if (isScraping) return
    isScraping = true
    await scraper.scrape(Date.now()).finally(() => {
      isScraping = false
    })
  }
  let running = tick()
  const timer = setInterval(() => {
    running = running.then(tick)
  }, options.scrapeIntervalMs)
  return {
    url: api.url,
    async close() {
      clearInterval(timer)
      await running
      await api.close()
    },
  }
}

/** Serves the query API over a store that somebody else fills. */
export async function serveSeries(
  store: SeriesStore,
  now: () => number = Date.now,
): Promise<Metrics> {
  const server = createServer((request, response) => {
    answer(store, request, now())
      .catch((error: unknown): Reply => {
        const text = error instanceof Error ? error.message : String(error)
        return { status: 500, body: { status: 'error', errorType: 'internal', error: text } }
      })
      .then((reply) => send(response, reply))
  })
  await listen(server)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(store: SeriesStore, request: IncomingMessage, nowMs: number): Promise<Reply> {
  const url = new URL(request.url ?? '/', 'http://loopback')
  const parameters = url.searchParams
  if (request.method === 'POST') {
    for (const [name, value] of new URLSearchParams(await readBody(request))) {
      parameters.set(name, value)
    }
  }
  switch (url.pathname) {
    case '/-/ready':
    case '/-/healthy':
      return { status: 200, body: 'Prometheus Server is Ready.\n' }
    case '/api/v1/query':
      return queryReply(store, parameters, nowMs)
    case '/api/v1/query_range':
      return queryRangeReply(store, parameters, nowMs)
    default:
      return { status: 404, body: '404 page not found\n' }
  }
}

function send(response: ServerResponse, { status, body }: Reply): void {
  const isText = typeof body === 'string'
  response.writeHead(status, { 'Content-Type': isText ? 'text/plain' : 'application/json' })
  response.end(isText ? body : JSON.stringify(body))
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) {
    body += String(chunk)
    if (body.length > 1_048_576) throw new Error('the request is longer than 1 MiB')
  }
  return body
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve())
  })
}
