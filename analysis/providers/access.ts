// Files that an operator named in; who asks, as headers, and how the connection is secured, out. Files are read
// again for each question, because what they hold rotates, and no error says what is in them.
import { readFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { ProviderError } from '../provider.ts'

export interface AccessOptions {
  /** File with a bearer token. */
  readonly bearerTokenFile?: string | undefined
  /** File with `user:password`. */
  readonly basicAuthFile?: string | undefined
  /** File with further headers, one `Name: value` a line. */
  readonly headersFile?: string | undefined
  /** Tenant of Mimir, Cortex or Thanos, as the header X-Scope-OrgID. */
  readonly tenant?: string | undefined
  /** PEM files: who is trusted, and who asks. */
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

export interface Access {
  headers(): Promise<Readonly<Record<string, string>>>
  httpsAgent(): Promise<Agent>
  close(): void
}

const maxSockets = 16
const maxFileBytes = 65_536
const maxHeaders = 32
/** Headers that the client itself decides. */
const reserved = /^(host|content-length|content-type|transfer-encoding|connection)$/i

/** `host` is for messages. */
export function createAccess(options: AccessOptions, host: string): Access {
  let agent = new Agent({ keepAlive: true, maxSockets })
  let secured = ''
  const read = async (what: string, file: string | undefined) => {
    if (file === undefined) return null
    const text = await readText(`the ${what} file for ${host}`, file)
    return text
  }
  return {
    async headers() {
      const [token, basic, lines] = await Promise.all([
        read('bearer token', options.bearerTokenFile),
        read('basic auth', options.basicAuthFile),
        read('headers', options.headersFile),
      ])
      return {
        ...(options.tenant === undefined ? {} : { 'X-Scope-OrgID': options.tenant }),
        ...(lines === null ? {} : headersIn(lines, host)),
        ...(basic === null ? {} : { Authorization: `Basic ${encoded(basic, host)}` }),
        ...(token === null ? {} : { Authorization: `Bearer ${wordIn(token, host)}` }),
      }
    },
    async httpsAgent() {
      const { caFile, certFile, keyFile } = options
      if (caFile === undefined && certFile === undefined && keyFile === undefined) return agent
      const [ca, cert, key] = await Promise.all([
        read('CA', caFile),
        read('client certificate', certFile),
        read('client key', keyFile),
      ])
      const now = JSON.stringify([ca, cert, key])
      if (now === secured) return agent
      agent.destroy()
      agent = new Agent({
        ...{ keepAlive: true, maxSockets },
        ...(ca === null ? {} : { ca }),
        ...(cert === null ? {} : { cert }),
        ...(key === null ? {} : { key }),
      })
      secured = now
      return agent
    },
    close: () => agent.destroy(),
  }
}

async function readText(what: string, file: string): Promise<string> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new ProviderError(`${what} can not be read`, { isAboutQuery: false, cause })
  }
  if (text.length > maxFileBytes) throw unusable(`${what} is larger than ${maxFileBytes} bytes`)
  return text
}

function wordIn(text: string, host: string): string {
  const token = text.trim()
  if (/^[\x21-\x7e]{1,16384}$/.test(token)) return token
  throw unusable(`the bearer token file for ${host} holds no token`)
}

function encoded(text: string, host: string): string {
  const pair = text.replace(/\r?\n$/, '')
  if (/^[^:\r\n]+:[^\r\n]*$/.test(pair)) return Buffer.from(pair).toString('base64')
  throw unusable(`the basic auth file for ${host} must hold user:password`)
}

function headersIn(text: string, host: string): Readonly<Record<string, string>> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const pairs = lines.map((line) => /^([-A-Za-z0-9_]{1,64}):[ \t]*([\x20-\x7e]*)$/.exec(line))
  const isSound = pairs.every((pair) => pair !== null && !reserved.test(pair[1] ?? ''))
  if (!isSound || lines.length > maxHeaders) {
    throw unusable(`the headers file for ${host} must hold at most ${maxHeaders} lines Name: value`)
  }
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']))
}

function unusable(message: string): ProviderError {
  return new ProviderError(message, { isAboutQuery: false })
}
