// One message for one receiver in, whether it took it out. Nothing of an answer but its status is believed, kept or
// shown: an address and a token are secrets, and a receiver may repeat them.
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Readable } from 'node:stream'
import axios, { type AxiosResponse } from 'axios'
import type { AllowedHosts } from './allowed-hosts.ts'
import type { Message } from './message.ts'

/**
 * later: try again, not before `retryAfterMs`. refused: somebody must mend the address or the token first, so seldom.
 * never: this message will not be taken, others may.
 */
export type Answer =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'later'; readonly because: string; readonly retryAfterMs: number }
  | { readonly kind: 'refused' | 'never'; readonly because: string }

export interface PostOptions {
  readonly hosts: AllowedHosts
  readonly signal: AbortSignal
  /** Whole time of one message. Default 10 s. */
  readonly timeoutMs?: number | undefined
}

const longestRetryMs = 15 * 60_000

/** Posts a message once. Never rejects. */
export async function post(message: Message, options: PostOptions): Promise<Answer> {
  const url = URL.canParse(message.url) ? new URL(message.url) : null
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    return { kind: 'refused', because: 'the address is no http or https URL' }
  }
  if (url.username || url.password) {
    return { kind: 'refused', because: 'the address carries a user name: use a token instead' }
  }
  const refusal = options.hosts.refusal(url)
  if (refusal !== null) return { kind: 'refused', because: refusal }
  try {
    return judge(await send(message, url, options), { host: url.host, message })
  } catch (error) {
    // The error of axios holds the request with its secrets: only its code is kept.
    const code = axios.isAxiosError(error) ? (error.code ?? 'unknown') : 'unknown'
    return { kind: 'later', because: failure(url.host, code), retryAfterMs: 0 }
  }
}

async function send(
  { url, headers, body }: Message,
  address: URL,
  { hosts, signal, timeoutMs = 10_000 }: PostOptions,
): Promise<AxiosResponse<Readable>> {
  const agent = { keepAlive: false, lookup: hosts.lookupFor(address) }
  const response = await axios.post<Readable>(url, JSON.stringify(body), {
    httpAgent: new HttpAgent(agent),
    httpsAgent: new HttpsAgent(agent),
    timeout: timeoutMs,
    // The timeout of axios is for silence; a receiver that drips headers is cut off by the signal.
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    maxRedirects: 0,
    proxy: false,
    responseType: 'stream',
    validateStatus: () => true,
    headers: { 'Content-Type': 'application/json', 'User-Agent': 'sluice', ...headers },
  })
  // With its status the receiver has said all that matters: what it says besides may be long, slow or broken, and a
  // message that was taken would be sent again for it.
  response.data.on('error', () => undefined).destroy()
  return response
}

function judge(
  { status, headers }: Pick<AxiosResponse, 'status' | 'headers'>,
  { host, message }: { readonly host: string; readonly message: Message },
): Answer {
  if ((status >= 200 && status < 300) || message.accepted?.includes(status)) {
    return { kind: 'delivered' }
  }
  const said = `${host} answered ${status}`
  if (status >= 300 && status < 400) {
    return { kind: 'refused', because: `${said}: redirects are not followed` }
  }
  if (status >= 500 || [408, 425, 429].includes(status)) {
    return { kind: 'later', because: said, retryAfterMs: retryAfterMs(headers) }
  }
  if ([401, 403, 404, 407, 410].includes(status)) {
    return { kind: 'refused', because: `${said}: look at the address and the token in the Secret` }
  }
  return { kind: 'never', because: `${said}: it does not take this message` }
}

function failure(host: string, code: string): string {
  const why: Readonly<Record<string, string>> = {
    EINSIDE: 'its address is one of the own network',
    ECONNREFUSED: 'nobody listens there',
    ENOTFOUND: 'its name is not known',
    ERR_CANCELED: 'it took too long',
    ECONNABORTED: 'it took too long',
    ETIMEDOUT: 'it took too long',
  }
  return `${host} could not be told: ${why[code] ?? code}`
}

/** Seconds, or a date, which is read by the clock of who sent it. */
function retryAfterMs(headers: AxiosResponse['headers']): number {
  const value = String(headers['retry-after'] ?? '')
  const asked = /^[0-9.]+$/.test(value)
    ? Number(value) * 1_000
    : Date.parse(value) - Date.parse(String(headers['date'] ?? ''))
  return asked > 0 ? Math.min(asked, longestRetryMs) : 0
}
