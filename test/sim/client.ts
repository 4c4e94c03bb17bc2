// The API as one controller process sees it: calls in, answers out, late, lost, refused or done without an
// answer. It keeps what kube/exchange.ts promises: a deadline, Retry-After, and retries of reads only.
import {
  ApiError,
  type KubeApi,
  type KubeObject,
  type ListQuery,
  type ObjectKey,
  type Resource,
} from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import { leases } from '../../kube/resources.ts'
import { type ApiServer, failure, type Writer } from './api-server.ts'
import type { Choices } from './choices.ts'
import type { Kernel, Process } from './kernel.ts'
import type { WatchHub } from './watches.ts'

export interface ClientParts {
  readonly kernel: Kernel
  readonly server: ApiServer
  readonly hub: WatchHub
  readonly choices: Choices
  readonly process: Process
  readonly clock: Clock
  readonly random: () => number
  /** Before and after each write: the place where a process may end or stand still. */
  readonly onWrite: (when: 'before' | 'after', call: Call) => void
  /** The invariants look at every request. */
  readonly onRequest: (request: Requested) => void
  /** Kinds that are not installed now. */
  readonly isMissing: (resource: Resource) => boolean
}

export interface Call {
  readonly verb: string
  readonly resource: Resource
  readonly key: ObjectKey
  readonly body?: unknown
}

/** One request as it was answered. */
export interface Requested {
  readonly process: Process
  readonly call: Call
  readonly sentAt: number
  readonly error: ApiError | null
  readonly result: unknown
}

const deadlineMs = { read: 30_000, write: 5_000 }
const attempts = 4
const latencyMs = 4

export function createClient(parts: ClientParts): KubeApi {
  const { server, hub, process } = parts
  const send = <T>(call: Call, effect: (by: Writer) => T): Promise<T> =>
    sendAll(parts, call, effect)
  return {
    get: (resource, key) =>
      send({ verb: 'get', resource, key }, () => {
        const found = server.get(resource, key)
        if (!found) throw failure(404, 'NotFound', `${resource.plural} ${key.name} not found`)
        return found
      }),
    list: (resource, query = {}) =>
      send({ verb: 'list', resource, key: { name: '' } }, () => listOf(parts, resource, query)),
    watch(resource, query, signal) {
      const timeoutMs = (query.timeoutSeconds ?? 600) * 1_000
      const from = Number(query.resourceVersion ?? 0)
      return hub.watch(process, { resource, selects: selecting(query), from, timeoutMs, signal })
    },
    create: (resource, object, _options) =>
      send({ verb: 'create', resource, key: object.metadata, body: object }, (by) =>
        server.create(by, resource, object),
      ),
    replace: (resource, object, options) =>
      send(
        { verb: verbOf('replace', options), resource, key: object.metadata, body: object },
        (by) => server.replace(by, resource, object, options),
      ),
    patch: (resource, key, type, body, options) =>
      send({ verb: verbOf(type, options), resource, key, body }, (by) =>
        server.patch(by, { resource, key, type, body, options }),
      ),
    delete: (resource, key, options) =>
      send({ verb: 'delete', resource, key, body: options }, (by) =>
        server.delete(by, resource, key, options),
      ),
  }
}

const verbOf = (verb: string, options: { subresource?: string | undefined } | undefined) =>
  options?.subresource ? `${verb} ${options.subresource}` : verb

const isRead = ({ verb }: Call) => verb === 'get' || verb === 'list'

function mayRepeat(call: Call, { code, reason, retryAfterMs }: ApiError): boolean {
  const wasRefused = code === 429 || (code === 503 && retryAfterMs !== undefined)
  const isPassing = [0, 500, 503].includes(code) && reason !== 'BadAnswer'
  return wasRefused || (isRead(call) && isPassing)
}

async function sendAll<T>(parts: ClientParts, call: Call, effect: (by: Writer) => T): Promise<T> {
  const { clock, random } = parts
  const limitMs = isRead(call) ? deadlineMs.read : deadlineMs.write
  const deadlineAt = clock.monotonic() + limitMs
  for (let count = 1; ; count += 1) {
    try {
      return await sendOnce(parts, call, { effect, leftMs: deadlineAt - clock.monotonic() })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (!mayRepeat(call, error)) throw error
      const waitMs =
        (error.retryAfterMs ?? 0) + Math.min(5_000, 100 * 2 ** count) * (0.5 + random() / 2)
      if (clock.monotonic() + waitMs >= deadlineAt || count >= attempts) throw error
      await clock.sleep(waitMs)
      // The process may have stood still meanwhile, and lost its lease.
      if (clock.monotonic() >= deadlineAt) throw error
    }
  }
}

interface Sending<T> {
  readonly effect: (by: Writer) => T
  readonly leftMs: number
}

