// A request to the API of a host in; its answer in the expected form, or an error without any secret, out.
import { readFile } from 'node:fs/promises'
import axios, { type AxiosResponse } from 'axios'
import type { z } from 'zod'

export interface HostClient {
  /** Sends a request; resolves to the answer in the form of `schema`. Rejects with `HostError`. */
  request<Answer>(schema: z.ZodType<Answer>, request: HostRequest): Promise<Answer>
}

export interface HostRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  /** Below the base address; parts from outside are encoded by the caller. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** What is tried, for the error: "open a pull request". */
  readonly purpose: string
}

/**
 * refused: the token may not do it. missing: no such project, or the token may not see it. conflict: the host
 * does not want it in this form. later: try again, not before `retryAfterMs`.
 */
export type HostErrorReason = 'refused' | 'missing' | 'conflict' | 'later'

export class HostError extends Error {
  readonly reason: HostErrorReason
  readonly status: number | null
  readonly retryAfterMs: number | null
  constructor(message: string, more: Pick<HostError, 'reason' | 'status' | 'retryAfterMs'>) {
    super(message)
    this.name = 'HostError'
    this.reason = more.reason
    this.status = more.status
    this.retryAfterMs = more.retryAfterMs
  }
}

export interface ClientOptions {
  readonly base: string
  readonly tokenFile: string
  readonly authorization: (token: string) => readonly [string, string]
  readonly timeoutMs?: number | undefined
}

const maxAnswerBytes = 4 * 1024 * 1024
const maxTokenCharacters = 4_096
const longestRetryMs = 15 * 60_000

export function openClient(options: ClientOptions): HostClient {
  const { timeoutMs = 15_000, authorization } = options
  const base = checkedBase(options.base)
  const host = new URL(base).host

  async function send(request: HostRequest): Promise<AxiosResponse<unknown>> {
    const { method, path, query, body, purpose } = request
    const [header, value] = authorization(await readToken(options.tokenFile))
    try {
      return await axios.request<unknown>({
        method,
        url: `${base}${path}`,
        params: query,
        data: body,
        // The timeout of axios is for silence; a host that drips bytes is cut off by the signal.
        timeout: timeoutMs,
        signal: AbortSignal.timeout(timeoutMs),
        // A redirect would carry the token to another place.
        maxRedirects: 0,
        maxContentLength: maxAnswerBytes,
        proxy: false,
        validateStatus: () => true,
        headers: { [header]: value, Accept: 'application/json', 'User-Agent': 'sluice' },
      })
    } catch (error) {
      // The error of axios holds the request with its token: only its code is kept.
      const code = axios.isAxiosError(error) ? (error.code ?? 'unknown') : 'unknown'
      const message = `${host} could not be asked to ${purpose} (${code}); trying again later`
      throw new HostError(message, { reason: 'later', status: null, retryAfterMs: null })
    }
  }

  return {
    async request(schema, request) {
      const { purpose } = request
      const { status, headers, data } = await send(request)
      if (status < 200 || status >= 300) throw answerError({ host, status, purpose, headers })
      const answer = schema.safeParse(data)
      if (answer.success) return answer.data
      const message = `${host} does not speak the API that was expected when asked to ${purpose}: check host.kind and host.api`
      throw new HostError(message, { reason: 'conflict', status, retryAfterMs: null })
    },
  }
}

type AnswerHeaders = Readonly<Record<string, unknown>>

function answerError(answer: {
  readonly host: string
  readonly status: number
  readonly purpose: string
  readonly headers: AnswerHeaders
}): HostError {
  const { host, status, purpose, headers } = answer
  const retryAfterMs = retryAfter(headers)
  const isLimited = status === 429 || (status === 403 && isExhausted(headers))
  const reason: HostErrorReason =
    isLimited || status >= 500
      ? 'later'
      : status === 401 || status === 403
        ? 'refused'
        : status === 404
          ? 'missing'
          : 'conflict'
  const remedy = {
    later: isLimited ? 'too many requests; trying again later' : 'trying again later',
    refused: 'check that the token is valid and may do this',
    missing: 'check the repository URL, and that the token may see it',
    conflict:
      status < 400 ? 'set the address that it redirects to' : 'it does not accept this request',
  }[reason]
  const message = `${host} answered ${status} when asked to ${purpose}: ${remedy}`
  return new HostError(message, { reason, status, retryAfterMs })
}

function isExhausted(headers: AnswerHeaders): boolean {
  return headers['retry-after'] !== undefined || String(headers['x-ratelimit-remaining']) === '0'
}

function retryAfter(headers: AnswerHeaders): number | null {
  const seconds = Number(headers['retry-after'])
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1_000, longestRetryMs) : null
}

async function readToken(path: string): Promise<string> {
  const token = await readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
  if (token === '' || token.length > maxTokenCharacters || /[^\x21-\x7e]/.test(token)) {
    const message = 'the token of the host is missing, empty or no plain text; check its secret'
    throw new HostError(message, { reason: 'refused', status: null, retryAfterMs: null })
  }
  return token
}

function checkedBase(base: string): string {
  const url = URL.canParse(base) ? new URL(base) : null
  const isPlain =
    url !== null &&
    (url.protocol === 'https:' || url.protocol === 'http:') &&
    url.username === '' &&
    url.password === '' &&
    url.search === '' &&
    url.hash === ''
  if (!isPlain)
    throw new Error('the API of a host must be an https or http URL without credentials')
  return url.href.replace(/\/+$/, '')
}

/** Links from a host are shown to people: nothing but http and https. */
export function safeUrl(url: string): string {
  return /^https?:\/\/[^\s"'<>]{1,2000}$/.test(url) ? url : ''
}
