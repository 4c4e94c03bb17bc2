// Kinds and keys in, URL paths of the API server out. Pure.
import type { ListQuery, ObjectKey, Resource } from './api.ts'

export type Parameters = Readonly<Record<string, string | number | boolean | undefined>>

/** Path of one object, or of a subresource of it. Throws on a name that would change the path. */
export function objectPath(resource: Resource, key: ObjectKey, subresource?: string): string {
  if (resource.namespaced && !key.namespace) {
    throw new Error(`${resource.kind} ${key.name} has no namespace`)
  }
  const path = `${collectionPath(resource, key.namespace)}/${segment(key.name)}`
  return subresource === undefined ? path : `${path}/${segment(subresource)}`
}

/** Path of all objects of a kind, in one namespace or in all. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.apiVersion.includes('/') ? '/apis' : '/api'
  const version = resource.apiVersion.split('/').map(segment).join('/')
  const scope =
    resource.namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : ''
  return `${root}/${version}${scope}/${segment(resource.plural)}`
}

export function withParameters(path: string, parameters: Parameters): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name}=${encodeURIComponent(String(value))}`],
  )
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

export function listPath(resource: Resource, query: ListQuery): string {
  return withParameters(collectionPath(resource, query.namespace), {
    labelSelector: query.labelSelector,
    fieldSelector: query.fieldSelector,
    limit: query.limit,
    continue: query.continue,
    resourceVersion: query.resourceVersion,
  })
}

export function watchPath(
  resource: Resource,
  query: ListQuery & { readonly timeoutSeconds?: number },
): string {
  return withParameters(collectionPath(resource, query.namespace), {
    watch: true,
    allowWatchBookmarks: true,
    labelSelector: query.labelSelector,
    fieldSelector: query.fieldSelector,
    resourceVersion: query.resourceVersion,
    timeoutSeconds: query.timeoutSeconds,
  })
}

function segment(text: string): string {
  if (text === '' || text === '.' || text === '..' || /[/\\%\0]/.test(text)) {
    throw new Error(`${JSON.stringify(text)} cannot be part of a path of the API server`)
  }
  return encodeURIComponent(text)
}
