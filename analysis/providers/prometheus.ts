// The Prometheus HTTP API as a metrics provider: query text in, samples out. Whatever comes back is
// parsed by schema, bounded in size and time, and no error names a credential.
import { Agent as HttpAgent } from 'node:http'
import axios, { type AxiosResponse } from 'axios'
import { z } from 'zod'
import {
  type AnswerSize,
  type Provider,
  ProviderError,
  type RawProvider,
  type RawSamples,
  type Sample,
} from '../provider.ts'
import { type AccessOptions, createAccess } from './access.ts'

export interface PrometheusOptions extends AccessOptions {
  /** Base address, with a path prefix where there is one: `http://prometheus.monitoring:9090`. */
  readonly url: string
  /** Hosts, as `host` or `host:port`, that may be asked. Without it any host may. */
  readonly allowedHosts?: readonly string[]
  readonly timeoutMs?: number
  readonly maxResponseBytes?: number
}

/**
 * A provider that asks one Prometheus, or what speaks its API (Thanos, Mimir, VictoriaMetrics).
 * Throws when the address is none that may be asked.
 */
export function prometheusProvider(
  options: PrometheusOptions,
): Provider & RawProvider & { close(): void } {
  const { timeoutMs = 10_000, maxResponseBytes = 8 * 1024 * 1024 } = options
  const address = parseAddress(options)
  const httpAgent = new HttpAgent({ keepAlive: true, maxSockets: 16 })
  const access = createAccess(options, address.host)
  const request = async (promql: string, atMs: number, size: AnswerSize) => {
    const [own, httpsAgent] = await Promise.all([access.headers(), access.httpsAgent()])
    return axios.post<unknown>(
      endpoint(address),
      new URLSearchParams({
        query: promql,
        time: (atMs / 1_000).toFixed(3),
        timeout: `${timeoutMs}ms`,
      }).toString(),
      {
        httpAgent,
        httpsAgent,
        timeout: timeoutMs,
        // The timeout of axios is for silence; a server that drips bytes is cut off by this one.
        signal: AbortSignal.timeout(timeoutMs),
        maxRedirects: 0,
        maxContentLength: maxResponseBytes,
        proxy: false,
        responseType: 'text',
        transformResponse: (body: unknown) => body,
        validateStatus: () => true,
        headers: {
          ...own,
          'Content-Type': 'application/x-www-form-urlencoded',
          Accept: 'application/json',
          // Compressing small answers costs Prometheus four times the work of the query itself.
          'Accept-Encoding': size === 'grouped' ? 'gzip' : 'identity',
        },
      },
    )
  }
  const ask = async (promql: string, atMs: number, size: AnswerSize) => {
    let response: AxiosResponse<unknown>
    try {
      response = await request(promql, atMs, size)
    } catch (error) {
      throw requestError(error, { host: address.host, timeoutMs, maxResponseBytes })
    }
    return answerOf(response, address.host)
  }
  return {
    query: async (promql, atMs, size = 'single') =>
      distinct(samplesOf(await ask(promql, atMs, size))),
    raw: async (selector, atMs, size = 'single') =>
      distinct(rawSamplesOf(await ask(selector, atMs, size))),
    close() {
      httpAgent.destroy()
      access.close()
    },
  }
}

const Labels = z.record(z.string(), z.string())
const Point = z.tuple([z.number(), z.string()])
const Success = z.object({
  status: z.literal('success'),
  warnings: z.array(z.string()).nullish(),
  data: z.discriminatedUnion('resultType', [
    z.object({
      resultType: z.literal('vector'),
      result: z.array(z.object({ metric: Labels, value: Point })),
    }),
    z.object({ resultType: z.literal('scalar'), result: Point }),
    z.object({
      resultType: z.literal('matrix'),
      // Points are parsed by hand: there may be a million of them.
      result: z.array(z.object({ metric: Labels, values: z.array(z.unknown()).optional() })),
    }),
    z.object({ resultType: z.literal('string') }),
  ]),
})
const Failure = z.object({
  status: z.literal('error'),
  errorType: z.string(),
  error: z.string(),
})

type Success = z.infer<typeof Success>

