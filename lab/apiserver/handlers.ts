// Verbs on resources: a route and a request in, the answer out.
import type { KubeObject } from '../../kube/api.ts'
import { parseDeleteOptions, remove } from './deletion.ts'
import { parseForm, renderList, renderOne } from './forms.ts'
import { type JsonObject, objectOf } from './json.ts'
import type { Kind } from './kinds.ts'
import { patch } from './patches.ts'
import { list, parseSelectors } from './reads.ts'
import { type ApiRequest, parseBody, parseWriteOptions } from './request.ts'
import type { ResourceRoute } from './routes.ts'
import { applyScale, renderScale } from './scale.ts'
import { badRequest, methodNotAllowed, type StatusBody } from './status-error.ts'
import { create, readLive, update, type WriteContext, type WriteOptions } from './writes.ts'

export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'

export interface Answer {
  readonly code: number
  readonly body: JsonObject | StatusBody
  readonly warnings?: readonly string[]
}

/** The verb of a request, as access rules name it. Fails with 405. */
export function verbOf(request: ApiRequest, route: ResourceRoute): Verb {
  if (!route.isEviction) return verbOn(request, route)
  if (request.method === 'POST') return 'create'
  throw methodNotAllowed()
}

function verbOn(request: ApiRequest, route: ResourceRoute): Verb {
  const isCollection = route.name === ''
  switch (request.method) {
    case 'GET': {
      const watches = request.query.get('watch')
      if (watches === 'true' || watches === '1') return 'watch'
      return isCollection ? 'list' : 'get'
    }
    case 'POST':
      if (isCollection) return 'create'
      break
    case 'PUT':
      if (!isCollection) return 'update'
      break
    case 'PATCH':
      if (!isCollection) return 'patch'
      break
    case 'DELETE':
      if (isCollection) return 'deletecollection'
      if (route.subresource === '') return 'delete'
  }
  // Custom kinds are routed by one handler, which looks for a name first.
  if (isCollection && route.kind.rules) throw badRequest('name must be provided')
  throw methodNotAllowed()
}

/** Every verb but watch, which is answered line by line. */
export function answer(
  context: WriteContext,
  at: { readonly verb: Exclude<Verb, 'watch'>; readonly route: ResourceRoute },
  request: ApiRequest,
): Answer {
  const { verb, route } = at
  switch (verb) {
    case 'get':
      return shown(context, route, { object: readLive(context, route), request })
    case 'list':
      return listed(context, route, request)
    case 'create':
      return route.isEviction ? evicted(context, route, request) : created(context, route, request)
    case 'update':
      return replaced(context, route, request)
    case 'patch': {
      const { object, isNew, warnings } = patch(context, route, request)
      return shown(context, route, { object, request, warnings, code: isNew ? 201 : 200 })
    }
    case 'delete':
      return deleted(context, route, request)
    case 'deletecollection':
      return emptied(context, route, request)
  }
}

interface Shown {
  readonly object: KubeObject
  readonly request: ApiRequest
  readonly warnings?: readonly string[]
  readonly code?: number
}

function shown(context: WriteContext, { kind, subresource }: ResourceRoute, given: Shown): Answer {
  const { object, request, warnings = [], code = 200 } = given
  if (subresource === 'scale' && kind.scale) {
    return { code, body: renderScale(object, kind.scale), warnings }
  }
  const form = parseForm(request.accept, request.query)
  return { code, body: renderOne(object, { kind, form, nowMs: context.clock() }), warnings }
}

function listed(context: WriteContext, route: ResourceRoute, request: ApiRequest): Answer {
  const { items, metadata } = list(context.store, route, request.query)
  const form = parseForm(request.accept, request.query)
  return {
    code: 200,
    body: renderList(items, metadata, { kind: route.kind, form, nowMs: context.clock() }),
  }
}

function created(context: WriteContext, route: ResourceRoute, request: ApiRequest): Answer {
  const { kind, namespace } = route
  if (kind.namespaced && namespace === '') throw methodNotAllowed()
  const options = parseWriteOptions(request, { ...route, operation: 'Update' })
  const object = create(context, route, { body: required(parseBody(request)), options })
  return shown(context, route, { object, request, warnings: options.warnings, code: 201 })
}

function replaced(context: WriteContext, route: ResourceRoute, request: ApiRequest): Answer {
  const options = parseWriteOptions(request, { ...route, operation: 'Update' })
  const body = required(parseBody(request))
  const object = replace(context, route, { body, options })
  return shown(context, route, { object, request, warnings: options.warnings })
}

function replace(
  context: WriteContext,
  route: ResourceRoute,
  { body, options }: { readonly body: unknown; readonly options: WriteOptions },
): KubeObject {
  const { scale } = route.kind
  if (route.subresource === 'scale' && scale) {
    return update(context, route, { edit: (live) => applyScale(live, body, scale), options })
  }
  return update(context, route, { edit: () => body, options, needsVersion: true })
}

function required(body: unknown): unknown {
  if (body === undefined) throw badRequest('the request has no body')
  return body
}

function deleted(context: WriteContext, route: ResourceRoute, request: ApiRequest): Answer {
  const { kind, name } = route
  const options = parseDeleteOptions(parseBody(request), request.query)
  const { object, isGone } = remove(context, route, options)
  if (!isGone) return shown(context, route, { object, request })
  return { code: 200, body: removedStatus(kind, name, object) }
}

function evicted(context: WriteContext, route: ResourceRoute, request: ApiRequest): Answer {
  const eviction = objectOf(required(parseBody(request)))
  remove(context, route, parseDeleteOptions(eviction['deleteOptions'], request.query))
  return { code: 201, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } }
}

function removedStatus(kind: Kind, name: string, { metadata }: KubeObject): StatusBody {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name,
      ...(kind.group !== '' && { group: kind.group }),
      kind: kind.plural,
      ...(metadata.uid && { uid: metadata.uid }),
    },
  }
}

function emptied(context: WriteContext, route: ResourceRoute, request: ApiRequest): Answer {
  const options = parseDeleteOptions(parseBody(request), request.query)
  const selects = parseSelectors(route, request.query)
  const { items, metadata } = list(context.store, route, request.query)
  const chosen = selects ? items.filter((object) => selects(object)) : items
  for (const object of chosen) {
    const { name, namespace = '' } = object.metadata
    remove(context, { kind: route.kind, name, namespace, subresource: '' }, options)
  }
  const form = parseForm(request.accept, request.query)
  const nowMs = context.clock()
  return { code: 200, body: renderList(chosen, metadata, { kind: route.kind, form, nowMs }) }
}
