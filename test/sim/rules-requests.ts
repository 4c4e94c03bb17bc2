// Invariants of requests (A1, A4, A5): asked at each answer a controller gets.
import { ApiError, type KubeObject } from '../../kube/api.ts'
import { leases, rollouts } from '../../kube/resources.ts'
import { isOlderVersion } from '../../kube/store.ts'
import type { Requested } from './client.ts'
import type { Process } from './kernel.ts'

/** What one process did with one object. */
interface Dealings {
  /** Version that its own last write gave the object. */
  ownVersion: string
  uid: string
  /** It was told to come back no sooner, ms. */
  notBefore: number
  /** Requests since a time. */
  count: number
  countedFrom: number
}

/** Requests about one object in one minute, above which something runs hot. */
const mostPerMinute = 240

export function createRequestRules(now: () => number) {
  const dealings = new Map<string, Dealings>()

  const of = (process: Process, { call }: Requested, verb: string): Dealings => {
    const place = `${process.name} ${call.resource.plural} ${call.key.name} ${verb}`
    const known = dealings.get(place)
    if (known) return known
    const fresh = { ownVersion: '', uid: '', notBefore: 0, count: 0, countedFrom: now() }
    dealings.set(place, fresh)
    return fresh
  }

  return (requested: Requested): { name: string; says: string } | null => {
    const { call, process, error, sentAt } = requested
    if (call.verb === 'list' || call.resource.plural === leases.plural) return null
    const one = of(process, requested, call.verb)
    if (now() - one.countedFrom > 60_000) Object.assign(one, { count: 0, countedFrom: now() })
    one.count += 1
    if (one.count > mostPerMinute) {
      return {
        name: 'A5',
        says: `${one.count} requests in a minute: ${call.verb} ${call.key.name}`,
      }
    }
    if (sentAt + 1 < one.notBefore) {
      return { name: 'A5', says: `${call.verb} ${call.key.name} did not wait out Retry-After` }
    }
    if (error instanceof ApiError && error.retryAfterMs !== undefined) {
      one.notBefore = now() + error.retryAfterMs
    }
    if (call.verb === 'get') return null
    const object = of(process, requested, '')
    return precondition(requested, object) ?? remember(requested, object)
  }
}

function precondition({ call }: Requested, one: Dealings) {
  if (!call.verb.startsWith('replace')) return null
  const { metadata } = call.body as KubeObject
  const { resourceVersion, uid } = metadata
  if (resourceVersion === undefined) {
    return { name: 'A1', says: `${call.verb} ${call.key.name} without a version` }
  }
  const isSame = one.uid === '' || one.uid === uid
  if (isSame && one.ownVersion !== '' && isOlderVersion(resourceVersion, one.ownVersion)) {
    const what = `${call.verb} ${call.resource.plural} ${call.key.name}`
    return { name: 'A4', says: `${what} of ${resourceVersion} after our own ${one.ownVersion}` }
  }
  return null
}

function remember({ call, error, result }: Requested, one: Dealings): null {
  if (error || call.verb === 'delete' || result === undefined) return null
  const { metadata } = result as KubeObject
  // What Git says and what the loop decides are written side by side; only the loop's own order counts.
  if (call.resource.plural === rollouts.plural && !call.verb.endsWith('status')) return null
  one.ownVersion = metadata.resourceVersion ?? ''
  one.uid = metadata.uid ?? ''
  return null
}
