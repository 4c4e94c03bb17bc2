// Objects of one kind in, the newest of each out: by key, by namespace, by index.
// An older object never replaces a newer one, whichever way it came.
import type { KubeObject, ObjectMeta } from './api.ts'

/** `namespace/name`, or `name` for a kind without namespaces. */
export type Key = string

export type Indexes = Readonly<Record<string, (object: KubeObject) => readonly string[]>>

export interface Store {
  readonly size: number
  get(namespace: string | undefined, name: string): KubeObject | undefined
  /** Objects of a namespace, or all. */
  list(namespace?: string): KubeObject[]
  /** Objects for which the index function of that name gave this value. */
  byIndex(index: string, value: string): KubeObject[]
  /**
   * Records the answer of our own write, so that the next decision sees it before the watch tells.
   * False when the store has it or something newer. Only for objects that the reflector's query selects.
   */
  learn(object: KubeObject): boolean
}

/** What happened to a key. A null `object` is a deletion. */
export interface Change {
  readonly key: Key
  readonly object: KubeObject | null
  readonly previous: KubeObject | undefined
}

/** The side of the store that the reflector writes. */
export interface WritableStore extends Store {
  /** Empty when the object is not newer; two changes when another uid took the name. */
  put(object: KubeObject): Change[]
  remove(object: KubeObject): Change[]
  /** Shapes and freezes an object for `replaceAll`, page by page, so that no turn of the loop is long. */
  prepare(object: KubeObject): KubeObject
  /** Takes a complete list of a version; what it lacks is deleted unless it is newer than the list. */
  replaceAll(objects: readonly KubeObject[], resourceVersion: string): Change[]
  /** Forgets all versions, for a server that was restored from a backup. Objects stay. */
  forgetVersions(): void
}

// Enough to tell a late event about a deleted object from a new object.
const tombstoneLimit = 4096

export function keyOf(metadata: Pick<ObjectMeta, 'namespace' | 'name'>): Key {
  return metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name
}

export function parseKey(key: Key): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/')
  return slash === -1
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/**
 * Whether version `a` came before `b`. Versions of one kind are comparable since Kubernetes promised it
 * (KEP-5504); versions that are no numbers are never older.
 */
export function isOlderVersion(a: string | undefined, b: string | undefined): boolean {
  if (!isNumber(a) || !isNumber(b)) return false
  return a.length === b.length ? a < b : a.length < b.length
}

export interface StoreOptions {
  readonly indexes?: Indexes | undefined
  /** What is kept of an object. Default: all but `managedFields`. */
  readonly transform?: ((object: KubeObject) => KubeObject) | undefined
  readonly onLearned?: ((changes: Change[]) => void) | undefined
}

interface Shelf {
  readonly objects: Map<Key, KubeObject>
  /** Version at which a key was deleted. */
  readonly tombstones: Map<Key, string>
  readonly indexed: ReturnType<typeof createIndexed>
  /** Whether the next list is believed although it is from the past. */
  isTrusting: boolean
}

export function createStore(options: StoreOptions): WritableStore {
  const shelf: Shelf = {
    objects: new Map(),
    tombstones: new Map(),
    indexed: createIndexed(options.indexes ?? {}),
    isTrusting: false,
  }
  const { objects, indexed } = shelf
  const shape = options.transform ?? slim
  const prepare = (object: KubeObject): KubeObject => deepFreeze(shape(object))
  return {
    get size() {
      return objects.size
    },
    get: (namespace, name) => objects.get(keyOf(namespace ? { namespace, name } : { name })),
    list: (namespace) => {
      const all = [...objects.values()]
      return namespace === undefined
        ? all
        : all.filter((object) => object.metadata.namespace === namespace)
    },
    byIndex: (index, value) => indexed.keys(index, value).flatMap((key) => objects.get(key) ?? []),
    learn(object) {
      const changes = place(shelf, prepare(object))
      if (changes.length > 0) options.onLearned?.(changes)
      return changes.length > 0
    },
    put: (object) => place(shelf, prepare(object)),
    prepare,
    remove: (object) => remove(shelf, object.metadata),
    replaceAll: (list, resourceVersion) => replaceAll(shelf, list, resourceVersion),
    forgetVersions() {
      shelf.tombstones.clear()
      shelf.isTrusting = true
    },
  }
}

