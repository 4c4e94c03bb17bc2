// Every object, and the recent history of each collection. Writes get the next revision and are told to
// listeners at once; reads see frozen objects of now, or of an earlier revision within the history.
import type { KubeObject } from '../../kube/api.ts'
import { deepFreeze } from './json.ts'
import { expired } from './status-error.ts'

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly revision: number
  readonly storage: string
  readonly key: string
  readonly object: KubeObject
  readonly previous: KubeObject | undefined
}

export type Listener = (event: StoreEvent) => void

/** Where an object is kept: the collection (`plural.group`) and `namespace/name`. */
export interface Location {
  readonly storage: string
  readonly key: string
}

interface Collection {
  readonly objects: Map<string, KubeObject>
  readonly listeners: Set<Listener>
  history: StoreEvent[]
  /** Revision of the newest event that history no longer holds. */
  forgotten: number
  sortedKeys: string[] | null
}

export interface Store {
  revision(): number
  get(location: Location): KubeObject | undefined
  /** Objects in order of key, now or at an earlier revision. Fails with 410 when that is forgotten. */
  list(storage: string, revision?: number): readonly [key: string, object: KubeObject][]
  count(storage: string): number
  /** Stores the object (null removes it) under the next revision, which is written into it. */
  write(location: Location, object: KubeObject | null): KubeObject
  /** Events after a revision, oldest first. Fails with 410 when some of them are forgotten. */
  since(storage: string, revision: number): readonly StoreEvent[]
  subscribe(storage: string | null, listener: Listener): () => void
  locate(uid: string): Location | undefined
  dependents(ownerUid: string): readonly Location[]
  storages(): readonly string[]
  forget(storage: string): void
}

export function createStore(options: { readonly historyLimit: number }): Store {
  const collections = new Map<string, Collection>()
  const everywhere = new Set<Listener>()
  const indexes: Indexes = { byUid: new Map(), byOwner: new Map() }
  let revision = 1

  const collection = (storage: string): Collection => {
    const found = collections.get(storage) ?? createCollection()
    collections.set(storage, found)
    return found
  }

  const write = (location: Location, object: KubeObject | null): KubeObject => {
    const here = collection(location.storage)
    const previous = here.objects.get(location.key)
    const subject = object ?? previous
    if (!subject) throw new Error(`removing ${location.storage} ${location.key}: it is not stored`)
    revision += 1
    const stored = deepFreeze({
      ...subject,
      metadata: { ...subject.metadata, resourceVersion: String(revision) },
    })
    if (object) here.objects.set(location.key, stored)
    else here.objects.delete(location.key)
    if (!object || !previous) here.sortedKeys = null
    reindex(indexes, location, { before: previous, after: object })
    const type = object ? (previous ? 'MODIFIED' : 'ADDED') : 'DELETED'
    const event: StoreEvent = { type, revision, ...location, object: stored, previous }
    here.history.push(event)
    if (here.history.length > 2 * options.historyLimit) trim(here, options.historyLimit)
    for (const listener of [...here.listeners, ...everywhere]) listener(event)
    return stored
  }

  return {
    revision: () => revision,
    get: ({ storage, key }) => collections.get(storage)?.objects.get(key),
    list: (storage, at = revision) => listAt(collection(storage), at),
    count: (storage) => collections.get(storage)?.objects.size ?? 0,
    write,
    since: (storage, after) => eventsSince(collection(storage), after),
    subscribe: (storage, listener) => {
      const listeners = storage === null ? everywhere : collection(storage).listeners
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    locate: (uid) => indexes.byUid.get(uid),
    dependents: (ownerUid) => [...(indexes.byOwner.get(ownerUid)?.values() ?? [])],
    storages: () => [...collections.keys()],
    forget: (storage) => trim(collection(storage), 0),
  }
}

function createCollection(): Collection {
  return {
    objects: new Map(),
    listeners: new Set(),
    history: [],
    forgotten: 0,
    sortedKeys: null,
  }
}

interface Indexes {
  readonly byUid: Map<string, Location>
  readonly byOwner: Map<string, Map<string, Location>>
}

function reindex(
  { byUid, byOwner }: Indexes,
  location: Location,
  { before, after }: { readonly before: KubeObject | undefined; readonly after: KubeObject | null },
): void {
  const id = `${location.storage}\n${location.key}`
  for (const { uid } of before?.metadata.ownerReferences ?? []) {
    const owned = byOwner.get(uid)
    owned?.delete(id)
    if (owned?.size === 0) byOwner.delete(uid)
  }
  for (const { uid } of after?.metadata.ownerReferences ?? []) {
    const owned = byOwner.get(uid) ?? new Map<string, Location>()
    byOwner.set(uid, owned.set(id, location))
  }
  const uid = after?.metadata.uid ?? before?.metadata.uid
  if (uid === undefined) return
  if (after) byUid.set(uid, location)
  else byUid.delete(uid)
}

function eventsSince(collection: Collection, after: number): readonly StoreEvent[] {
  if (after < collection.forgotten) {
    throw expired(`too old resource version: ${after} (${collection.forgotten + 1})`)
  }
  return collection.history.slice(firstAfter(collection.history, after))
}

function listAt(collection: Collection, revision: number): readonly [string, KubeObject][] {
  const isCurrent = (collection.history.at(-1)?.revision ?? collection.forgotten) <= revision
  const undone = isCurrent ? null : undo(collection.objects, eventsSince(collection, revision))
  if (undone) return [...undone].sort(([a], [b]) => (a < b ? -1 : 1))
  collection.sortedKeys ??= [...collection.objects.keys()].sort()
  return collection.sortedKeys.flatMap((key): [string, KubeObject][] => {
    const object = collection.objects.get(key)
    return object ? [[key, object]] : []
  })
}

/** The objects as they were before the given events; null when there is nothing to undo. */
function undo(
  objects: ReadonlyMap<string, KubeObject>,
  events: readonly StoreEvent[],
): Map<string, KubeObject> | null {
  if (events.length === 0) return null
  const then = new Map(objects)
  for (const event of events.toReversed()) {
    if (event.previous) then.set(event.key, event.previous)
    else then.delete(event.key)
  }
  return then
}

function firstAfter(history: readonly StoreEvent[], revision: number): number {
  let low = 0
  let high = history.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((history[middle]?.revision ?? 0) <= revision) low = middle + 1
    else high = middle
  }
  return low
}

function trim(collection: Collection, keep: number): void {
  const cut = collection.history.length - keep
  const last = collection.history[cut - 1]
  if (!last) return
  collection.forgotten = last.revision
  collection.history = collection.history.slice(cut)
}
