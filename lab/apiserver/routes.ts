// Paths: the text of a request line in, what it addresses out.
import { type Kind, podStorage } from './kinds.ts'
import type { Registry } from './registry.ts'
import { noSuchPath } from './status-error.ts'

export interface ResourceRoute {
  readonly kind: Kind
  /** Empty for all namespaces, and for kinds of the cluster. */
  readonly namespace: string
  /** Empty for the collection. */
  readonly name: string
  readonly subresource: '' | 'status' | 'scale'
  /** A pod is asked to go, as far as budgets allow; there are none here. */
  readonly isEviction: boolean
}

/** Reads `/api/v1/…` and `/apis/group/version/…`. Fails with 404 when nothing is served there. */
export function parseResourcePath(segments: readonly string[], registry: Registry): ResourceRoute {
  const [root, ...rest] = segments
  const [group = '', version = '', ...path] = root === 'api' ? ['', ...rest] : rest
  const { namespace, plural, name, subresource } = split(path)
  const kind = registry.find(group, version, plural)
  if (!kind || (namespace !== '' && !kind.namespaced)) throw noSuchPath()
  if (kind.namespaced && namespace === '' && name !== '') throw noSuchPath()
  const isEviction = subresource === 'eviction' && kind.storage === podStorage && name !== ''
  const part = isEviction ? '' : served(kind, subresource)
  return { kind, namespace, name, subresource: part, isEviction }
}

interface Parts {
  readonly namespace: string
  readonly plural: string
  readonly name: string
  readonly subresource: string
}

/** `namespaces/shop/pods/web` names a pod; `namespaces/shop/status` a part of a namespace. */
function split(path: readonly string[]): Parts {
  const [first = '', second = '', third = '', ...others] = path
  const isNamespace = third === '' || third === 'status' || third === 'finalize'
  if (first === 'namespaces' && !isNamespace) {
    const [name = '', subresource = '', ...surplus] = others
    if (surplus.length > 0) throw noSuchPath()
    return { namespace: second, plural: third, name, subresource }
  }
  if (others.length > 0) throw noSuchPath()
  return { namespace: '', plural: first, name: second, subresource: third }
}

function served(kind: Kind, subresource: string): ResourceRoute['subresource'] {
  if (subresource === '') return ''
  if (subresource === 'status' && kind.hasStatus) return 'status'
  if (subresource === 'scale' && kind.scale) return 'scale'
  throw noSuchPath()
}
