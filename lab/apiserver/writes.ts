// Creates and updates: an object or a change in, the stored object out. Everything between reading the
// live object and storing the new one is synchronous, so no write can come between.
import type { KubeObject } from '../../kube/api.ts'
import { admit, type FieldValidation } from './admission.ts'
import { withBuiltinDefaults, withUpdateDefaults } from './builtin-defaults.ts'
import { validateBuiltin } from './builtin-validate.ts'
import { readDefinition } from './crd.ts'
import { parseObjectOf, validateFinalizers, validateMetadata } from './envelope.ts'
import { isEqual, type JsonObject, omit } from './json.ts'
import { crdStorage, type Kind, namespaceStorage, present } from './kinds.ts'
import { afterUpdate, type Manager } from './managed-fields.ts'
import {
  alreadyExists,
  badRequest,
  type Cause,
  conflict,
  forbidden,
  invalid,
  notFound,
  staleMessage,
  unexplained,
} from './status-error.ts'
import type { Location, Store } from './store.ts'

export interface WriteContext {
  readonly store: Store
  readonly clock: () => number
  /** The suffix of a generated name. */
  readonly random: () => string
  readonly newUid: () => string
}

export interface Target {
  readonly kind: Kind
  readonly namespace: string
  readonly name: string
  readonly subresource: '' | 'status' | 'scale'
}

export interface WriteOptions {
  readonly manager: Manager
  readonly dryRun: boolean
  readonly fieldValidation: FieldValidation
  readonly warnings: string[]
}

export function locationOf(target: Pick<Target, 'kind' | 'namespace' | 'name'>): Location {
  return {
    storage: target.kind.storage,
    key: `${target.namespace}/${target.name}`.replace(/^\//, ''),
  }
}

export function timeOf(context: WriteContext): string {
  return new Date(context.clock()).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** The live object in the version of the target's kind. Fails with 404. */
export function readLive(context: WriteContext, target: Target): KubeObject {
  const found = context.store.get(locationOf(target))
  if (!found) throw notFound(target.kind, target.name)
  return present(target.kind, found)
}

export interface Creation {
  readonly body: unknown
  readonly options: WriteOptions
  /** Records who owns what, where that is not simply the writer (server-side apply). */
  readonly manage?: (object: KubeObject) => KubeObject
}

export function create(context: WriteContext, target: Target, request: Creation): KubeObject {
  const object = prepareNew(context, target, request)
  const location = locationOf({ ...target, name: object.metadata.name })
  refuseNamespace(context, target, object.metadata.name)
  if (context.store.get(location)) throw alreadyExists(target.kind, object.metadata.name)
  return commit(context, { kind: target.kind, location, object }, request.options)
}

function prepareNew(context: WriteContext, target: Target, creation: Creation): KubeObject {
  const { body, options, manage } = creation
  const { kind } = target
  const given = parseObjectOf(kind, body)
  if (given.metadata.resourceVersion) {
    throw unexplained('resourceVersion should not be set on objects to be created')
  }
  refuseOtherNamespace(target, given)
  const named = withName(context, target, given)
  const stripped = kind.hasStatus && kind.kind !== 'Node' ? without(named, 'status') : named
  const admitted = admit(kind, { before: null, after: stripped, subresource: '', options })
  const object = kind.rules ? admitted : withBuiltinDefaults(admitted, context.store.revision())
  refuseInvalid(kind, object, [...validateMetadata(object), ...validateBuiltin(null, object)])
  if (kind.storage === crdStorage) refuseDefinition(kind, object)
  if (manage) return manage(object)
  const { manager } = options
  return afterUpdate({
    before: null,
    after: object,
    schema: kind.schema,
    manager,
    time: timeOf(context),
  })
}

function withName(context: WriteContext, target: Target, given: KubeObject): KubeObject {
  const prefix = given.metadata['generateName']
  const name =
    target.name ||
    given.metadata.name ||
    (typeof prefix === 'string' && prefix !== '' ? prefix + context.random() : '')
  const metadata = omit(given.metadata, ...serverOwned, 'namespace')
  return {
    ...given,
    metadata: {
      ...metadata,
      name,
      ...(target.kind.namespaced && { namespace: target.namespace }),
      uid: context.newUid(),
      creationTimestamp: timeOf(context),
      ...(target.kind.hasGeneration && { generation: 1 }),
    },
  }
}

/** Metadata that only the server writes. */
const serverOwned = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
]

function refuseNamespace(context: WriteContext, { kind, namespace }: Target, name: string): void {
  if (!kind.namespaced) return
  const found = context.store.get({ storage: namespaceStorage, key: namespace })
  if (!found) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace)
  if (found.metadata.deletionTimestamp === undefined) return
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`
  throw forbidden(kind, name, why)
}

function refuseOtherNamespace({ namespace, name }: Target, given: KubeObject): void {
  const stated = given.metadata.namespace
  if (stated && stated !== namespace) {
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    )
  }
  if (name !== '' && given.metadata.name !== '' && given.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${given.metadata.name}) does not match the name on the URL (${name})`,
    )
  }
}

function refuseInvalid(kind: Kind, object: KubeObject, causes: readonly Cause[]): void {
  if (causes.length > 0) throw invalid(kind, object.metadata.name, causes)
}

function refuseDefinition(kind: Kind, object: KubeObject): void {
  const reading = readDefinition(object)
  if (reading.kind === 'Invalid') refuseInvalid(kind, object, reading.causes)
}

