// A range selector and a time, or a query and a range of times, in; samples of a Prometheus out. For one person and
// one question at a time.
import { readFileSync } from 'node:fs'
import type { RawSamples } from '../../analysis/provider.ts'
import { Failure } from '../failure.ts'
import { list, record, text, texts } from '../json.ts'

export interface MetricsOptions {
  /** Base address, with a path prefix where there is one. */
  readonly url: string
  readonly tokenFile?: string | undefined
  readonly tenant?: string | undefined
}

const limits = { timeoutMs: 60_000, bytes: 256 * 1024 * 1024 }

/** Fails with `Failure` that never names a credential. */
export function metricsClient(options: MetricsOptions) {
  const base = baseOf(options.url)
  const headers = headersOf(options)
  const matrix = async (
    endpoint: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<readonly RawSamples[]> => {
    const url = new URL(`${base.pathname.replace(/\/+$/, '')}/api/v1/${endpoint}`, base)
    const { status, answer } = await ask(url, { headers, body: new URLSearchParams(parameters) })
    const { error, data } = record(answer)
    if (text(error)) throw new Failure(`${base.host} answers: ${text(error)?.slice(0, 300)}`)
    if (status !== 200) throw new Failure(`${base.host} answers status ${status}`)
    const { resultType, result } = record(data)
    if (resultType !== 'matrix') {
      throw new Failure(`${base.host} does not speak the Prometheus API: check --prometheus`)
    }
    return list(result).map(seriesOf)
  }
  return {
    host: base.host,
    /** Samples as they were scraped. */
    async raw(selector: string, atMs: number): Promise<readonly RawSamples[]> {
      return matrix('query', { query: selector, time: secondsOf(atMs) })
    },
    /** What a query gives at each step of a range, both ends among them. */
    async range(
      query: string,
      { fromMs, toMs, stepMs }: { fromMs: number; toMs: number; stepMs: number },
    ): Promise<readonly RawSamples[]> {
      const times = { start: secondsOf(fromMs), end: secondsOf(toMs), step: secondsOf(stepMs) }
      return matrix('query_range', { query, ...times })
    },
  }
}

function secondsOf(ms: number): string {
  return (ms / 1_000).toFixed(3)
}

function baseOf(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : null
  if (!base || !/^https?:$/.test(base.protocol)) {
    throw new Failure(`--prometheus must be an http or https URL, not "${url}"`)
  }
  if (base.username || base.password) {
    throw new Failure('--prometheus must not carry credentials: use --token-file')
  }
  return base
}

function headersOf({ tokenFile, tenant }: MetricsOptions): Record<string, string> {
  const token = tokenFile === undefined ? null : readToken(tokenFile)
  return {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(tenant === undefined ? {} : { 'x-scope-orgid': tenant }),
  }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new Failure(`--token-file ${file} cannot be read`, { cause })
  }
}

async function ask(
  url: URL,
  { headers, body }: { readonly headers: Record<string, string>; readonly body: URLSearchParams },
): Promise<{ readonly status: number; readonly answer: unknown }> {
  let response: Response
  try {
    const signal = AbortSignal.timeout(limits.timeoutMs)
    response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    const answer = await limited(response)
    return { status: response.status, answer: parsed(answer) }
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    const isSlow = cause instanceof Error && cause.name === 'TimeoutError'
    const why = isSlow ? `did not answer within ${limits.timeoutMs / 1_000}s` : 'cannot be reached'
    throw new Failure(`${url.host} ${why}`, { cause })
  }
}

async function limited({ body, url }: Response): Promise<string> {
  if (!body) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > limits.bytes) throw new Failure(`${new URL(url).host} answers more than 256 MiB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(answer: string): unknown {
  try {
    return JSON.parse(answer)
  } catch {
    return null
  }
}

function seriesOf(series: unknown): RawSamples {
  const { metric, values } = record(series)
  return {
    labels: texts(metric),
    samples: list(values).map((point) => {
      const [seconds, value] = list(point)
      return { atMs: Math.round(Number(seconds) * 1_000), value: numberOf(value) }
    }),
  }
}

function numberOf(value: unknown): number {
  if (value === '+Inf') return Number.POSITIVE_INFINITY
  if (value === '-Inf') return Number.NEGATIVE_INFINITY
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
}
