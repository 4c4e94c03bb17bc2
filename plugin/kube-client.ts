// Requests to the API server in, JSON out. Every failure is a sentence for people, as kubectl words it.
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http'
import { isIP, Socket } from 'node:net'
import type { Credentials } from './credentials.ts'
import { ApiRefusal, Failure } from './failure.ts'
import { type Json, list, number, record, text } from './json.ts'
import type { Target } from './kubeconfig.ts'
import { proxyFor, tunnel } from './proxy.ts'
import { printable } from './render.ts'

export interface Question {
  readonly method?: 'GET' | 'POST' | 'PATCH'
  /** Below the server's address, such as `/api/v1/pods`. */
  readonly path: string
  readonly parameters?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  readonly contentType?: string
}

export interface KubeClient {
  /** Fails with `ApiRefusal` when the server says no, with `Failure` when it cannot be asked. */
  ask(question: Question): Promise<Json>
  /** All pages of a list, as one list. */
  list(path: string, parameters: Question['parameters']): Promise<Json>
}

export interface ClientOptions {
  readonly target: Target
  readonly credentials: Credentials
  readonly env: Readonly<Record<string, string | undefined>>
  /** For one request; 0 is no limit. */
  readonly timeoutMs: number
}

const pageSize = 500
const pageLimit = 200
const answerLimitBytes = 64 * 1024 * 1024

export async function createClient(options: ClientOptions): Promise<KubeClient> {
  const send = await createSender(options)
  const ask = async (question: Question) => {
    const { code, body } = await send(question).catch((error) => {
      throw error instanceof Failure ? error : impossible(error, options.target)
    })
    const answer = record(parse(body, options.target))
    if (code >= 200 && code < 300) return answer
    throw refusal(code, answer, options.target)
  }
  return {
    ask,
    async list(path, parameters) {
      const items: unknown[] = []
      let next: string | undefined
      for (let page = 0; page < pageLimit; page++) {
        const part = await ask({
          path,
          parameters: { ...parameters, limit: String(pageSize), continue: next },
        })
        items.push(...list(part['items']))
        next = text(record(part['metadata'])['continue'])
        if (!next) return { ...part, items }
      }
      throw new Failure(
        `the list has more than ${pageSize * pageLimit} entries: select fewer by -l`,
      )
    },
  }
}

interface RawAnswer {
  readonly code: number
  readonly body: string
}

type Sender = (question: Question) => Promise<RawAnswer>

async function createSender({ target, credentials, env, timeoutMs }: ClientOptions) {
  const server = new URL(target.cluster.server)
  const host = server.hostname.replace(/^\[|\]$/g, '')
  const isSecure = server.protocol === 'https:'
  // Loaded only where it is needed: a plain connection starts ten milliseconds sooner without it.
  const https = isSecure ? await import('node:https') : null
  const agent = https ? new https.Agent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const proxy = proxyFor(server, target.cluster.proxyUrl, env)
  if (proxy) {
    const tls = isSecure ? await import('node:tls') : null
    const servername = credentials.tls.servername ?? (isIP(host) === 0 ? host : undefined)
    const secured = { ...credentials.tls, host, ...(servername && { servername }) }
    agent.createConnection = (_, done) => {
      tunnel(proxy, server, timeoutMs).then(
        (socket) => done?.(null, tls ? tls.connect({ ...secured, socket }) : socket),
        (error) => done?.(error, new Socket()),
      )
      return undefined
    }
  }
  const request = https ? https.request : httpRequest
  const send: Sender = (question) =>
    new Promise((resolve, reject) => {
      const { tls, headers } = credentials
      const payload = question.body === undefined ? undefined : JSON.stringify(question.body)
      const asked = request({
        ...tls,
        agent,
        protocol: server.protocol,
        host,
        port: server.port || (isSecure ? 443 : 80),
        method: question.method ?? 'GET',
        path: server.pathname.replace(/\/$/, '') + pathOf(question),
        headers: {
          ...headers,
          accept: 'application/json',
          'user-agent': 'kubectl-sluice',
          ...(payload !== undefined && {
            'content-type': question.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(payload),
          }),
        },
      })
      collect(asked, { timeoutMs, resolve, reject: (error) => reject(unreachable(error, target)) })
      asked.end(payload)
    })
  return send
}

function pathOf({ path, parameters }: Question): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (value !== undefined) query.set(name, value)
  }
  return query.size > 0 ? `${path}?${query}` : path
}

interface Outcome {
  readonly timeoutMs: number
  readonly resolve: (answer: RawAnswer) => void
  readonly reject: (error: Error) => void
}

function collect(asked: ClientRequest, { timeoutMs, resolve, reject }: Outcome): void {
  const seconds = `${timeoutMs / 1_000} s`
  const late = () => asked.destroy(new Failure(`no answer within ${seconds}`))
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

function parse(body: string, { cluster }: Target): unknown {
  try {
    return body === '' ? {} : JSON.parse(body)
  } catch {
    return { message: `${new URL(cluster.server).host} did not answer in JSON` }
  }
}

const messageLimit = 1024

function refusal(code: number, status: Json, { context, user }: Target): ApiRefusal {
  const reason = printable(text(status['reason']) ?? `HTTP ${code}`)
  const message = printable(text(status['message']) ?? 'no reason given').slice(0, messageLimit)
  const answer = { code: number(status['code']) ?? code, reason }
  if (code === 401) {
    const who = user.name ? `user "${user.name}"` : 'no user'
    const sentence = `you must be signed in to the server: ${who} of context "${context}" was not accepted (Unauthorized)`
    return new ApiRefusal(sentence, answer)
  }
  return new ApiRefusal(`from server (${reason}): ${message}`, answer)
}
