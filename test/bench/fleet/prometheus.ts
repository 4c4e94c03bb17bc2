// Weights of revisions in, answers to the built-in queries out: a Prometheus that says what it is told to say.
import { createServer, type IncomingMessage } from 'node:http'

export interface Traffic {
  readonly namespace: string
  readonly service: string
  readonly weightPercent: number
}

export interface ScriptedPrometheus {
  readonly url: string
  /** What each revision serves, by revision; to be changed by the owner. */
  readonly traffic: Map<string, Traffic>
  /** All requests of these revisions fail. */
  readonly failing: Set<string>
  /** When the first answer that fails a revision was sent, ms since epoch. */
  readonly failedAtMs: Map<string, number>
  close(): Promise<void>
}

const requestsPerPercent = 20
const revisionMatcher = /destination_canonical_revision=~?"([^"]*)"/

export async function startScriptedPrometheus(): Promise<ScriptedPrometheus> {
  const traffic = new Map<string, Traffic>()
  const failing = new Set<string>()
  const failedAtMs = new Map<string, number>()
  const answer = (query: string) => {
    const [, alternatives = ''] = revisionMatcher.exec(query) ?? []
    const now = Date.now()
    return alternatives.split('|').flatMap((revision) => {
      const served = traffic.get(revision)
      if (!served || served.weightPercent === 0) return []
      const isFailing = failing.has(revision)
      if (isFailing && !failedAtMs.has(revision)) failedAtMs.set(revision, now)
      const metric = {
        destination_service_namespace: served.namespace,
        destination_service_name: served.service,
        destination_canonical_revision: revision,
        response_code: isFailing ? '503' : '200',
        grpc_response_status: '',
      }
      return [{ metric, value: [now / 1_000, String(served.weightPercent * requestsPerPercent)] }]
    })
  }
  const server = createServer(async (request, response) => {
    const query = new URLSearchParams(await bodyOf(request)).get('query') ?? ''
    const data = { resultType: 'vector', result: answer(query) }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ status: 'success', data }))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    ...{ traffic, failing, failedAtMs },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8')
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}
