// Writes in, versions of frozen objects out: what of an API server a controller can tell. Copy on write, so
// that the parts nobody changed keep their identity; every change is told to the world in its order.
import { AnalysisTemplate } from '../../crds/analysis-template.ts'
import { GitSource } from '../../crds/git-source.ts'
import { Notification } from '../../crds/notification.ts'
import { canonicalJson } from '../../crds/revision.ts'
import { Rollout } from '../../crds/rollout.ts'
import {
  ApiError,
  type DeleteOptions,
  type KubeObject,
  type ObjectKey,
  type PatchType,
  type Resource,
  type WriteOptions,
} from '../../kube/api.ts'
import { deepFreeze } from '../../kube/store.ts'
import { applyJsonPatch } from '../../lab/apiserver/patch-json.ts'
import { applied, merged } from './patches.ts'

/** One change that took effect. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly resource: Resource
  readonly version: number
  readonly at: number
  readonly object: KubeObject
  readonly previous: KubeObject | null
  readonly by: Writer
}

/** Who wrote, and when that was sent. */
export interface Writer {
  readonly name: string
  readonly isController: boolean
  readonly sentAt: number
  readonly verb: string
}

export interface ApiServer {
  get(resource: Resource, key: ObjectKey): KubeObject | null
  list(resource: Resource): readonly KubeObject[]
  /** As it was at a version. */
  listAt(resource: Resource, version: number): readonly KubeObject[]
  version(): number
  /** Changes of a kind, oldest first. */
  log(resource: Resource): readonly Change[]
  create(by: Writer, resource: Resource, object: KubeObject): KubeObject
  replace(by: Writer, resource: Resource, object: KubeObject, options?: WriteOptions): KubeObject
  patch(by: Writer, request: PatchRequest): KubeObject
  delete(by: Writer, resource: Resource, key: ObjectKey, options?: DeleteOptions): void
}

export interface PatchRequest {
  readonly resource: Resource
  readonly key: ObjectKey
  readonly type: PatchType
  readonly body: unknown
  readonly options?: WriteOptions | undefined
}

interface Shelf {
  readonly objects: Map<string, KubeObject>
  readonly log: Change[]
}

export interface ServerOptions {
  readonly now: () => number
  readonly onChange: (change: Change) => void
}

export function createApiServer({ now, onChange }: ServerOptions): ApiServer {
  const shelves = new Map<string, Shelf>()
  const managers = new Map<string, unknown>()
  let version = 100
  let uids = 0

  const shelfOf = ({ plural }: Resource): Shelf => {
    const known = shelves.get(plural)
    if (known) return known
    const fresh: Shelf = { objects: new Map(), log: [] }
    shelves.set(plural, fresh)
    return fresh
  }

  function commit(change: Omit<Change, 'version' | 'at' | 'previous'>): KubeObject {
    version += 1
    const { resource, type } = change
    const shelf = shelfOf(resource)
    const key = keyOf(change.object.metadata)
    const previous = shelf.objects.get(key) ?? null
    const metadata = { ...change.object.metadata, resourceVersion: String(version) }
    const object = deepFreeze({ ...change.object, metadata })
    if (type === 'DELETED') shelf.objects.delete(key)
    else shelf.objects.set(key, object)
    const told: Change = { ...change, object, previous, version, at: now() }
    shelf.log.push(told)
    onChange(told)
    return object
  }

  const stored = (resource: Resource, key: ObjectKey): KubeObject => {
    const found = shelfOf(resource).objects.get(keyOf(key))
    if (!found) throw failure(404, 'NotFound', `${resource.plural} ${key.name} not found`)
    return found
  }

  function create(by: Writer, resource: Resource, object: KubeObject): KubeObject {
    if (shelfOf(resource).objects.has(keyOf(object.metadata))) {
      throw failure(409, 'AlreadyExists', `${resource.plural} ${object.metadata.name} exists`)
    }
    uids += 1
    const metadata = {
      ...object.metadata,
      uid: `${resource.kind}-${uids}`,
      generation: 1,
      creationTimestamp: new Date(now()).toISOString(),
    }
    const body = admitted(resource, { ...object, metadata })
    return commit({ type: 'ADDED', resource, by, object: withoutOwnStatus(resource, body) })
  }

  function update(
    by: Writer,
    { resource, before, after }: { resource: Resource; before: KubeObject; after: KubeObject },
  ): KubeObject {
    const isSameSpec = before['spec'] === after['spec'] || equal(before['spec'], after['spec'])
    const spec = isSameSpec ? before['spec'] : admitted(resource, after)['spec']
    const generation = (before.metadata.generation ?? 1) + (isSameSpec ? 0 : 1)
    const { uid, creationTimestamp } = before.metadata
    const metadata = { ...after.metadata, uid, creationTimestamp, generation }
    const object = { ...after, spec, metadata } as KubeObject
    const isOver = metadata.deletionTimestamp !== undefined && !metadata.finalizers?.length
    if (isOver) return commit({ type: 'DELETED', resource, by, object })
    if (isSameSpec && isUnchanged(before, object)) return before
    return commit({ type: 'MODIFIED', resource, by, object })
  }

  return {
    version: () => version,
    log: (resource) => shelfOf(resource).log,
    get: (resource, key) => shelfOf(resource).objects.get(keyOf(key)) ?? null,
    list: (resource) => [...shelfOf(resource).objects.values()],
    listAt: (resource, at) => {
      const objects = new Map<string, KubeObject>()
      for (const change of shelfOf(resource).log) {
        if (change.version > at) break
        const key = keyOf(change.object.metadata)
        if (change.type === 'DELETED') objects.delete(key)
        else objects.set(key, change.object)
      }
      return [...objects.values()]
    },
    create,
    replace(by, resource, object, options = {}) {
      const before = stored(resource, object.metadata)
      const { resourceVersion, uid } = object.metadata
      if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
        throw failure(409, 'Conflict', `${resource.plural} ${object.metadata.name} has changed`)
      }
      if (uid !== undefined && uid !== before.metadata.uid) {
        throw failure(409, 'Conflict', `${resource.plural} ${object.metadata.name} is another one`)
      }
      if (options.subresource === 'status') {
        const after = { ...before, status: object['status'] } as KubeObject
        return update(by, { resource, before, after })
      }
      const after = { ...object, status: before['status'] } as KubeObject
      return update(by, { resource, before, after })
    },
    patch(by, { resource, key, type, body, options = {} }) {
      if (type === 'apply') {
        const place = `${resource.plural}/${keyOf(key)}/${options.fieldManager}`
        const before = shelfOf(resource).objects.get(keyOf(key))
        const after = applied({ before, body, last: before ? managers.get(place) : undefined })
        const done = before
          ? update(by, { resource, before, after: { ...after, status: before['status'] } })
          : create(by, resource, after)
        managers.set(place, body)
        return done
      }
      const before = stored(resource, key)
      const result = (type === 'json' ? edited(before, body) : merged(before, body)) as KubeObject
      if (result.metadata.resourceVersion !== before.metadata.resourceVersion) {
        throw failure(409, 'Conflict', `${resource.plural} ${key.name} has changed`)
      }
      const after =
        options.subresource === 'status'
          ? ({ ...before, status: result['status'] } as KubeObject)
          : ({ ...result, status: before['status'] } as KubeObject)
      return update(by, { resource, before, after })
    },
    delete(by, resource, key, options = {}) {
      const before = stored(resource, key)
      const { uid, resourceVersion } = before.metadata
      const isOther =
        (options.uid !== undefined && options.uid !== uid) ||
        (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion)
      if (isOther) throw failure(409, 'Conflict', `${resource.plural} ${key.name} has changed`)
      if (before.metadata.finalizers?.length) {
        const deletionTimestamp = before.metadata.deletionTimestamp ?? new Date(now()).toISOString()
        update(by, { resource, before, after: withMetadata(before, { deletionTimestamp }) })
        return
      }
      commit({ type: 'DELETED', resource, by, object: before })
    },
  }
}

