// Refusals of the API server. Each becomes the HTTP answer: its code, and its Status as the body.

export interface Cause {
  readonly reason?: string
  readonly message: string
  readonly field?: string
}

export interface StatusBody {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: { readonly continue?: string }
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: {
    readonly name?: string
    readonly group?: string
    readonly kind?: string
    readonly uid?: string
    readonly causes?: readonly Cause[]
    readonly retryAfterSeconds?: number
  }
  readonly code?: number
}

/** What a refusal is about, as messages and details name it. */
export interface Subject {
  readonly group: string
  readonly plural: string
  readonly kind: string
}

export class StatusError extends Error {
  readonly body: StatusBody
  readonly code: number
  constructor(
    code: number,
    reason: string,
    options: { message: string; details?: StatusBody['details']; continue?: string },
  ) {
    super(options.message)
    this.name = 'StatusError'
    this.code = code
    this.body = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: options.continue === undefined ? {} : { continue: options.continue },
      status: 'Failure',
      message: options.message,
      ...(reason !== '' && { reason }),
      ...(options.details && { details: options.details }),
      code,
    }
  }
}

const qualified = (subject: Subject): string =>
  subject.group === '' ? subject.plural : `${subject.plural}.${subject.group}`

const details = (subject: Subject, name: string) => ({
  name,
  ...(subject.group !== '' && { group: subject.group }),
  kind: subject.plural,
})

export function notFound(subject: Subject, name: string): StatusError {
  return new StatusError(404, 'NotFound', {
    message: `${qualified(subject)} "${name}" not found`,
    details: details(subject, name),
  })
}

/** The answer for a path that names nothing that is served. */
export function noSuchPath(): StatusError {
  return new StatusError(404, 'NotFound', {
    message: 'the server could not find the requested resource',
    details: {},
  })
}

export function alreadyExists(subject: Subject, name: string): StatusError {
  return new StatusError(409, 'AlreadyExists', {
    message: `${qualified(subject)} "${name}" already exists`,
    details: details(subject, name),
  })
}

export const staleMessage =
  'the object has been modified; please apply your changes to the latest version and try again'

export function conflict(subject: Subject, name: string, why: string): StatusError {
  return new StatusError(409, 'Conflict', {
    message: `Operation cannot be fulfilled on ${qualified(subject)} "${name}": ${why}`,
    details: details(subject, name),
  })
}

export function applyConflict(causes: readonly Cause[]): StatusError {
  const count = causes.length
  const lines = causes.map((cause) => `${cause.message}: ${cause.field}`)
  const message =
    count === 1
      ? `Apply failed with 1 conflict: ${lines[0]}`
      : `Apply failed with ${count} conflicts: ${lines.join('\n')}`
  return new StatusError(409, 'Conflict', { message, details: { causes } })
}

export function invalid(subject: Subject, name: string, causes: readonly Cause[]): StatusError {
  const lines = causes.map((cause) => `${cause.field}: ${cause.message}`)
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  const { group, kind } = subject
  return new StatusError(422, 'Invalid', {
    message: `${group === '' ? kind : `${kind}.${group}`} "${name}" is invalid: ${text}`,
    details: { name, ...(group !== '' && { group }), kind, causes },
  })
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', { message })
}

export function forbidden(subject: Subject, name: string, why: string): StatusError {
  return new StatusError(403, 'Forbidden', {
    message: `${qualified(subject)} "${name}" is forbidden: ${why}`,
    details: details(subject, name),
  })
}

export function expired(message: string, continueToken?: string): StatusError {
  return new StatusError(410, 'Expired', {
    message,
    ...(continueToken !== undefined && { continue: continueToken }),
  })
}

export function tooLargeRevision(asked: number, current: number): StatusError {
  return new StatusError(504, 'Timeout', {
    message: `Too large resource version: ${asked}, current: ${current}`,
    details: {
      retryAfterSeconds: 1,
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    },
  })
}

export function methodNotAllowed(): StatusError {
  return new StatusError(405, 'MethodNotAllowed', {
    message: 'the server does not allow this method on the requested resource',
    details: {},
  })
}

export function unsupportedMediaType(given: string, accepted: readonly string[]): StatusError {
  return new StatusError(415, 'UnsupportedMediaType', {
    message: `the body of the request was in an unknown format (${given}) - accepted media types include: ${accepted.join(', ')}`,
  })
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', { message: 'Unauthorized' })
}

export function tooLarge(limitBytes: number): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', {
    message: `Request entity too large: limit is ${limitBytes}`,
  })
}

export function tooManyRequests(message: string): StatusError {
  return new StatusError(429, 'TooManyRequests', { message, details: { retryAfterSeconds: 1 } })
}

/** An error that the real server passes on as it is: it says why, and gives no reason. */
export function unexplained(message: string): StatusError {
  return new StatusError(500, '', { message })
}

export function internalError(message: string): StatusError {
  return new StatusError(500, 'InternalError', { message })
}
