// Requests to the API server in, JSON out. Every failure is a sentence for people, as kubectl words it.
import type { ClientRequest, IncomingMessage } from 'node:http'
import { ApiRefusal, Failure } from '../failure.ts'
import { isRecord, type Json, list, number, record, text } from '../json.ts'
import { printable } from '../render.ts'
import type { Target } from './kubeconfig.ts'
import { splitLines } from './lines.ts'
import { type ClientOptions, createRequester, type Question } from './request.ts'

export interface KubeClient {
  /** Fails with `ApiRefusal` when the server says no, with `Failure` when it cannot be asked. */
  ask(question: Question): Promise<Json>
  /** All pages of a list, as one list. */
  list(path: string, parameters: Question['parameters']): Promise<Json>
  /** Events of a watch until the server ends it or the signal does; fails as `ask` does. */
  watch(question: Question, signal: AbortSignal): AsyncGenerator<Json>
}

/** The first page is small, so that its size is known soon; the rest comes in few questions. */
const pageSizes = { first: 500, next: 2_500 }
const pageLimit = 40
const answerLimitBytes = 64 * 1024 * 1024
/** A server sends a bookmark about every minute. */
const silenceLimitMs = 330_000

export async function createClient(options: ClientOptions): Promise<KubeClient> {
  const { target, timeoutMs } = options
  const request = await createRequester(options)
  const begin = (question: Question) => {
    try {
      return request(question)
    } catch (error) {
      throw error instanceof Failure ? error : impossible(error, target)
    }
  }
  const ask = async (question: Question) => {
    const { asked, send } = begin(question)
    const answered = collect(asked, timeoutMs)
    send()
    const { code, body } = await answered.catch((error) => {
      throw unreachable(error, target)
    })
    const answer = parse(body)
    if (code < 200 || code >= 300) throw refusal(code, record(answer), target)
    if (!isRecord(answer)) throw unreachable(new Failure(noJson), target)
    return answer
  }
  return {
    ask,
    async *watch(question, signal) {
      const { asked, send } = begin(question)
      yield* watchLines({ asked, send }, { target, timeoutMs, signal })
    },
    async list(path, parameters) {
      const items: unknown[] = []
      let next: string | undefined
      for (let page = 0; page < pageLimit; page++) {
        const part = await ask({
          path,
          parameters: {
            ...parameters,
            limit: String(next ? pageSizes.next : pageSizes.first),
            continue: next,
          },
        })
        items.push(...list(part['items']))
        next = text(record(part['metadata'])['continue'])
        if (!next) return { ...part, items }
      }
      throw new Failure(
        `the list has more than ${pageSizes.next * pageLimit} entries: select fewer by -l`,
      )
    },
  }
}

interface RawAnswer {
  readonly code: number
  readonly body: string
}

/** The whole answer, within the limit of one request. */
function collect(asked: ClientRequest, timeoutMs: number): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const late = () => asked.destroy(new Failure(`no answer within ${timeoutMs / 1_000} s`))
    const timer = timeoutMs > 0 ? setTimeout(late, timeoutMs) : undefined
    const fail = (error: Error) => {
      clearTimeout(timer)
      reject(error)
    }
    asked.on('error', fail)
    asked.on('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > answerLimitBytes) asked.destroy(new Failure('its answer is larger than 64 MiB'))
        else chunks.push(chunk)
      })
      response.on('error', fail)
      response.on('end', () => {
        clearTimeout(timer)
        resolve({ code: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') })
      })
    })
  })
}

interface WatchLimits {
  readonly target: Target
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** The first byte comes within the limit of a request; a watch that is silent for minutes is dead. */
async function* watchLines(
  { asked, send }: { readonly asked: ClientRequest; readonly send: () => void },
  { target, timeoutMs, signal }: WatchLimits,
): AsyncGenerator<Json> {
  const stop = () => asked.destroy()
  if (signal.aborted) return
  signal.addEventListener('abort', stop, { once: true })
  const late = () => asked.destroy(new Failure(`no answer within ${timeoutMs / 1_000} s`))
  const timer = timeoutMs > 0 ? setTimeout(late, timeoutMs) : undefined
  try {
    const response = await responseOf(asked, send)
    clearTimeout(timer)
    response.setTimeout(silenceLimitMs, () => asked.destroy(new Failure('it has gone silent')))
    const code = response.statusCode ?? 0
    for await (const line of splitLines(response, answerLimitBytes)) {
      const event = parse(line)
      if (code !== 200) throw refusal(code, record(event), target)
      if (!isRecord(event)) throw new Failure(noJson)
      yield event
    }
    if (code !== 200) throw refusal(code, {}, target)
  } catch (error) {
    if (!signal.aborted) {
      throw error instanceof ApiRefusal ? error : unreachable(asError(error), target)
    }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    asked.destroy()
  }
}

function responseOf(asked: ClientRequest, send: () => void): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.on('error', reject)
    asked.on('response', resolve)
    send()
  })
}

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused; is it running?',
  ECONNRESET: 'the connection was reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'its name cannot be resolved now',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'no route to the host',
  EPROTO: 'it does not speak TLS there',
  HPE_INVALID_CONSTANT: 'it does not speak HTTP there; is it https?',
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** Only codes and our own words: messages of the runtime may quote headers. */
function unreachable(error: NodeJS.ErrnoException, { cluster, context }: Target): Failure {
  const { host } = new URL(cluster.server)
  const code = error.code ?? ''
  const isTrust = /CERT|SIGNATURE|ISSUER|ALTNAME|SELF_SIGNED/.test(code)
  const why = isTrust
    ? `its certificate is not trusted (${code})`
    : error instanceof Failure
      ? error.message
      : (causes[code] ?? (code || 'the connection failed'))
  return new Failure(`cannot reach the server ${host} of context "${context}": ${why}`, {
    cause: error,
  })
}

/** The runtime refused to begin, as it does for PEM that is none. */
function impossible(cause: unknown, { context }: Target): Failure {
  const code = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : ''
  const what = 'a certificate, key or address in the kubeconfig is not valid'
  return new Failure(`cannot use context "${context}": ${what}${code}`, { cause })
}

/** Undefined for what is no JSON. */
function parse(body: string): unknown {
  try {
    return body === '' ? {} : JSON.parse(body)
  } catch {
    return undefined
  }
}

const noJson = 'it did not answer in JSON; is it an API server?'
const messageLimit = 1024

/** For answers of what stands before an API server, or of what is none. */
const meanings: Readonly<Record<number, string>> = {
  429: 'it is asked too much; try again',
  502: 'what stands before it does not reach it',
  503: 'it is not ready now',
  504: 'what stands before it got no answer from it',
}

function refusal(code: number, status: Json, { context, user }: Target): ApiRefusal {
  const reason = printable(text(status['reason']) ?? `HTTP ${code}`)
  const isElsewhere = code >= 300 && code < 400
  const meaning = isElsewhere ? 'it sends elsewhere, as no API server does' : meanings[code]
  const said = text(status['message']) ?? meaning ?? 'no reason given'
  const message = printable(said).slice(0, messageLimit)
  const answer = { code: number(status['code']) ?? code, reason }
  if (code === 401) {
    const who = user.name ? `user "${user.name}"` : 'no user'
    const sentence = `you must be signed in to the server: ${who} of context "${context}" was not accepted (Unauthorized)`
    return new ApiRefusal(sentence, answer)
  }
  return new ApiRefusal(`from server (${reason}): ${message}`, answer)
}
