// The embedded API server of the lab: plain HTTP on loopback that kubectl and Sluice use unchanged.
//
//   request ──route──▶ kind, name, verb ──▶ admission ──▶ store ──▶ answer
//                                                            └────▶ watches, garbage collection
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { parseAllDocuments } from 'yaml'
import { readDocument, reviewAccess } from './documents.ts'
import { expireEvents } from './event-expiry.ts'
import { parseForm } from './forms.ts'
import { startGarbageCollection } from './garbage.ts'
import { type Answer, answer, type Verb, verbOf } from './handlers.ts'
import { createRegistry, type Registry } from './registry.ts'
import { type ApiRequest, readRequest } from './request.ts'
import { parseResourcePath, type ResourceRoute } from './routes.ts'
import { internalError, noSuchPath, StatusError, unauthorized } from './status-error.ts'
import { createStore, type Store } from './store.ts'
import { createWatches, type Watches } from './watch.ts'
import { create, update, type WriteContext, type WriteOptions } from './writes.ts'

/** What was asked and how it was answered; told after the answer, for a watch when it begins. */
export interface Observation {
  readonly verb: Verb | 'document'
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly code: number
}

export interface ApiServerOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number
  /** Milliseconds since 1970, for timestamps. */
  readonly clock?: () => number
  /** The suffix of generated names. */
  readonly random?: () => string
  readonly newUid?: () => string
  /** When given, requests without this bearer token are refused. */
  readonly token?: string
  readonly bookmarkIntervalMs?: number
  /** Events that each kind keeps at least; a watch from before them is told 410. */
  readonly historyLimit?: number
  readonly bodyLimitBytes?: number
  readonly onRequest?: (observation: Observation) => void
  /** Texts of CustomResourceDefinitions to begin with. */
  readonly crds?: readonly string[]
}

export interface ApiServer {
  readonly url: string
  readonly port: number
  readonly store: Store
  /** Creates or replaces the definitions in a YAML text. Fails when one of them is not sound. */
  installCrd(yamlText: string): void
  watchCount(): number
  /** Forgets the history of all kinds, as a compaction does: older watches are told 410. */
  compact(): void
  close(): Promise<void>
}

interface Lab {
  readonly context: WriteContext
  readonly registry: Registry
  readonly watches: Watches
  readonly token: string | undefined
  readonly bodyLimitBytes: number
  readonly onRequest: (observation: Observation) => void
}

const mebibyte = 1024 * 1024

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const { clock = Date.now, random = () => randomBytes(4).toString('hex').slice(0, 5) } = options
  const store = createStore({ historyLimit: options.historyLimit ?? 5_000 })
  const context = { store, clock, random, newUid: options.newUid ?? randomUUID }
  const registry = createRegistry(store, clock)
  const { bookmarkIntervalMs = 60_000 } = options
  const lab: Lab = {
    context,
    registry,
    watches: createWatches({ store, clock, bookmarkIntervalMs }),
    token: options.token,
    bodyLimitBytes: options.bodyLimitBytes ?? 3 * mebibyte,
    onRequest: options.onRequest ?? (() => {}),
  }
  const stopCollecting = startGarbageCollection({ context, registry })
  const expiry = setInterval(() => expireEvents(store, clock()), 60_000)
  expiry.unref()
  install(lab, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } })
  for (const text of options.crds ?? []) installCrd(lab, text)
  const server = createServer((message, response) => void serve(lab, message, response))
  server.keepAliveTimeout = 60_000
  const port = await listen(server, options.port ?? 0)
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    store,
    installCrd: (text) => installCrd(lab, text),
    watchCount: () => lab.watches.count(),
    compact: () => {
      for (const storage of store.storages()) store.forget(storage)
    },
    close: () => {
      stopCollecting()
      clearInterval(expiry)
      lab.watches.closeAll()
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })
}