function withMetadata(object: KubeObject, more: Partial<KubeObject['metadata']>): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...more } }
}

/** A test of a patch that does not hold is refused as the real server does. */
function edited(before: KubeObject, body: unknown): unknown {
  try {
    return applyJsonPatch(before, body)
  } catch (error) {
    throw failure(422, 'Invalid', error instanceof Error ? error.message : String(error))
  }
}

export function failure(code: number, reason: string, message: string, retryAfterMs?: number) {
  const status = { code, reason, message }
  return new ApiError(status, retryAfterMs === undefined ? {} : { retryAfterMs })
}

const schemas = {
  rollouts: Rollout,
  gitsources: GitSource,
  analysistemplates: AnalysisTemplate,
  notifications: Notification,
}

/** Parses are dear and specs are few, so one answer is kept for each spec. */
const admittedSpecs = new Map<string, unknown>()
const admittedObjects = new WeakSet<object>()

/** With defaults, as the schema of the kind gives them. */
function admitted(resource: Resource, object: KubeObject): KubeObject {
  const schema = schemas[resource.plural as keyof typeof schemas]
  if (!schema) return object
  // What came out once goes in again with each edit of something else.
  if (admittedObjects.has(object['spec'])) return object
  const text = canonicalJson(object['spec'])
  const known = admittedSpecs.get(text)
  if (known) return { ...object, spec: known } as KubeObject
  const { status: _, ...rest } = object
  const parsed = schema.safeParse(rest)
  if (!parsed.success) throw failure(422, 'Invalid', parsed.error.message)
  if (admittedSpecs.size > 5_000) admittedSpecs.clear()
  admittedSpecs.set(text, parsed.data.spec)
  admittedObjects.add(parsed.data.spec)
  return { ...object, spec: parsed.data.spec } as KubeObject
}

function withoutOwnStatus(resource: Resource, object: KubeObject): KubeObject {
  if (!(resource.plural in schemas) && resource.plural !== 'replicasets') return object
  const { status: _, ...rest } = object
  return rest as KubeObject
}

/** The same but for the version. */
function isUnchanged(before: KubeObject, after: KubeObject): boolean {
  const { resourceVersion } = before.metadata
  const metadata = { ...after.metadata, resourceVersion }
  return equal(before, { ...after, metadata })
}

/** Equal as JSON; parts that are the same object are not looked into. */
function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [a, b] as Readonly<Record<string, unknown>>[]
  for (const key in left) if (!equal(left[key], right?.[key])) return false
  for (const key in right) if (right[key] !== undefined && left?.[key] === undefined) return false
  return true
}

export function keyOf({ namespace, name }: ObjectKey): string {
  return `${namespace ?? ''}/${name}`
}