/** What a response holds; or says what is wrong with it and what to change. */
function answerOf(response: AxiosResponse<unknown>, host: string): Success['data'] {
  const { status, headers, data } = response
  if (status >= 300 && status < 400) {
    throw unusable(`${host} redirects (${status}): set the address it redirects to`)
  }
  if (status === 401 || status === 403) {
    throw unusable(`${host} refuses access (${status}): check its credentials`)
  }
  const body = parseJson(data)
  const failure = Failure.safeParse(body)
  if (failure.success) {
    const { errorType, error } = failure.data
    const message = `${host} answers ${errorType}: ${clipped(error)}`
    // One that has too much to do answers no other query either; one that gave up on this query may.
    const isBusy = status === 429 || (status >= 502 && !/^(timeout|canceled)$/.test(errorType))
    throw isBusy ? unusable(message) : refused(message)
  }
  if (status !== 200) throw unusable(`${host} answers status ${status}`)
  const success = Success.safeParse(body)
  if (!success.success) {
    const type = clipped(String(headers['content-type'] ?? 'no content type'))
    throw unusable(`${host} does not speak the Prometheus API (${type}): check the address`)
  }
  const { data: answer } = success.data
  // Hints about the text of the query, which newer versions tell apart from warnings.
  const warnings = success.data.warnings?.filter((text) => !text.startsWith('PromQL info:')) ?? []
  if (warnings.length > 0) {
    throw refused(`${host} answers in part only: ${clipped(warnings.join('; '))}`)
  }
  return answer
}

function samplesOf(answer: Success['data']): readonly Sample[] {
  switch (answer.resultType) {
    case 'scalar':
      return [sample({}, answer.result)]
    case 'vector':
      return answer.result.map(({ metric, value }) => sample(metric, value))
    case 'matrix':
    case 'string':
      throw refused(`the query gives a ${answer.resultType} where one number is needed`)
  }
}

/** Prometheus gives each series once; whatever stands before it may not, and would count twice. */
function distinct<Row extends { readonly labels: Sample['labels'] }>(
  rows: readonly Row[],
): readonly Row[] {
  if (rows.length < 2) return rows
  const seen = new Set<string>()
  for (const { labels } of rows) {
    const key = JSON.stringify(labels)
    if (seen.has(key)) throw refused(`the answer has a series twice: ${clipped(key)}`)
    seen.add(key)
  }
  return rows
}

function rawSamplesOf(answer: Success['data']): readonly RawSamples[] {
  if (answer.resultType !== 'matrix') {
    throw refused(`the query gives a ${answer.resultType} where a range is needed`)
  }
  return answer.result.map(({ metric, values = [] }) => ({
    labels: metric,
    samples: values.map(parsePoint),
  }))
}

function parsePoint(point: unknown): RawSamples['samples'][number] {
  const [seconds, value]: unknown[] = Array.isArray(point) ? point : []
  if (typeof seconds !== 'number' || typeof value !== 'string') {
    throw refused('the query gives points that are no time with a value')
  }
  return { atMs: Math.round(seconds * 1_000), value: parseValue(value) }
}

function sample(labels: Sample['labels'], [seconds, value]: [number, string]): Sample {
  return { labels, value: parseValue(value), atMs: Math.round(seconds * 1_000) }
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  return text.trim() === '' ? Number.NaN : Number(text)
}

function parseAddress({ url, allowedHosts }: PrometheusOptions): URL {
  const address = URL.canParse(url) ? new URL(url) : null
  if (!address || !/^https?:$/.test(address.protocol)) {
    throw new Error('the address of Prometheus must be an http or https URL')
  }
  if (address.username !== '' || address.password !== '') {
    throw new Error(`the address of ${address.host} holds a credential: use a bearer token file`)
  }
  const isAllowed =
    allowedHosts === undefined ||
    allowedHosts.some((host) => host === address.host || host === address.hostname)
  if (!isAllowed) throw new Error(`${address.host} is not among the allowed hosts`)
  return address
}

function endpoint(address: URL): string {
  return `${address.origin}${address.pathname.replace(/\/+$/, '')}/api/v1/query`
}

function requestError(
  error: unknown,
  limits: { host: string; timeoutMs: number; maxResponseBytes: number },
): ProviderError {
  if (error instanceof ProviderError) return error
  const { host, timeoutMs, maxResponseBytes } = limits
  // The error of axios carries the request with its headers: only its code leaves this function.
  const code = axios.isAxiosError(error) ? (error.code ?? 'no code') : 'no code'
  const message = axios.isAxiosError(error) ? error.message : ''
  if (message.includes('maxContentLength')) {
    return refused(`${host} answers more than ${maxResponseBytes} bytes: select less`)
  }
  if (code === 'ECONNABORTED' || code === 'ERR_CANCELED' || code === 'ETIMEDOUT') {
    return unusable(`${host} did not answer within ${timeoutMs / 1_000}s`)
  }
  if (/^(Z_|ERR__ERROR|HPE_|ERR_BAD_RESPONSE)/.test(code)) {
    return unusable(`${host} answers what can not be read (${code}): check the address`)
  }
  return unusable(`${host} can not be reached (${code}): check the address and its network`)
}

function parseJson(text: unknown): unknown {
  if (typeof text !== 'string') return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function clipped(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 299)}…`
}

function refused(message: string): ProviderError {
  return new ProviderError(message, { isAboutQuery: true })
}

function unusable(message: string): ProviderError {
  return new ProviderError(message, { isAboutQuery: false })
}
