// Paths that answer with a document about the server: discovery, OpenAPI, version and health.
import { apiVersions, group, groupList, resourceList, versionInfo } from './discovery.ts'
import { at, type JsonObject, objectOf } from './json.ts'
import { openapiDocument, openapiIndex } from './openapi.ts'
import type { Registry } from './registry.ts'
import type { ApiRequest } from './request.ts'
import { parseJsonText } from './request.ts'

export type Document = JsonObject | string | null

/** Null when the path is not one of these. */
export function readDocument(registry: Registry, request: ApiRequest): Document {
  const [first = '', second = '', third = '', ...rest] = request.segments
  const kinds = registry.all()
  switch (first) {
    case 'healthz':
    case 'livez':
    case 'readyz':
      return 'ok'
    case 'version':
      return versionInfo()
    case 'openapi':
      if (second !== 'v3') return null
      return third === '' ? openapiIndex(kinds) : openapiDocument(kinds, [third, ...rest].join('/'))
    case 'api':
      if (second === '') return apiVersions()
      return third === '' ? resourceList(kinds, second) : null
    case 'apis':
      if (second === '') return groupList(kinds)
      if (third === '') return group(kinds, second)
      return rest.length === 0 ? resourceList(kinds, `${second}/${third}`) : null
    default:
      return null
  }
}

const reviews = ['selfsubjectaccessreviews', 'subjectaccessreviews', 'selfsubjectrulesreviews']

/** Access reviews are answered, and always allowed: the lab has no roles. */
export function reviewAccess(request: ApiRequest): JsonObject | null {
  const [first, second, , plural = ''] = request.segments
  if (first !== 'apis' || second !== 'authorization.k8s.io' || !reviews.includes(plural))
    return null
  if (request.method !== 'POST') return null
  const review = objectOf(parseJsonText(request.text))
  return {
    ...review,
    metadata: objectOf(at(review, ['metadata'])),
    status: { allowed: true, reason: 'the lab allows everything' },
  }
}
