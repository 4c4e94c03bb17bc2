// One kind of the cluster in, a store that follows it out, and a call for every change.
//
//   list (pages, whole or not at all) ──▶ watch from its version ──▶ end, stall, error ──▶ watch again
//     ▲                                                                                      │ 410
//     └──────────────────────────────────────────────────────────────────────────────────────┘
import { ApiError, type KubeApi, type KubeObject, type Resource, type WatchEvent } from './api.ts'
import { type Clock, over } from './clock.ts'
import {
  type Change,
  createStore,
  type Indexes,
  isOlderVersion,
  type Key,
  type Store,
  type WritableStore,
} from './store.ts'

export interface ReflectorOptions {
  readonly api: KubeApi
  readonly resource: Resource
  readonly query?: {
    readonly namespace?: string | undefined
    readonly labelSelector?: string | undefined
  }
  readonly clock: Clock
  /** In [0, 1), for jitter. */
  readonly random: () => number
  /** For every change of the store, also by `learn`. A null object is a deletion. May throw. */
  readonly onChange: (key: Key, object: KubeObject | null, previous: KubeObject | undefined) => void
  /** Once, after the first whole list. */
  readonly onSynced?: () => void
  readonly observer?: (event: ReflectorEvent) => void
  /** What the store keeps of an object. Default: all but `managedFields`. */
  readonly transform?: (object: KubeObject) => KubeObject
  readonly indexes?: Indexes
  /** Lists again at the first end of a watch after this time, ms. Default: only when the server asks. */
  readonly relistMs?: number
}

export type ReflectorEvent =
  | { readonly kind: 'listed'; readonly count: number }
  | { readonly kind: 'watch-ended' | 'stalled' }
  | { readonly kind: 'stale-list'; readonly resourceVersion: string }
  | { readonly kind: 'failed'; readonly error: unknown; readonly retryMs: number }
  | { readonly kind: 'handler-failed'; readonly key: Key; readonly error: unknown }

export interface ReflectorHealth {
  /** Monotonic ms of the last list, event or bookmark; null before the first. */
  readonly lastEventAtMs: number | null
  readonly relists: number
  readonly restarts: number
  readonly failures: number
}

export interface Reflector {
  readonly store: Store
  /** Resolves after the first whole list; never when stopped before. */
  readonly synced: Promise<void>
  /** Follows until `signal` fires; resolves then. Never rejects. Call once. */
  start(signal: AbortSignal): Promise<void>
  health(): ReflectorHealth
}

const pageLimit = 500
// The server sends a bookmark about once a minute; two missed ones mean a dead connection.
const stallMs = 130_000
const backOffBaseMs = 500
const backOffCapMs = 30_000
const shortWatchMs = 1_000
// After so many lists from the past it is the past that is true: the server came from a backup.
const staleListLimit = 20

interface Follower {
  readonly options: ReflectorOptions
  readonly store: WritableStore
  readonly apply: (changes: readonly Change[]) => void
  /** Version to watch from; null asks for a list. */
  position: string | null
  /** Newest version seen in lists, events, bookmarks and answers of our own writes. */
  newest: string | undefined
  listedAtMs: number
  lastEventAtMs: number | null
  staleLists: number
  failures: number
  relists: number
  restarts: number
}

export function createReflector(options: ReflectorOptions): Reflector {
  let markSynced: () => void = () => undefined
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve
  })
  const apply = (changes: readonly Change[]) => {
    for (const change of changes) notify(options, change)
  }
  const store = createStore({
    indexes: options.indexes,
    transform: options.transform,
    onLearned(changes) {
      for (const { object } of changes) raise(follower, object?.metadata.resourceVersion)
      apply(changes)
    },
  })
  const follower: Follower = {
    options,
    store,
    apply,
    position: null,
    newest: undefined,
    listedAtMs: 0,
    lastEventAtMs: null,
    staleLists: 0,
    failures: 0,
    relists: 0,
    restarts: 0,
  }
  const onListed = () => {
    if (follower.relists > 1) return
    markSynced()
    options.onSynced?.()
  }
  return {
    store,
    synced,
    start: (signal) => follow(follower, signal, onListed),
    health: () => ({
      lastEventAtMs: follower.lastEventAtMs,
      relists: follower.relists,
      restarts: follower.restarts,
      failures: follower.failures,
    }),
  }
}

async function follow(
  follower: Follower,
  signal: AbortSignal,
  onListed: () => void,
): Promise<void> {
  const { clock, observer } = follower.options
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  while (!signal.aborted) {
    try {
      if (follower.position === null) {
        // A list cannot be cut short, but nobody waits for it any more.
        await Promise.race([relist(follower, signal), stopped])
        if (signal.aborted) return
        onListed()
      }
      await watchOnce(follower, signal)
    } catch (error) {
      if (signal.aborted) return
      const retryMs = retryAfter(follower, error)
      observer?.({ kind: 'failed', error, retryMs })
      await clock.sleep(retryMs, signal)
    }
  }
}

