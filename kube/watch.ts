// One watch: a request in, events out, until the server ends it, the caller does, or a limit is reached.
import { errorOf, noAnswer, parseEvent } from './answer.ts'
import type { ListQuery, Resource, WatchEvent } from './api.ts'
import { over, withDeadline } from './clock.ts'
import { asApiError, type Call, type Connection, describe, headersOf, report } from './exchange.ts'
import { readAll, type Stream } from './http.ts'
import { lines } from './lines.ts'
import { watchPath } from './paths.ts'

export interface WatchRequest {
  readonly resource: Resource
  readonly query: ListQuery & { readonly timeoutSeconds?: number }
  readonly signal: AbortSignal
}

const graceMs = 5_000
const errorLimitBytes = 2 ** 20
const lineLimitDefaultBytes = 8 * 2 ** 20
const timeoutDefaultSeconds = 600

/** Throws `ApiError` on anything but a clean end; ends quietly when `signal` fires. */
export async function* watch(
  connection: Connection,
  request: WatchRequest,
): AsyncGenerator<WatchEvent> {
  const { resource, query, signal } = request
  const { clock, lineLimitBytes = lineLimitDefaultBytes } = connection.options
  const call: Call = {
    verb: 'watch',
    resource,
    key: { namespace: query.namespace, name: '' },
    exchange: { method: 'GET', path: watchPath(resource, query) },
  }
  const what = describe(call)
  const ended = new AbortController()
  const stop = () => ended.abort(signal.reason)
  if (signal.aborted) return
  signal.addEventListener('abort', stop, { once: true })
  // A server that does not end the watch in time is taken for dead, whatever its socket says.
  const limitMs = (query.timeoutSeconds ?? timeoutDefaultSeconds) * 1000 + graceMs
  void clock.sleep(limitMs, ended.signal).then(() => {
    if (!ended.signal.aborted) ended.abort(noAnswer(what, `not ended within ${limitMs} ms`))
  })
  try {
    const chunks = await open(connection, call, ended.signal)
    for await (const line of lines(chunks, lineLimitBytes)) yield parseEvent(what, line, resource)
  } catch (cause) {
    if (!signal.aborted) throw asApiError(what, cause, ended.signal)
  } finally {
    signal.removeEventListener('abort', stop)
    ended.abort(over)
  }
}

/** The body of a watch whose head came in time; it is cut when `ended` fires. */
async function open(
  connection: Connection,
  call: Call,
  ended: AbortSignal,
): Promise<Stream['chunks']> {
  const { clock, deadlineMs = 30_000 } = connection.options
  const what = describe(call)
  await connection.bucket?.take(ended)
  const headers = await headersOf(connection, call, false)
  ended.throwIfAborted()
  const cut = new AbortController()
  const startedAtMs = clock.monotonic()
  let code = 0
  try {
    const reason = () => noAnswer(what, `no answer within ${deadlineMs} ms`)
    return await withDeadline({ clock, ms: deadlineMs, reason, outer: ended }, async (opening) => {
      opening.addEventListener('abort', () => cut.abort(opening.reason), { once: true })
      const { head, chunks } = await connection
        .http()
        .stream({ ...call.exchange, headers }, cut.signal)
      code = head.code
      if (code === 200) return chunks
      if (code === 401) await connection.credentials.headers(true)
      throw errorOf(what, { ...head, body: await readAll(chunks, errorLimitBytes) }, clock.now())
    })
  } catch (error) {
    throw asApiError(what, error, cut.signal)
  } finally {
    ended.addEventListener('abort', () => cut.abort(ended.reason), { once: true })
    report(connection, call, { code, startedAtMs })
  }
}
