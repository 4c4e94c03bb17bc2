// Garbage: dependents of owners that are gone, content of namespaces that are leaving, and owners that
// wait for their dependents. Runs right after the write that made the garbage, never inside it.
import type { KubeObject, OwnerReference } from '../../kube/api.ts'
import { foregroundFinalizer, orphanFinalizer, remove } from './deletion.ts'
import { namespaceStorage } from './kinds.ts'
import type { Registry } from './registry.ts'
import { StatusError } from './status-error.ts'
import type { Location, Store, StoreEvent } from './store.ts'
import type { WriteContext } from './writes.ts'

export interface Collector {
  readonly context: WriteContext
  readonly registry: Registry
}

export function startGarbageCollection(collector: Collector): () => void {
  const { store } = collector.context
  return store.subscribe(null, (event) => {
    if (!concerns(event)) return
    queueMicrotask(() => collect(collector, event))
  })
}

function concerns(event: StoreEvent): boolean {
  const { metadata } = event.object
  return (
    event.type === 'DELETED' ||
    metadata.deletionTimestamp !== undefined ||
    (event.type === 'ADDED' && (metadata.ownerReferences ?? []).length > 0)
  )
}

function collect(collector: Collector, event: StoreEvent): void {
  const { store } = collector.context
  const { metadata } = event.object
  if (event.type === 'DELETED') {
    for (const dependent of store.dependents(metadata.uid ?? ''))
      releaseOrRemove(collector, dependent)
    for (const owner of metadata.ownerReferences ?? []) finishOwner(collector, owner)
    if (metadata.namespace !== undefined) finishNamespace(store, metadata.namespace)
    return
  }
  const location = { storage: event.storage, key: event.key }
  if (event.type === 'ADDED') releaseOrRemove(collector, location)
  if (metadata.deletionTimestamp === undefined) return
  if (event.storage === namespaceStorage) emptyNamespace(collector, metadata.name)
  if (metadata.finalizers?.includes(orphanFinalizer)) orphanDependents(store, location)
  if (metadata.finalizers?.includes(foregroundFinalizer)) removeDependents(collector, location)
}

/** A dependent goes when none of its owners is left; while one is, only the dead references go. */
function releaseOrRemove(collector: Collector, location: Location): void {
  const { store } = collector.context
  const dependent = store.get(location)
  const owners = dependent?.metadata.ownerReferences ?? []
  if (!dependent || owners.length === 0) return
  const living = owners.filter((owner) => store.locate(owner.uid) !== undefined)
  if (living.length === 0) removeQuietly(collector, location)
  else if (living.length < owners.length) store.write(location, withOwners(dependent, living))
}

function withOwners(object: KubeObject, owners: OwnerReference[]): KubeObject {
  const { ownerReferences: _, ...metadata } = object.metadata
  return {
    ...object,
    metadata: { ...metadata, ...(owners.length > 0 && { ownerReferences: owners }) },
  }
}

function orphanDependents(store: Store, owner: Location): void {
  const uid = store.get(owner)?.metadata.uid ?? ''
  for (const location of store.dependents(uid)) {
    const dependent = store.get(location)
    const others = dependent?.metadata.ownerReferences?.filter((other) => other.uid !== uid)
    if (dependent) store.write(location, withOwners(dependent, others ?? []))
  }
  dropFinalizer(store, owner, orphanFinalizer)
}

function removeDependents(collector: Collector, owner: Location): void {
  const { store } = collector.context
  const dependents = store.dependents(store.get(owner)?.metadata.uid ?? '')
  for (const location of dependents) removeQuietly(collector, location)
  const left = store.dependents(store.get(owner)?.metadata.uid ?? '')
  if (left.length === 0) dropFinalizer(store, owner, foregroundFinalizer)
}

/** An owner deleted in the foreground leaves with its last dependent. */
function finishOwner(collector: Collector, owner: OwnerReference): void {
  const { store } = collector.context
  const location = store.locate(owner.uid)
  if (!location || store.dependents(owner.uid).length > 0) return
  if (store.get(location)?.metadata.finalizers?.includes(foregroundFinalizer)) {
    dropFinalizer(store, location, foregroundFinalizer)
  }
}

function dropFinalizer(store: Store, location: Location, finalizer: string): void {
  const object = store.get(location)
  if (!object?.metadata.finalizers?.includes(finalizer)) return
  const finalizers = object.metadata.finalizers.filter((other) => other !== finalizer)
  const isLeaving = object.metadata.deletionTimestamp !== undefined && finalizers.length === 0
  const kept = { ...object, metadata: { ...object.metadata, finalizers } }
  store.write(location, isLeaving ? null : kept)
}

function emptyNamespace(collector: Collector, namespace: string): void {
  const { store } = collector.context
  for (const location of contentOf(store, namespace)) removeQuietly(collector, location)
  finishNamespace(store, namespace)
}

function finishNamespace(store: Store, namespace: string): void {
  const location = { storage: namespaceStorage, key: namespace }
  const object = store.get(location)
  if (object?.metadata.deletionTimestamp === undefined) return
  if ((object.metadata.finalizers ?? []).length > 0) return
  if (contentOf(store, namespace).length === 0) store.write(location, null)
}

function contentOf(store: Store, namespace: string): Location[] {
  return store.storages().flatMap((storage) =>
    store
      .list(storage)
      .filter(([key]) => key.startsWith(`${namespace}/`))
      .map(([key]) => ({ storage, key })),
  )
}

function removeQuietly({ context, registry }: Collector, location: Location): void {
  const kind = registry.ofStorage(location.storage)
  const object = context.store.get(location)
  if (!kind || !object) return
  const { namespace = '', name } = object.metadata
  try {
    remove(context, { kind, namespace, name, subresource: '' }, {})
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
  }
}
