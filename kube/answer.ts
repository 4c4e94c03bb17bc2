// Bodies of the API server in, objects, events and errors out. What is not an API answer is named, never guessed.
import { z } from 'zod'
import {
  ApiError,
  type KubeObject,
  type ObjectList,
  type Resource,
  type WatchEvent,
} from './api.ts'

export interface Answer {
  readonly code: number
  readonly contentType: string
  readonly retryAfter: string | undefined
  readonly body: string
}

const StatusBody = z.looseObject({
  kind: z.literal('Status'),
  code: z.number().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z.looseObject({ retryAfterSeconds: z.number().optional() }).optional(),
})

const messageLimit = 1024

/** An error that no answer explains. For a write it means: the outcome is unknown, read again. */
export function noAnswer(what: string, why: string, cause?: unknown): ApiError {
  return new ApiError({ code: 0, reason: 'NoAnswer', message: `${what}: ${why}` }, { cause })
}

/** An answer that is no API answer, or that is over a limit. Asking again would give the same. */
export function badAnswer(what: string, why: string, cause?: unknown): ApiError {
  return new ApiError({ code: 0, reason: 'BadAnswer', message: `${what}: ${why}` }, { cause })
}

/** The error that an answer other than 2xx stands for. */
export function errorOf(what: string, answer: Answer, nowMs: number): ApiError {
  const status = StatusBody.safeParse(tryParse(answer.body))
  const retryAfterMs =
    parseRetryAfter(answer.retryAfter, nowMs) ??
    secondsToMs(status.success ? status.data.details?.retryAfterSeconds : undefined)
  const message = status.success
    ? (status.data.message ?? status.data.reason ?? `status ${answer.code}`)
    : `status ${answer.code}, ${describeBody(answer)}`
  return new ApiError(
    {
      code: answer.code,
      reason: (status.success && status.data.reason) || reasonOf(answer.code),
      message: `${what}: ${message}`.slice(0, messageLimit),
    },
    retryAfterMs === undefined ? undefined : { retryAfterMs },
  )
}

export function parseObject(what: string, answer: Answer, resource: Resource): KubeObject {
  const value = parseBody(what, answer)
  if (isObject(value)) return named(value, resource)
  throw badAnswer(what, `the answer is no ${resource.kind}`)
}

export function parseList(what: string, answer: Answer, resource: Resource): ObjectList {
  const value = parseBody(what, answer)
  if (!isRecord(value) || !isRecord(value.metadata)) {
    throw badAnswer(what, `the answer is no list of ${resource.kind}`)
  }
  const items = value.items ?? []
  if (!Array.isArray(items) || !items.every(isObject)) {
    throw badAnswer(what, `the answer holds items that are no ${resource.kind}`)
  }
  const { resourceVersion, continue: token } = value.metadata
  return {
    items: items.map((item) => named(item, resource)),
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
    continue: typeof token === 'string' && token !== '' ? token : undefined,
  }
}

/** One line of a watch. A line that is no event is an error: the caller must reconnect. */
export function parseEvent(what: string, line: string, resource: Resource): WatchEvent {
  const value = tryParse(line)
  if (!isRecord(value)) throw badAnswer(what, `garbled line ${JSON.stringify(line.slice(0, 80))}`)
  const { type, object } = value
  if (type === 'ERROR') {
    const status = StatusBody.safeParse(object)
    const { code = 500, reason = 'Unknown', message = 'no message' } = status.data ?? {}
    return { type, status: { code, reason, message: `${what}: ${message}`.slice(0, messageLimit) } }
  }
  if (type === 'BOOKMARK' && isRecord(object) && isRecord(object.metadata)) {
    const metadata = { ...object.metadata, name: '' }
    return { type, object: named({ apiVersion: '', kind: '', metadata }, resource) }
  }
  if ((type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') && isObject(object)) {
    return { type, object: named(object, resource) }
  }
  throw badAnswer(what, `event ${JSON.stringify(line.slice(0, 80))} is not known`)
}

/** Retry-After in its two forms, seconds and an HTTP date, ms from now. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}

// Items of lists carry no apiVersion and kind for built-in kinds.
function named(object: KubeObject, resource: Resource): KubeObject {
  object.apiVersion ||= resource.apiVersion
  object.kind ||= resource.kind
  return object
}

function parseBody(what: string, answer: Answer): unknown {
  try {
    return JSON.parse(answer.body)
  } catch (cause) {
    throw badAnswer(what, `status ${answer.code} with ${describeBody(answer)}`, cause)
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function describeBody({ contentType, body }: Answer): string {
  const start = body.slice(0, 80).replace(/\s+/g, ' ').trim()
  return `${contentType || 'no content type'}: ${start === '' ? 'empty body' : start}`
}

function reasonOf(code: number): string {
  return (
    { 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 410: 'Expired' }[code] ?? 'Unknown'
  )
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}

function isObject(value: unknown): value is KubeObject {
  return isRecord(value) && isRecord(value.metadata) && typeof value.metadata.name === 'string'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