function installCrd(lab: Lab, yamlText: string): void {
  for (const document of parseAllDocuments(yamlText, { version: '1.1' })) {
    const body: unknown = document.toJS()
    if (body !== null) install(lab, body)
  }
}

const installOptions: WriteOptions = {
  manager: { name: 'sluice-lab', operation: 'Update', subresource: '', apiVersion: 'v1' },
  dryRun: false,
  fieldValidation: 'Ignore',
  warnings: [],
}

/** Creates a namespace or definition, or replaces the one of that name. */
function install({ context, registry }: Lab, body: unknown): void {
  const isNamespace =
    typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Namespace'
  const kind = isNamespace
    ? registry.find('', 'v1', 'namespaces')
    : registry.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions')
  if (!kind) throw new Error('the built-in kinds are incomplete')
  const target = { kind, namespace: '', name: '', subresource: '' } as const
  const request = { body, options: installOptions }
  try {
    create(context, target, request)
  } catch (error) {
    if (!(error instanceof StatusError) || error.body.reason !== 'AlreadyExists') throw error
    const name = error.body.details?.name ?? ''
    update(context, { ...target, name }, { edit: () => body, options: installOptions })
  }
}

async function serve(lab: Lab, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const about = { verb: 'document' as Verb | 'document', group: '', resource: '', subresource: '' }
  const observe = (code: number) => lab.onRequest({ ...about, code })
  try {
    const request = await readRequest(message, lab.bodyLimitBytes)
    if (lab.token !== undefined && request.authorization !== `Bearer ${lab.token}`) {
      throw unauthorized()
    }
    if (answerDocument(lab, request, response)) return observe(200)
    const route = parseResourcePath(request.segments, lab.registry)
    Object.assign(about, {
      group: route.kind.group,
      resource: route.kind.plural,
      subresource: route.isEviction ? 'eviction' : route.subresource,
    })
    const verb = verbOf(request, route)
    about.verb = verb
    if (verb === 'watch') {
      openWatch(lab, { route, request, response })
      return observe(200)
    }
    const answered = answer(lab.context, { verb, route }, request)
    writeAnswer(response, answered, ['true', '1'].includes(request.query.get('pretty') ?? ''))
    observe(answered.code)
  } catch (error) {
    const refusal = error instanceof StatusError ? error : asInternal(error)
    if (!response.headersSent) writeAnswer(response, { code: refusal.code, body: refusal.body })
    else response.destroy()
    observe(refusal.code)
  }
}

function asInternal(error: unknown): StatusError {
  return internalError(error instanceof Error ? (error.stack ?? error.message) : String(error))
}

/** False when the path is not that of a document. */
function answerDocument(lab: Lab, request: ApiRequest, response: ServerResponse): boolean {
  const review = reviewAccess(request)
  if (review) writeAnswer(response, { code: 201, body: review })
  if (review) return true
  if (request.segments.length === 0) throw noSuchPath()
  const document = request.method === 'GET' ? readDocument(lab.registry, request) : null
  if (document === null) return false
  if (typeof document !== 'string') {
    writeAnswer(response, { code: 200, body: document })
    return true
  }
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(document)
  return true
}

function openWatch(
  lab: Lab,
  at: { route: ResourceRoute; request: ApiRequest; response: ServerResponse },
): void {
  const { request, response, route } = at
  const query = new URLSearchParams(request.query)
  if (route.name !== '') query.set('fieldSelector', `metadata.name=${route.name}`)
  lab.watches.open(route, { query, form: parseForm(request.accept, query), response })
}

function writeAnswer(response: ServerResponse, answered: Answer, isPretty = false): void {
  const { code, body, warnings = [] } = answered
  const text = Buffer.from(`${JSON.stringify(body, null, isPretty ? 2 : 0)}\n`)
  if (warnings.length > 0) {
    response.setHeader(
      'warning',
      warnings.map((warning) => `299 - ${JSON.stringify(warning)}`),
    )
  }
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': text.length })
  response.end(text)
}
