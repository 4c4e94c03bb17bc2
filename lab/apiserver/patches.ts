// PATCH: the content type says which of the four kinds of patch a body is.
import type { KubeObject } from '../../kube/api.ts'
import { applyConfiguration } from './apply.ts'
import { parseObject, parseObjectOf } from './envelope.ts'
import { fieldsOf } from './field-set.ts'
import { type JsonObject, objectOf, omit } from './json.ts'
import type { Kind } from './kinds.ts'
import { managed, withManagers } from './managed-fields.ts'
import { applyJsonPatch } from './patch-json.ts'
import { applyMergePatch } from './patch-merge.ts'
import { applyStrategicPatch } from './patch-strategic.ts'
import { type ApiRequest, parseJsonText, parseWriteOptions, parseYamlText } from './request.ts'
import type { ResourceRoute } from './routes.ts'
import { applyScale, renderScale } from './scale.ts'
import { prune } from './schema-prune.ts'
import {
  badRequest,
  internalError,
  notFound,
  StatusError,
  unsupportedMediaType,
} from './status-error.ts'
import {
  create,
  locationOf,
  timeOf,
  update,
  type WriteContext,
  type WriteOptions,
  without,
} from './writes.ts'

const types = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

export interface Patched {
  readonly object: KubeObject
  readonly isNew: boolean
  readonly warnings: readonly string[]
}

export function patch(context: WriteContext, route: ResourceRoute, request: ApiRequest): Patched {
  if (request.contentType === types.apply) return serverSideApply(context, route, request)
  const change = parsePatch(route, request)
  const options = parseWriteOptions(request, { ...route, operation: 'Update' })
  const { scale } = route.kind
  const edit = (live: KubeObject): unknown =>
    route.subresource === 'scale' && scale
      ? applyScale(live, change(renderScale(live, scale)), scale)
      : change(live)
  return {
    object: update(context, route, { edit, options }),
    isNew: false,
    warnings: options.warnings,
  }
}

/** The change a patch makes, as a function. Fails with 415 for kinds of patch that are not served. */
function parsePatch({ kind }: ResourceRoute, request: ApiRequest): (value: unknown) => unknown {
  switch (request.contentType) {
    case types.json: {
      const body = parseJsonText(request.text)
      return (value) => applyJsonPatch(value, body)
    }
    case types.merge: {
      const body = parseJsonText(request.text)
      return (value) => applyMergePatch(value, body)
    }
    case types.strategic: {
      if (kind.rules) break
      const body = parseJsonText(request.text)
      return (value) => applyStrategicPatch(value, body, kind.schema)
    }
  }
  const served = Object.values(types).filter((type) => !kind.rules || type !== types.strategic)
  throw unsupportedMediaType(request.contentType, served)
}

function serverSideApply(
  context: WriteContext,
  route: ResourceRoute,
  request: ApiRequest,
): Patched {
  const { kind, subresource } = route
  if (subresource === 'scale') throw unsupportedMediaType(types.apply, [types.json, types.merge])
  if (!request.query.get('fieldManager')) {
    throw new StatusError(422, 'Invalid', {
      message:
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    })
  }
  const options = parseWriteOptions(request, { ...route, operation: 'Apply' })
  const config = readConfiguration(route, parseYamlText(request.text))
  const isNew = context.store.get(locationOf(route)) === undefined
  if (isNew)
    return { object: createApplied(context, route, { config, options }), isNew, warnings: [] }
  const force = request.query.get('force') === 'true'
  const { manager } = options
  const edit = (live: KubeObject) => {
    const time = timeOf(context)
    const schema = kind.schema
    const applied = applyConfiguration({ live, config, schema, manager, force, time })
    return { ...applied, metadata: { ...applied.metadata, ...preconditions(config) } }
  }
  const object = update(context, route, { edit, options, keepsManagers: true })
  return { object, isNew, warnings: options.warnings }
}

function createApplied(
  context: WriteContext,
  route: ResourceRoute,
  { config, options }: { readonly config: KubeObject; readonly options: WriteOptions },
): KubeObject {
  const { kind, name, subresource } = route
  if (subresource !== '') throw notFound(kind, name)
  const { uid, resourceVersion } = config.metadata
  if (uid || resourceVersion) throw notFound(kind, name)
  const fields = fieldsOf(managed(config), kind.schema)
  const entry = { ...options.manager, fields, time: timeOf(context) }
  const manage = (object: KubeObject) => withManagers(object, [entry])
  return create(context, route, { body: config, options, manage })
}

/** The configuration, without the part that this resource does not write. */
function readConfiguration(route: ResourceRoute, body: unknown): KubeObject {
  const { kind, namespace, name, subresource } = route
  const given = objectOf(body)
  refuseOtherKind(kind, given)
  const config = parseObjectOf(kind, {
    ...given,
    metadata: { name, ...objectOf(given['metadata']) },
  })
  if (config.metadata['managedFields'] !== undefined) {
    throw badRequest('metadata.managedFields must be nil')
  }
  if (config.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${config.metadata.name}) does not match the name on the URL (${name})`,
    )
  }
  refuseUndeclared(kind, config, `${namespace}/${name}`)
  if (subresource === 'status') {
    const { apiVersion } = config
    const bare = { name, ...preconditions(config) }
    return parseObject({ apiVersion, kind: kind.kind, metadata: bare, status: config['status'] })
  }
  return kind.hasStatus ? without(config, 'status') : config
}

function refuseOtherKind(kind: Kind, { apiVersion, kind: name = kind.kind }: JsonObject): void {
  if (!kind.rules || name === kind.kind) return
  throw badRequest(`invalid object type: ${apiVersion}, Kind=${name}`)
}

function preconditions({ metadata: { uid, resourceVersion } }: KubeObject) {
  return { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }
}

/** Ownership needs a declared type for each field, so apply refuses what other writes only prune. */
function refuseUndeclared(kind: Kind, config: KubeObject, where: string): void {
  if (!kind.rules) return
  const unknown: string[] = []
  prune(omit(config, 'metadata'), kind.schema, unknown)
  if (unknown.length === 0) return
  const lines = unknown.map((path) => `.${path}: field not declared in schema`)
  const text = lines.length === 1 ? lines[0] : `errors:\n  ${lines.join('\n  ')}`
  throw internalError(
    `failed to create typed patch object (${where}; ${config.apiVersion}, Kind=${kind.kind}): ${text}`,
  )
}
