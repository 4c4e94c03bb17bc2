// A host of repositories on this machine: pull requests and statuses in memory, asked over HTTP in the words of one
// kind of host, with faults on demand.
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface StoredPull {
  readonly number: number
  readonly branch: string
  readonly base: string
  readonly commit: string
  title: string
  body: string
  state: 'open' | 'merged' | 'closed'
  autoMerge: string | null
}

export interface StoredStatus {
  readonly commit: string
  readonly state: string
  readonly description: string
  readonly context: string
}

export interface Store {
  readonly project: string
  readonly pulls: StoredPull[]
  readonly statuses: StoredStatus[]
  /** Heads of branches, which a pull request is opened from. */
  readonly branches: Map<string, string>
  /** False: the repository does not allow auto-merge. */
  allowsAutoMerge: boolean
}

export interface Request {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
}

export interface Answer {
  readonly status: number
  readonly json: unknown
}

export interface Dialect {
  /** Below the address of the server. */
  readonly base: string
  readonly isAuthorized: (headers: IncomingMessage['headers'], token: string) => boolean
  readonly answer: (store: Store, request: Request) => Answer | null
}

export interface Fault {
  readonly method: string
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Does what was asked, and then says it did not. */
  readonly afterAccepting?: boolean
}

export interface HostServer {
  readonly api: string
  readonly store: Store
  readonly seen: string[]
  failNext(fault: Fault): void
  close(): Promise<void>
}

export async function startHost(
  dialect: Dialect,
  { token, project }: { token: string; project: string },
): Promise<HostServer> {
  const store: Store = {
    project,
    pulls: [],
    statuses: [],
    branches: new Map(),
    allowsAutoMerge: true,
  }
  const faults: Fault[] = []
  const seen: string[] = []
  const server = createServer((message, response) => {
    void read(message).then((text) => {
      const url = new URL(message.url ?? '/', 'http://host')
      const { method = 'GET' } = message
      seen.push(`${method} ${url.pathname}`)
      const send = ({ status, json }: Answer, headers: Readonly<Record<string, string>> = {}) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers })
        response.end(JSON.stringify(json))
      }
      if (!dialect.isAuthorized(message.headers, token)) return send(refusal(401, token))
      const at = faults.findIndex((fault) => fault.method === method)
      const fault = at < 0 ? undefined : faults.splice(at, 1)[0]
      if (fault && !fault.afterAccepting) return send(refusal(fault.status, token), fault.headers)
      const path = below(dialect.base, url.pathname)
      const body: Request['body'] = text === '' ? {} : JSON.parse(text)
      const answer = dialect.answer(store, { method, path, query: url.searchParams, body })
      if (fault) return send(refusal(fault.status, token), fault.headers)
      send(answer ?? refusal(404, token))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    api: `http://127.0.0.1:${port}${dialect.base}`,
    store,
    seen,
    failNext: (fault) => faults.push(fault),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const below = (base: string, path: string) =>
  path.startsWith(base) ? path.slice(base.length) : `/..${path}`

/** Hosts have been seen to repeat what they were sent: so does this one, with the token. */
const refusal = (status: number, token: string): Answer => ({
  status,
  json: { message: `no: ${token}` },
})

async function read(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** The next pull request, or null when one is open already or its branch is missing. */
export function addPull(
  store: Store,
  fields: { branch: string; base: string; title: string; body: string },
): StoredPull | null {
  const commit = store.branches.get(fields.branch)
  const isOpen = store.pulls.some((one) => one.branch === fields.branch && one.state === 'open')
  if (commit === undefined || isOpen) return null
  const pull: StoredPull = {
    ...fields,
    commit,
    number: store.pulls.length + 1,
    state: 'open',
    autoMerge: null,
  }
  store.pulls.push(pull)
  return pull
}

export const text = (value: unknown) => (typeof value === 'string' ? value : '')