function sendOnce<T>(parts: ClientParts, call: Call, { effect, leftMs }: Sending<T>): Promise<T> {
  const { kernel, process, choices } = parts
  const sentAt = kernel.now()
  return new Promise<T>((resolve, reject) => {
    let isAnswered = false
    const answer = (outcome: Outcome<T>) => {
      if (isAnswered) return
      isAnswered = true
      const isLate = kernel.now() - sentAt > leftMs
      const error = isLate && !isRead(call) ? noAnswer(call) : outcome.error
      parts.onRequest({ process, call, sentAt, error, result: outcome.value })
      if (error) reject(error)
      else resolve(outcome.value as T)
    }
    const slow = choices.at('K9')
    if (slow) {
      // Bytes that are under way arrive even when nobody waits for them any more.
      kernel.after(Math.min(leftMs, 60_000), () => answer({ error: noAnswer(call) }), process)
      kernel.after(slow.between(0, 1_000, 60_000), () => {
        const outcome = arrive(parts, call, { effect, sentAt })
        kernel.after(0, () => answer(outcome), process)
      })
      return
    }
    const land = () => {
      const outcome = arrive(parts, call, { effect, sentAt })
      if (!isRead(call)) parts.onWrite('after', call)
      if (!process.isAlive) return
      if (process.pausedUntil > kernel.now()) kernel.after(0, () => answer(outcome), process)
      else answer(outcome)
    }
    const leave = () => {
      if (!isRead(call)) parts.onWrite('before', call)
      if (!process.isAlive) return
      // Decided and not yet sent when the process stood still: it goes out when the process goes on.
      if (process.pausedUntil > kernel.now()) kernel.after(0, land, process)
      else land()
    }
    kernel.after(latencyMs, leave, process)
  })
}

interface Outcome<T> {
  readonly error: ApiError | null
  readonly value?: T
}

/** What the server does with a request, faults included. */
function arrive<T>(
  parts: ClientParts,
  call: Call,
  { effect, sentAt }: { effect: (by: Writer) => T; sentAt: number },
): Outcome<T> {
  const refusal = refuse(parts, call)
  if (refusal) return { error: refusal }
  const by = { name: parts.process.name, isController: true, sentAt, verb: call.verb }
  try {
    const value = effect(by)
    if (!isRead(call) && parts.choices.at('K4')) return { error: noAnswer(call) }
    return { error: null, value }
  } catch (error) {
    if (error instanceof ApiError) return { error }
    throw error
  }
}

function refuse({ choices, isMissing }: ClientParts, call: Call): ApiError | null {
  const what = `${call.verb} ${call.resource.plural} ${call.key.name}`
  if (isMissing(call.resource)) return failure(404, 'NotFound', `${what}: no such kind`)
  const busy = choices.at('K2')
  if (busy) return failure(429, 'TooManyRequests', what, Math.ceil(busy.between(0, 1, 10)) * 1_000)
  const broken = choices.at('K3')
  if (broken) {
    const kind = broken.unit(0)
    if (kind < 0.4) return failure(500, 'InternalError', what)
    return kind < 0.7 ? failure(503, 'ServiceUnavailable', what) : noAnswer(call)
  }
  if (choices.at('K11')) return failure(403, 'Forbidden', what)
  if (isRead(call) || call.resource.plural === leases.plural) return null
  if (choices.at('K1')) return failure(409, 'Conflict', `${what}: has changed`)
  if (choices.at('X5')) return failure(403, 'Forbidden', `admission webhook denied ${what}`)
  return null
}

function listOf({ server, choices }: ClientParts, resource: Resource, query: ListQuery) {
  const selects = selecting(query)
  if (query.continue !== undefined) {
    if (choices.at('K10')) throw failure(410, 'Expired', 'the continue token is too old')
    const [at = '0', skip = '0'] = query.continue.split(':')
    const items = server.listAt(resource, Number(at)).filter(selects).slice(Number(skip))
    return { items, resourceVersion: at }
  }
  const stale = choices.at('K7')
  const behind = stale ? Math.ceil(stale.between(0, 1, 12)) : 0
  const version = server.version() - behind
  const items = (stale ? server.listAt(resource, version) : server.list(resource)).filter(selects)
  const resourceVersion = String(version)
  const isPaged = items.length > 1 && choices.at('K10') !== null
  return isPaged
    ? { items: items.slice(0, 1), resourceVersion, continue: `${version}:1` }
    : { items, resourceVersion }
}

/** Only what the controller asks for: a label that is there. */
function selecting({ labelSelector, namespace }: ListQuery): (object: KubeObject) => boolean {
  return ({ metadata }) =>
    (labelSelector === undefined || metadata.labels?.[labelSelector] !== undefined) &&
    (namespace === undefined || metadata.namespace === namespace)
}

const noAnswer = ({ verb, resource, key }: Call) =>
  failure(0, 'NoAnswer', `${verb} ${resource.plural} ${key.name}: no answer`)
