// One HTTP request in, the JSON of its answer out. No redirects, no proxies, bounded in size and time; no error
// holds a header.
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { LookupFunction } from 'node:net'
import axios from 'axios'
import { ProviderError } from '../provider.ts'

export interface JsonRequest {
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** How the name of the host is resolved; as usual without it. */
  readonly lookup?: LookupFunction
}

export interface JsonAnswer {
  readonly status: number
  /** Undefined when the body is no JSON. */
  readonly value: unknown
}

const limits = { timeoutMs: 10_000, bytes: 1024 * 1024 }

/** Rejects with `ProviderError` when there is no answer. */
export async function askJson(
  request: JsonRequest,
  { timeoutMs, bytes }: typeof limits = limits,
): Promise<JsonAnswer> {
  const { url, method, headers = {}, body, lookup } = request
  const agentOptions = lookup ? { lookup } : {}
  const httpAgent = new HttpAgent(agentOptions)
  const httpsAgent = new HttpsAgent(agentOptions)
  try {
    const { status, data } = await axios.request<unknown>({
      ...{ url: url.href, method, httpAgent, httpsAgent },
      ...(body === undefined ? {} : { data: body }),
      timeout: timeoutMs,
      // The timeout of axios is for silence; a server that drips bytes is cut off by this one.
      signal: AbortSignal.timeout(timeoutMs),
      maxRedirects: 0,
      maxContentLength: bytes,
      proxy: false,
      responseType: 'text',
      transformRequest: (data: unknown) => data,
      transformResponse: (text: unknown) => text,
      validateStatus: () => true,
      headers: { Accept: 'application/json', ...headers },
    })
    return { status, value: parsed(data) }
  } catch (error) {
    // The error of axios carries the request with its headers: only its code leaves this function.
    const code = axios.isAxiosError(error) ? (error.code ?? 'no code') : 'no code'
    const isLarge = axios.isAxiosError(error) && error.message.includes('maxContentLength')
    const isSlow = ['ECONNABORTED', 'ERR_CANCELED', 'ETIMEDOUT'].includes(code)
    const said = isLarge
      ? `answers more than ${bytes} bytes`
      : isSlow
        ? `did not answer within ${timeoutMs / 1_000}s`
        : `can not be reached (${code})`
    throw new ProviderError(`${url.host} ${said}`, { isAboutQuery: isLarge })
  } finally {
    httpAgent.destroy()
    httpsAgent.destroy()
  }
}

/** The JSON of an answer with status 200; rejects with what the status says otherwise. */
export function soundValue({ status, value }: JsonAnswer, host: string): unknown {
  const fail = (message: string): never => {
    throw new ProviderError(`${host} ${message}`, { isAboutQuery: false })
  }
  if (status >= 300 && status < 400) fail(`redirects (${status}): name the address it redirects to`)
  if (status === 401 || status === 403) fail(`refuses access (${status}): check the Secret`)
  if (status < 200 || status >= 300) fail(`answers status ${status}`)
  if (value === undefined) fail('does not answer JSON')
  return value
}

function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