function place(shelf: Shelf, object: KubeObject): Change[] {
  const key = keyOf(object.metadata)
  const previous = shelf.objects.get(key)
  const known = previous?.metadata.resourceVersion ?? shelf.tombstones.get(key)
  const { resourceVersion, uid } = object.metadata
  const isSame = resourceVersion !== undefined && resourceVersion === known
  if (isSame || (!shelf.isTrusting && isOlderVersion(resourceVersion, known))) return []
  shelf.indexed.drop(key, previous)
  shelf.objects.set(key, object)
  shelf.indexed.add(key, object)
  shelf.tombstones.delete(key)
  if (!previous || previous.metadata.uid === uid) return [{ key, object, previous }]
  return [
    { key, object: null, previous },
    { key, object, previous: undefined },
  ]
}

function remove(shelf: Shelf, metadata: ObjectMeta): Change[] {
  const key = keyOf(metadata)
  const previous = shelf.objects.get(key)
  const known = previous?.metadata.resourceVersion ?? shelf.tombstones.get(key)
  if (isOlderVersion(metadata.resourceVersion, known)) return []
  bury(shelf, key, metadata.resourceVersion)
  return previous ? [{ key, object: null, previous }] : []
}

function replaceAll(shelf: Shelf, list: readonly KubeObject[], resourceVersion: string): Change[] {
  const { isTrusting } = shelf
  const listed = new Set(list.map((object) => keyOf(object.metadata)))
  const gone = [...shelf.objects].filter(
    ([key, object]) =>
      !listed.has(key) &&
      (isTrusting || !isOlderVersion(resourceVersion, object.metadata.resourceVersion)),
  )
  const changes = gone.map(([key, previous]): Change => ({ key, object: null, previous }))
  for (const [key] of gone) bury(shelf, key, isTrusting ? undefined : resourceVersion)
  for (const object of list) changes.push(...place(shelf, object))
  shelf.isTrusting = false
  return changes
}

function bury(shelf: Shelf, key: Key, version: string | undefined): void {
  shelf.indexed.drop(key, shelf.objects.get(key))
  shelf.objects.delete(key)
  if (version === undefined) return
  shelf.tombstones.set(key, version)
  const oldest = shelf.tombstones.keys().next()
  if (shelf.tombstones.size > tombstoneLimit && !oldest.done) shelf.tombstones.delete(oldest.value)
}

/** Without `managedFields`, which are a tenth of most objects and which nobody here reads. */
export function slim(object: KubeObject): KubeObject {
  if (object.metadata['managedFields'] === undefined) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

/** Objects of the store are shared by all readers, so nobody may change them. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}

function createIndexed(indexes: Indexes) {
  const all = Object.entries(indexes).map(([name, valuesOf]) => {
    return { name, valuesOf, index: new Map<string, Set<Key>>() }
  })
  return {
    keys(name: string, value: string): Key[] {
      const found = all.find((one) => one.name === name)
      if (!found) throw new Error(`the store has no index ${name}`)
      return [...(found.index.get(value) ?? [])]
    },
    add(key: Key, object: KubeObject): void {
      for (const { valuesOf, index } of all) {
        for (const value of valuesOf(object)) {
          const keys = index.get(value)
          if (keys) keys.add(key)
          else index.set(value, new Set([key]))
        }
      }
    },
    drop(key: Key, object: KubeObject | undefined): void {
      if (!object) return
      for (const { valuesOf, index } of all) {
        for (const value of valuesOf(object)) {
          const keys = index.get(value)
          keys?.delete(key)
          if (keys?.size === 0) index.delete(value)
        }
      }
    },
  }
}

function isNumber(version: string | undefined): version is string {
  return version !== undefined && /^(0|[1-9]\d*)$/.test(version)
}
