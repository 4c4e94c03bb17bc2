// The cluster as the rest of Sluice sees it: raw JSON objects, never generated model classes, so that
// fields which Sluice does not know survive every read and write.

export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  // biome-ignore lint/suspicious/noExplicitAny: objects of users are opaque JSON, parsed where they are read
  [field: string]: any
}

export interface ObjectMeta {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  finalizers?: string[]
  ownerReferences?: OwnerReference[]
  // biome-ignore lint/suspicious/noExplicitAny: as above
  [field: string]: any
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** A kind as the API server names it in URLs. */
export interface Resource {
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
}

export interface ObjectKey {
  readonly namespace?: string | undefined
  readonly name: string
}

export interface ListQuery {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly limit?: number | undefined
  readonly continue?: string | undefined
  readonly resourceVersion?: string | undefined
}

export interface ObjectList {
  readonly items: KubeObject[]
  readonly resourceVersion: string
  readonly continue?: string | undefined
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject }
  | { readonly type: 'ERROR'; readonly status: Status }

export interface Status {
  readonly code: number
  readonly reason: string
  readonly message: string
}

export type PatchType = 'merge' | 'json' | 'apply'

export interface WriteOptions {
  readonly subresource?: 'status' | 'scale' | 'eviction' | undefined
  readonly fieldManager?: string | undefined
  /** Only with `apply`: take fields that another manager owns. */
  readonly force?: boolean | undefined
  readonly dryRun?: boolean | undefined
}

export interface DeleteOptions {
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan' | undefined
}

/**
 * Reads and writes of one API server. Every call has a deadline, waits out Retry-After, and fails with
 * `ApiError`. The simulation implements this interface too.
 */
export interface KubeApi {
  get(resource: Resource, key: ObjectKey): Promise<KubeObject>
  list(resource: Resource, query?: ListQuery): Promise<ObjectList>
  /** Events until the server ends the watch or `signal` fires. Bookmarks are always asked for. */
  watch(
    resource: Resource,
    query: ListQuery & { readonly timeoutSeconds?: number },
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent>
  /** With a subresource the answer is what was sent: the server says only that it was done. */
  create(resource: Resource, object: KubeObject, options?: WriteOptions): Promise<KubeObject>
  /** PUT; carries `metadata.resourceVersion` of the object as its precondition. */
  replace(resource: Resource, object: KubeObject, options?: WriteOptions): Promise<KubeObject>
  patch(
    resource: Resource,
    key: ObjectKey,
    type: PatchType,
    body: unknown,
    options?: WriteOptions,
  ): Promise<KubeObject>
  delete(resource: Resource, key: ObjectKey, options?: DeleteOptions): Promise<void>
}

/** An answer of the API server that is not success; `code` 0 means that no answer came. */
export class ApiError extends Error {
  readonly code: number
  readonly reason: string
  readonly retryAfterMs: number | undefined
  constructor(status: Status, options?: { cause?: unknown; retryAfterMs?: number }) {
    super(status.message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ApiError'
    this.code = status.code
    this.reason = status.reason
    this.retryAfterMs = options?.retryAfterMs
  }
}

export const isNotFound = (error: unknown): boolean => hasCode(error, 404)
export const isConflict = (error: unknown): boolean => hasCode(error, 409)

function hasCode(error: unknown, code: number): boolean {
  return error instanceof ApiError && error.code === code
}
