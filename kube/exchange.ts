// One call in, one answer out: credentials, pace, deadline, Retry-After and bounded retries.
import { type Answer, badAnswer, errorOf, noAnswer } from './answer.ts'
import { ApiError, type ObjectKey, type Resource } from './api.ts'
import { type Clock, withDeadline } from './clock.ts'
import { anonymousCredentials, type Credentials } from './credentials.ts'
import { AnswerTooLarge, createHttp, type Exchange, type Http } from './http.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'replace' | 'patch' | 'delete'

export interface RequestReport {
  readonly verb: Verb
  /** Plural of the kind. */
  readonly resource: string
  readonly subresource: string | undefined
  /** Status of the answer; 0 when none came. */
  readonly code: number
  readonly ms: number
}

export interface KubeApiOptions {
  readonly server: string
  /** Default: none, for a server on loopback. */
  readonly credentials?: Credentials
  readonly clock: Clock
  /** In [0, 1), for the jitter of retries. */
  readonly random: () => number
  /** Told of every exchange, retries included. Must not throw. */
  readonly observer?: (request: RequestReport) => void
  /** Longest time of a call with its retries, ms. Default 30 s. */
  readonly deadlineMs?: number
  /** The same for writes; below what remains of a lease. Default: `deadlineMs`. */
  readonly writeDeadlineMs?: number
  /** Exchanges per call, the first included. Default 4. */
  readonly attempts?: number
  /** Connections for requests. Default 32. */
  readonly connections?: number
  /** Connections for watches, one each. Default 100. */
  readonly watchConnections?: number
  /** Default 64 MiB. */
  readonly answerLimitBytes?: number
  /** Longest line of a watch. Default 8 MiB: etcd takes 1.5 MiB, JSON may escape. */
  readonly lineLimitBytes?: number
  /** Pace of exchanges. Default: no limit. */
  readonly pace?: { readonly perSecond: number; readonly burst: number }
  /** Default `sluice`. */
  readonly fieldManager?: string
  /** Default `sluice`. */
  readonly userAgent?: string
}

export interface Call {
  readonly verb: Verb
  readonly resource: Resource
  readonly key: ObjectKey
  readonly subresource?: string | undefined
  readonly exchange: Omit<Exchange, 'headers'>
  readonly contentType?: string
}

export interface Connection {
  readonly options: KubeApiOptions
  readonly credentials: Credentials
  readonly bucket: TokenBucket | undefined
  /** The pools for the certificates of now. */
  http(): Http
  close(): Promise<void>
}

const retryBaseMs = 100
const retryCapMs = 5_000

/** Sends until an answer, a refusal that a retry cannot change, or the deadline. Throws `ApiError`. */
export async function send(connection: Connection, call: Call): Promise<Answer> {
  const { clock, attempts = 4, deadlineMs = 30_000 } = connection.options
  const limitMs = isRead(call) ? deadlineMs : (connection.options.writeDeadlineMs ?? deadlineMs)
  const what = describe(call)
  const deadlineAtMs = clock.monotonic() + limitMs
  const reason = () => noAnswer(what, `no answer within ${limitMs} ms`)
  return withDeadline({ clock, ms: limitMs, reason }, async (signal) => {
    let refresh = false
    for (let count = 1; ; count += 1) {
      try {
        return await sendOnce(connection, call, { signal, refresh })
      } catch (cause) {
        const error = asApiError(what, cause, signal)
        const isFirstRefusal: boolean = error.code === 401 && !refresh
        refresh ||= isFirstRefusal
        const waitMs = isFirstRefusal ? 0 : retryDelayMs(connection, call, { error, count })
        const isLate = waitMs !== null && clock.monotonic() + waitMs >= deadlineAtMs
        if (waitMs === null || isLate || count >= attempts || signal.aborted) throw error
        await clock.sleep(waitMs, signal)
        // A process that stood still meanwhile has lost its lease, and this timer fires before that of the deadline.
        if (clock.monotonic() >= deadlineAtMs) throw error
      }
    }
  })
}

