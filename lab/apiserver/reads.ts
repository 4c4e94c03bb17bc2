// Lists: a query in, one consistent page out.
import type { KubeObject } from '../../kube/api.ts'
import type { JsonObject } from './json.ts'
import { type Kind, present } from './kinds.ts'
import { continueToken, type Page, page, parseContinue } from './paging.ts'
import { type Predicate, parseFieldSelector, parseLabelSelector } from './selectors.ts'
import { badRequest, expired, StatusError, tooLargeRevision } from './status-error.ts'
import type { Store } from './store.ts'

export interface Collection {
  readonly kind: Kind
  /** Empty for all namespaces, and for kinds of the cluster. */
  readonly namespace: string
}

export interface ListResult {
  readonly items: readonly KubeObject[]
  readonly metadata: JsonObject
}

/** What the selectors of a query let through. */
export function parseSelectors({ kind }: Collection, query: URLSearchParams): Predicate | null {
  const labels = query.get('labelSelector')
  const fields = query.get('fieldSelector')
  if (!labels && !fields) return null
  const byLabel = parseLabelSelector(labels ?? '')
  const byField = parseFieldSelector(fields ?? '', kind.fields)
  return (object) => byLabel(object) && byField(present(kind, object))
}

export function parseRevision(text: string | null, name = 'resourceVersion'): number | null {
  if (text === null || text === '') return null
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid ${name}: ${text}`)
  return Number(text)
}

export function list(store: Store, collection: Collection, query: URLSearchParams): ListResult {
  const limit = parseRevision(query.get('limit'), 'limit') ?? 0
  const position = startOf(store, query)
  const entries = entriesAt(store, collection, position)
  const selects = parseSelectors(collection, query)
  const selected = selects ? entries.filter(([, object]) => selects(object)) : entries
  const found: Page<KubeObject> = page(selected, position.after, limit)
  const { revision } = position
  return {
    items: found.items,
    metadata: {
      resourceVersion: String(revision),
      ...(found.last !== null && { continue: continueToken({ revision, after: found.last }) }),
      ...(found.last !== null && !selects && { remainingItemCount: found.remaining }),
    },
  }
}

interface Start {
  readonly revision: number
  readonly after: string | null
}

/** Where a list starts: at a continue token, at an exact revision, or now. */
function startOf(store: Store, query: URLSearchParams): Start {
  const token = query.get('continue')
  const asked = parseRevision(query.get('resourceVersion'))
  const match = query.get('resourceVersionMatch')
  const current = store.revision()
  if (token) {
    if (asked !== null && asked !== 0) {
      throw badRequest('specifying resource version is not allowed when using continue')
    }
    const position = parseContinue(token)
    return { ...position, revision: position.revision < 0 ? current : position.revision }
  }
  if (match !== null && match !== '' && asked === null) {
    throw badRequest('resourceVersionMatch is forbidden unless resourceVersion is provided')
  }
  if (asked !== null && asked > current) throw tooLargeRevision(asked, current)
  const isExact = match === 'Exact' || (match === null && asked && query.get('limit'))
  return { revision: isExact && asked ? asked : current, after: null }
}

function entriesAt(
  store: Store,
  { kind, namespace }: Collection,
  { revision, after }: Start,
): readonly [string, KubeObject][] {
  const entries = historical(store, kind, { revision, after })
  if (namespace === '') return entries
  return entries.filter(([key]) => key.startsWith(`${namespace}/`))
}

function historical(store: Store, kind: Kind, { revision, after }: Start) {
  try {
    return store.list(kind.storage, revision)
  } catch (error) {
    if (!(error instanceof StatusError) || after === null) throw error
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results.',
      continueToken({ revision: -1, after }),
    )
  }
}