/** All pages or nothing. Throws `ApiError`; a list from the past counts as one. */
async function relist(follower: Follower, signal: AbortSignal): Promise<void> {
  const { api, clock, resource, query, observer } = follower.options
  const items: KubeObject[] = []
  let token: string | undefined
  let resourceVersion = ''
  do {
    const page = await api.list(resource, { ...query, limit: pageLimit, continue: token })
    if (signal.aborted) return
    for (const item of page.items) items.push(follower.store.prepare(item))
    token = page.continue
    resourceVersion = page.resourceVersion
  } while (token !== undefined)

  if (isOlderVersion(resourceVersion, follower.newest)) {
    observer?.({ kind: 'stale-list', resourceVersion })
    follower.staleLists += 1
    if (follower.staleLists < staleListLimit) {
      throw staleList(resource, resourceVersion, follower.newest)
    }
    follower.newest = undefined
    follower.store.forgetVersions()
  }
  follower.staleLists = 0
  follower.relists += 1
  follower.position = resourceVersion
  follower.listedAtMs = clock.monotonic()
  follower.lastEventAtMs = clock.monotonic()
  raise(follower, resourceVersion)
  follower.apply(follower.store.replaceAll(items, resourceVersion))
  observer?.({ kind: 'listed', count: items.length })
}

/** One watch to its end. Returns when watching again at once is right, throws when it is not. */
async function watchOnce(follower: Follower, signal: AbortSignal): Promise<void> {
  const { api, clock, random, resource, query, observer, relistMs } = follower.options
  const cut = new AbortController()
  const stop = () => cut.abort(over)
  signal.addEventListener('abort', stop, { once: true })
  const startedAtMs = clock.monotonic()
  const seen = { atMs: startedAtMs, events: 0, isStalled: false }
  void watchdog(clock, seen, cut)
  try {
    const timeoutSeconds = 300 + Math.floor(random() * 300)
    const resourceVersion = follower.position ?? ''
    const events = api.watch(resource, { ...query, resourceVersion, timeoutSeconds }, cut.signal)
    for await (const event of events) {
      if (signal.aborted) return
      receive(follower, event)
      seen.atMs = clock.monotonic()
      seen.events += 1
      follower.failures = 0
      follower.lastEventAtMs = seen.atMs
    }
  } catch (error) {
    // What a cut watch throws is our own doing.
    if (!seen.isStalled) throw error
  } finally {
    signal.removeEventListener('abort', stop)
    cut.abort(over)
    follower.restarts += 1
  }
  if (signal.aborted) return
  const isShort = clock.monotonic() - startedAtMs < shortWatchMs
  if (seen.events === 0 && isShort) throw shortWatch(resource)
  follower.failures = 0
  if (relistMs !== undefined && clock.monotonic() - follower.listedAtMs >= relistMs) {
    follower.position = null
  }
  observer?.({ kind: seen.isStalled ? 'stalled' : 'watch-ended' })
}

function receive(follower: Follower, event: WatchEvent): void {
  if (event.type === 'ERROR') throw new ApiError(event.status)
  const { resourceVersion } = event.object.metadata
  if (event.type === 'DELETED') follower.apply(follower.store.remove(event.object))
  else if (event.type !== 'BOOKMARK') follower.apply(follower.store.put(event.object))
  // Events of different objects may come out of order; the place to go on from only moves forward.
  if (resourceVersion && !isOlderVersion(resourceVersion, follower.position ?? undefined)) {
    follower.position = resourceVersion
  }
  raise(follower, resourceVersion)
}

async function watchdog(
  clock: Clock,
  seen: { readonly atMs: number; isStalled: boolean },
  cut: AbortController,
): Promise<void> {
  while (!cut.signal.aborted) {
    const leftMs = seen.atMs + stallMs - clock.monotonic()
    if (leftMs <= 0) {
      seen.isStalled = true
      cut.abort(over)
    } else await clock.sleep(leftMs, cut.signal)
  }
}

/** Ms to wait after an error. The first 410 after progress is answered by a list at once. */
function retryAfter(follower: Follower, error: unknown): number {
  const isExpired = error instanceof ApiError && (error.code === 410 || error.reason === 'Expired')
  const isFirst = follower.failures === 0
  follower.failures += 1
  if (isExpired) follower.position = null
  if (isExpired && isFirst) return 0
  const spreadMs = Math.min(backOffCapMs, backOffBaseMs * 2 ** Math.min(follower.failures - 1, 10))
  const backOffMs = spreadMs * (0.5 + follower.options.random() / 2)
  const askedMs = error instanceof ApiError ? error.retryAfterMs : undefined
  return askedMs === undefined ? backOffMs : askedMs + backOffMs
}

function raise(follower: Follower, version: string | undefined): void {
  if (version && !isOlderVersion(version, follower.newest)) follower.newest = version
}

function notify(options: ReflectorOptions, { key, object, previous }: Change): void {
  try {
    options.onChange(key, object, previous)
  } catch (error) {
    options.observer?.({ kind: 'handler-failed', key, error })
  }
}

function staleList(resource: Resource, version: string, newest: string | undefined): ApiError {
  const message = `list ${resource.plural}: version ${version} is older than ${newest}, seen before`
  return new ApiError({ code: 0, reason: 'StaleList', message })
}

function shortWatch(resource: Resource): ApiError {
  const message = `watch ${resource.plural}: ended at once without an event`
  return new ApiError({ code: 0, reason: 'ShortWatch', message })
}