export function connect(options: KubeApiOptions): Connection {
  const credentials = options.credentials ?? anonymousCredentials(options.server)
  const open = () =>
    createHttp({
      server: options.server,
      tls: credentials.tls,
      connections: options.connections ?? 32,
      watchConnections: options.watchConnections ?? 100,
      answerLimitBytes: options.answerLimitBytes ?? 64 * 2 ** 20,
    })
  const retired = new Set<Http>()
  let tls = credentials.tls
  let current = open()
  let isClosed = false

  const replace = () => {
    const old = current
    tls = credentials.tls
    current = open()
    retired.add(old)
    const forget = () => void retired.delete(old)
    old.retire().then(forget, forget)
  }

  return {
    options,
    credentials,
    bucket: options.pace && createTokenBucket({ clock: options.clock, ...options.pace }),
    http() {
      if (!isClosed && credentials.tls !== tls) replace()
      return current
    },
    async close() {
      isClosed = true
      await Promise.all([current, ...retired].map((http) => http.close()))
    },
  }
}

export async function headersOf(
  connection: Connection,
  call: Call,
  refresh: boolean,
): Promise<Record<string, string>> {
  return {
    accept: 'application/json',
    'user-agent': connection.options.userAgent ?? 'sluice',
    ...(call.contentType && { 'content-type': call.contentType }),
    ...(await connection.credentials.headers(refresh)),
  }
}

/** `get rollouts shop/checkout`, the start of every error. */
export function describe({ verb, resource, key, subresource }: Call): string {
  const name = [key.namespace, key.name].filter(Boolean).join('/')
  return [verb, subresource ? `${resource.plural}/${subresource}` : resource.plural, name]
    .filter(Boolean)
    .join(' ')
}

export function report(
  connection: Connection,
  call: Call,
  seen: { readonly code: number; readonly startedAtMs: number },
): void {
  connection.options.observer?.({
    verb: call.verb,
    resource: call.resource.plural,
    subresource: call.subresource,
    code: seen.code,
    ms: connection.options.clock.monotonic() - seen.startedAtMs,
  })
}

/** Whatever was thrown, as the one error callers know. */
export function asApiError(what: string, cause: unknown, signal: AbortSignal): ApiError {
  if (cause instanceof ApiError) return cause
  if (signal.aborted && signal.reason instanceof ApiError) return signal.reason
  const why = cause instanceof Error ? cause.message || codeOf(cause) : 'the exchange failed'
  return cause instanceof AnswerTooLarge ? badAnswer(what, why) : noAnswer(what, why, cause)
}

async function sendOnce(
  connection: Connection,
  call: Call,
  state: { readonly signal: AbortSignal; readonly refresh: boolean },
): Promise<Answer> {
  const { clock } = connection.options
  await connection.bucket?.take(state.signal)
  const headers = await headersOf(connection, call, state.refresh)
  state.signal.throwIfAborted()
  const startedAtMs = clock.monotonic()
  let code = 0
  try {
    const answer = await connection.http().send({ ...call.exchange, headers }, state.signal)
    code = answer.code
    if (code >= 200 && code < 300) return answer
    throw errorOf(describe(call), answer, clock.now())
  } finally {
    report(connection, call, { code, startedAtMs })
  }
}

/**
 * Null when another exchange would be wrong or useless. A read may always be sent again; a write only
 * when the server said that it refused it, for else its outcome is unknown and the caller must read.
 */
function retryDelayMs(
  connection: Connection,
  call: Call,
  { error, count }: { readonly error: ApiError; readonly count: number },
): number | null {
  const wasRefused = error.code === 429 || (error.code === 503 && error.retryAfterMs !== undefined)
  const isPassing = [0, 500, 502, 503, 504].includes(error.code) && error.reason !== 'BadAnswer'
  if (!wasRefused && !(isRead(call) && isPassing)) return null
  const spreadMs = Math.min(retryCapMs, retryBaseMs * 2 ** count)
  const jitterMs = spreadMs * (0.5 + connection.options.random() / 2)
  return (error.retryAfterMs ?? 0) + jitterMs
}

function isRead(call: Call): boolean {
  return call.exchange.method === 'GET'
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
