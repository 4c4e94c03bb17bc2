// Watches: what happened since a revision, then what happens, as lines of JSON. An event is serialised once
// per form however many watch it.
import type { ServerResponse } from 'node:http'
import type { KubeObject } from '../../kube/api.ts'
import { type Form, type Rendering, renderOne } from './forms.ts'
import { apiVersionOf, crdStorage, type Kind } from './kinds.ts'
import { type Collection, parseRevision, parseSelectors } from './reads.ts'
import type { Predicate } from './selectors.ts'
import {
  badRequest,
  type StatusBody,
  StatusError,
  tooLargeRevision,
  tooManyRequests,
} from './status-error.ts'
import type { Store, StoreEvent } from './store.ts'

/** A client that reads slower than this many bytes behind is cut off and has to start again. */
const backlogLimitBytes = 64 * 1024 * 1024
const defaultTimeoutSeconds = 3600
const watchLimit = 1000

export interface Watches {
  open(collection: Collection, request: WatchRequest): void
  closeAll(): void
  count(): number
}

export interface WatchRequest {
  readonly query: URLSearchParams
  readonly form: Form
  readonly response: ServerResponse
}

interface Watch extends Collection {
  readonly form: Form
  readonly selects: Predicate | null
  readonly response: ServerResponse
  readonly wantsBookmarks: boolean
  isFirst: boolean
  end(): void
}

export interface WatchOptions {
  readonly store: Store
  readonly clock: () => number
  readonly bookmarkIntervalMs: number
}

export function createWatches({ store, clock, bookmarkIntervalMs }: WatchOptions): Watches {
  const open = new Set<Watch>()
  const serialise = createSerialiser(clock)

  const bookmarks = setInterval(() => {
    for (const watch of open)
      if (watch.wantsBookmarks) send(watch, bookmark(watch, store.revision()))
  }, bookmarkIntervalMs)
  bookmarks.unref()

  // A kind that is no longer defined has no more to tell.
  store.subscribe(crdStorage, ({ type, key }) => {
    if (type !== 'DELETED') return
    for (const watch of [...open]) if (watch.kind.storage === key) queueMicrotask(watch.end)
  })

  const tell = (watch: Watch, event: StoreEvent) => {
    const change = visible(watch, event)
    if (change) send(watch, serialise(watch, change, event))
    if (change) watch.isFirst = false
  }

  const start = (collection: Collection, request: WatchRequest) => {
    const { query, form, response } = request
    if (open.size >= watchLimit) throw tooManyRequests(`${watchLimit} watches are open`)
    const selects = parseSelectors(collection, query)
    const beginning = readBeginning(store, collection, query)
    const unsubscribe = store.subscribe(collection.kind.storage, (event) => tell(watch, event))
    const timer = setTimeout(() => watch.end(), timeoutMs(query))
    const watch: Watch = {
      ...collection,
      form,
      selects,
      response,
      wantsBookmarks: isTrue(query.get('allowWatchBookmarks')),
      isFirst: true,
      end: () => {
        clearTimeout(timer)
        unsubscribe()
        open.delete(watch)
        response.end()
      },
    }
    open.add(watch)
    response.on('close', watch.end)
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache' })
    response.flushHeaders()
    if (beginning instanceof StatusError) {
      send(watch, line('ERROR', beginning.body))
      watch.end()
      return
    }
    for (const event of beginning) tell(watch, event)
    if (isTrue(query.get('sendInitialEvents'))) {
      send(watch, bookmark(watch, store.revision(), { 'k8s.io/initial-events-end': 'true' }))
    }
  }

  return {
    open: start,
    count: () => open.size,
    closeAll: () => {
      clearInterval(bookmarks)
      for (const watch of [...open]) watch.end()
    },
  }
}

const isTrue = (text: string | null): boolean => text === 'true' || text === '1'

function timeoutMs(query: URLSearchParams): number {
  const seconds = parseRevision(query.get('timeoutSeconds'), 'timeoutSeconds')
  return Math.min(seconds || defaultTimeoutSeconds, defaultTimeoutSeconds) * 1000
}

/** The events a watch starts with: all objects as added, or those since a revision, or why neither. */
function readBeginning(
  store: Store,
  { kind }: Collection,
  query: URLSearchParams,
): readonly StoreEvent[] | StatusError {
  const from = parseRevision(query.get('resourceVersion'))
  const sendsInitial = query.get('sendInitialEvents')
  if (isTrue(sendsInitial) && query.get('resourceVersionMatch') !== 'NotOlderThan') {
    throw badRequest('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
  }
  if (from !== null && from > store.revision()) throw tooLargeRevision(from, store.revision())
  const isFresh = sendsInitial === 'false'
  if (isTrue(sendsInitial) || (!from && !isFresh)) return store.list(kind.storage).map(added(kind))
  if (!from) return []
  try {
    return store.since(kind.storage, from)
  } catch (error) {
    if (error instanceof StatusError) return error
    throw error
  }
}

const added =
  (kind: Kind) =>
  ([key, object]: readonly [string, KubeObject]): StoreEvent => {
    const revision = Number(object.metadata.resourceVersion)
    return { type: 'ADDED', revision, storage: kind.storage, key, object, previous: undefined }
  }

interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: KubeObject
}

/** What a watch sees of an event: an object may come into its selection, or leave it. */
function visible(watch: Watch, event: StoreEvent): Change | null {
  if (watch.namespace !== '' && !event.key.startsWith(`${watch.namespace}/`)) return null
  const { selects } = watch
  if (!selects) return event
  const was = event.previous !== undefined && selects(event.previous)
  const is = event.type !== 'DELETED' && selects(event.object)
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: event.object }
  return was ? { type: 'DELETED', object: event.object } : null
}

function createSerialiser(clock: () => number) {
  let last: StoreEvent | null = null
  const texts = new Map<string, string>()
  return (watch: Watch, change: Change, event: StoreEvent): string => {
    if (last !== event) texts.clear()
    last = event
    const { kind, form, isFirst } = watch
    const include = form.kind === 'Table' ? `${form.include} ${isFirst}` : ''
    const key = `${change.type} ${apiVersionOf(kind)} ${form.kind} ${include}`
    const known = texts.get(key)
    if (known !== undefined) return known
    const rendering: Rendering = { kind, form, nowMs: clock() }
    const text = line(change.type, renderOne(change.object, rendering, isFirst))
    texts.set(key, text)
    return text
  }
}

function bookmark(
  { kind, form }: Watch,
  revision: number,
  annotations?: Readonly<Record<string, string>>,
): string {
  const object = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      name: '',
      resourceVersion: String(revision),
      ...(annotations && { annotations }),
    },
  }
  if (form.kind !== 'Table') return line('BOOKMARK', object)
  const rendering = { kind, form, nowMs: 0 }
  const table = renderOne(object, rendering, false)
  return line('BOOKMARK', { ...table, rows: [] })
}

function line(type: string, object: object | StatusBody): string {
  return `${JSON.stringify({ type, object })}\n`
}

function send(watch: Watch, text: string): void {
  if (watch.response.writableEnded || watch.response.destroyed) return
  watch.response.write(text)
  if (watch.response.writableLength > backlogLimitBytes) watch.response.destroy()
}