export interface Change {
  /** The live object in the version of the request in, the wanted object out. */
  readonly edit: (live: KubeObject) => unknown
  readonly options: WriteOptions
  /** The edit keeps managedFields itself (server-side apply). */
  readonly keepsManagers?: boolean
  /** A replacement of a custom object must state the version it replaces. */
  readonly needsVersion?: boolean
}

export function update(context: WriteContext, target: Target, change: Change): KubeObject {
  const { kind } = target
  const before = readLive(context, target)
  const wanted = parseObjectOf(kind, change.edit(before))
  refuseOtherNamespace(target, wanted)
  refuseStale(target, { before, wanted, change })
  const restored = restoreFixed(before, wanted, change.keepsManagers === true)
  const scoped = keepOtherPart(target, before, restored)
  const admitted = admit(kind, {
    before,
    after: scoped,
    subresource: target.subresource,
    options: change.options,
  })
  const defaulted = kind.rules ? admitted : withUpdateDefaults(admitted)
  const counted = countGeneration(kind, before, defaulted)
  const causes = [...validateMetadata(counted), ...validateBuiltin(before, counted)]
  refuseInvalid(kind, counted, [...causes, ...validateFinalizers(before, counted)])
  if (kind.storage === crdStorage && target.subresource === '') refuseDefinition(kind, counted)
  const object = change.keepsManagers
    ? counted
    : afterUpdate({
        before,
        after: counted,
        schema: kind.schema,
        manager: change.options.manager,
        time: timeOf(context),
      })
  if (isEqual(before, object)) return before
  return commit(context, { kind, location: locationOf(target), object }, change.options)
}

function refuseStale(
  { kind, name }: Target,
  at: { before: KubeObject; wanted: KubeObject; change: Change },
): void {
  const { uid, resourceVersion } = at.wanted.metadata
  if (uid && uid !== at.before.metadata.uid && !at.change.needsVersion) {
    // A patch is taken for a wish to change what can not be changed; only a PUT states a precondition.
    const message = `Invalid value: "${uid}": field is immutable`
    throw invalid(kind, name, [fieldInvalid('metadata.uid', message)])
  }
  if (uid && uid !== at.before.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${at.before.metadata.uid}`
    throw conflict(kind, name, why)
  }
  if (!resourceVersion && at.change.needsVersion && kind.rules) {
    const message = 'Invalid value: 0x0: must be specified for an update'
    throw invalid(kind, name, [fieldInvalid('metadata.resourceVersion', message)])
  }
  if (resourceVersion && resourceVersion !== at.before.metadata.resourceVersion) {
    throw conflict(kind, name, staleMessage)
  }
}

const fieldInvalid = (field: string, message: string): Cause => ({
  reason: 'FieldValueInvalid',
  field,
  message,
})

function restoreFixed(before: KubeObject, wanted: KubeObject, keepsManagers: boolean): KubeObject {
  const owned = serverOwned.filter((name) => !(keepsManagers && name === 'managedFields'))
  const fixed = Object.fromEntries(
    [...owned, 'namespace', 'generateName'].flatMap((name) =>
      before.metadata[name] === undefined ? [] : [[name, before.metadata[name]]],
    ),
  )
  const metadata = { ...omit(wanted.metadata, ...owned, 'namespace'), ...fixed }
  return { ...wanted, metadata: { ...metadata, name: before.metadata.name } }
}

/** A write of the status leaves the rest alone, a write of the object leaves the status alone. */
function keepOtherPart(target: Target, before: KubeObject, wanted: KubeObject): KubeObject {
  if (target.subresource === 'status') {
    const { managedFields } = wanted.metadata
    const metadata = { ...before.metadata, ...(managedFields !== undefined && { managedFields }) }
    const rest = without(before, 'status')
    return {
      ...rest,
      metadata,
      ...(wanted['status'] !== undefined && { status: wanted['status'] }),
    }
  }
  if (!target.kind.hasStatus) return wanted
  const rest = without(wanted, 'status')
  return before['status'] === undefined ? rest : { ...rest, status: before['status'] }
}

export function without(object: KubeObject, ...fields: readonly string[]): KubeObject {
  const { apiVersion, kind, metadata } = object
  return { ...omit(object, ...fields), apiVersion, kind, metadata }
}

function countGeneration(kind: Kind, before: KubeObject, after: KubeObject): KubeObject {
  if (!kind.hasGeneration) return after
  const asked = (object: KubeObject): JsonObject =>
    omit(object, 'metadata', ...(kind.hasStatus ? ['status'] : []))
  if (isEqual(asked(before), asked(after))) return after
  const generation = (before.metadata.generation ?? 0) + 1
  return { ...after, metadata: { ...after.metadata, generation } }
}

/** Stores; an object whose deletion was asked for and that no finalizer holds goes away instead. */
function commit(
  context: WriteContext,
  write: { kind: Kind; location: Location; object: KubeObject },
  options: Pick<WriteOptions, 'dryRun'>,
): KubeObject {
  const { kind, location } = write
  const object = kind.forms ? kind.forms.toStored(write.object) : write.object
  if (options.dryRun) return present(kind, object)
  const isLeaving =
    object.metadata.deletionTimestamp !== undefined &&
    (object.metadata.finalizers ?? []).length === 0 &&
    !object.metadata['deletionGracePeriodSeconds'] &&
    kind.storage !== namespaceStorage
  return present(kind, context.store.write(location, isLeaving ? null : object))
}
