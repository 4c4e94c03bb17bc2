// A kubeconfig or a pod's mounted files in, the headers and certificates of requests out.
// @kubernetes/client-node is loaded late, because it costs 300 ms. No secret is ever in an error.
import { readFile } from 'node:fs/promises'
import type { Clock } from './clock.ts'

export interface Credentials {
  /** URL of the API server. */
  readonly server: string
  /** Headers of a request. With `refresh`, what is cached is read again: the server said 401. */
  headers(refresh?: boolean): Promise<Readonly<Record<string, string>>>
  /** Another object after certificates changed; read it after `headers()`. */
  readonly tls?: Tls | undefined
}

export interface Tls {
  readonly ca?: string | Buffer | undefined
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
  readonly servername?: string | undefined
  readonly insecure?: boolean | undefined
}

const rereadMs = 60_000
const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** For a server that asks for nothing, such as the embedded one on loopback. */
export function anonymousCredentials(server: string): Credentials {
  return { server, headers: async () => ({}) }
}

/** Of the service account that a pod runs as. Token and CA are read again each minute. */
export async function inClusterCredentials(options: {
  readonly host: string
  readonly port: string
  readonly clock: Clock
  readonly folder?: string
}): Promise<Credentials> {
  const folder = options.folder ?? accountFolder
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return cached(`https://${host}:${options.port}`, options.clock, async () => {
    const [token, ca] = await Promise.all([
      readText(`${folder}/token`),
      readText(`${folder}/ca.crt`),
    ])
    return { headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } }
  })
}

/** Where client-node looks when it finds no kubeconfig: an API server without any protection. */
const ofNobody = 'http://localhost:8080'

/** Of the current context of a kubeconfig: tokens, token files, client certificates, plugins. */
export async function kubeconfigCredentials(options: {
  readonly clock: Clock
  /** Path of the file; without it, $KUBECONFIG or ~/.kube/config, as kubectl does. */
  readonly path?: string | undefined
  readonly context?: string | undefined
}): Promise<Credentials> {
  const { newKubeConfig } = await import('./kube-config.ts')
  const load = () => {
    const config = newKubeConfig()
    try {
      if (options.path === undefined) config.loadFromDefault()
      else config.loadFromFile(options.path)
    } catch {
      // The parser quotes the file in its messages, and the file holds secrets.
      throw new Error(`the kubeconfig ${options.path ?? ''} cannot be read or is not valid`)
    }
    if (options.context !== undefined) config.setCurrentContext(options.context)
    const cluster = config.getCurrentCluster()
    if (!cluster) throw new Error(`the kubeconfig has no cluster for its current context`)
    if (options.path === undefined && cluster.server === ofNobody) {
      throw new Error('no kubeconfig was found; name one by --kubeconfig or KUBECONFIG')
    }
    if (cluster.proxyUrl) {
      throw new Error(`cluster ${cluster.name} has a proxy-url, which is not supported`)
    }
    return { config, cluster }
  }
  // Kept between reads, because it caches what plugins answered until that expires.
  let loaded = load()
  return cached(loaded.cluster.server, options.clock, async (refresh) => {
    if (refresh) loaded = load()
    const { config, cluster } = loaded
    if (cluster.server.startsWith('http:')) {
      // client-node refuses plain HTTP; a token is never sent over it, except to this machine.
      return { headers: plainHeaders(cluster.server, config.getCurrentUser()?.token), tls: {} }
    }
    const https: { [name: string]: unknown; headers?: Record<string, unknown> } = {}
    try {
      await config.applyToHTTPSOptions(https)
    } catch {
      throw new Error(
        `no credentials for cluster ${cluster.name}: a plugin or a file failed; kubectl shows why`,
      )
    }
    const ca = cluster.caFile ? await readText(cluster.caFile) : decode(cluster.caData)
    const basic = typeof https.auth === 'string' ? https.auth : undefined
    return {
      headers: {
        ...textMembers(https.headers),
        ...(basic && { authorization: `Basic ${Buffer.from(basic).toString('base64')}` }),
      },
      tls: {
        ca,
        cert: textOrBytes(https.cert),
        key: textOrBytes(https.key),
        servername: cluster.tlsServerName,
        insecure: cluster.skipTLSVerify,
      },
    }
  })
}

function plainHeaders(server: string, token: string | undefined): Record<string, string> {
  if (!token) return {}
  const { hostname } = new URL(server)
  if (hostname !== 'localhost' && hostname !== '[::1]' && !hostname.startsWith('127.')) {
    throw new Error(`the token for ${server} would be sent unencrypted: use https`)
  }
  return { authorization: `Bearer ${token}` }
}

interface Material {
  readonly headers: Readonly<Record<string, string>>
  readonly tls: Tls
}

/** Reads once a minute; keeps what it has when a later read fails, because a file is being replaced. */
async function cached(
  server: string,
  clock: Clock,
  read: (refresh: boolean) => Promise<Material>,
): Promise<Credentials> {
  let material = await read(false)
  let readAtMs = clock.monotonic()
  let reading: Promise<void> | null = null

  async function reread(refresh: boolean): Promise<void> {
    try {
      const fresh = await read(refresh)
      const tls = isSameTls(fresh.tls, material.tls) ? material.tls : fresh.tls
      material = { headers: fresh.headers, tls }
    } catch {
      // The server will answer 401 if what we keep is no longer good.
    } finally {
      readAtMs = clock.monotonic()
      reading = null
    }
  }

  return {
    server,
    async headers(refresh = false) {
      if (refresh || clock.monotonic() - readAtMs >= rereadMs) {
        reading ??= reread(refresh)
        await reading
      }
      return material.headers
    },
    get tls() {
      return material.tls
    },
  }
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8')
}

function isSameTls(a: Tls, b: Tls): boolean {
  return (
    String(a.ca) === String(b.ca) &&
    String(a.cert) === String(b.cert) &&
    String(a.key) === String(b.key) &&
    a.servername === b.servername &&
    a.insecure === b.insecure
  )
}

function decode(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8')
}

function textOrBytes(value: unknown): string | Buffer | undefined {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined
}

function textMembers(value: Record<string, unknown> | undefined): Record<string, string> {
  const members: Record<string, string> = {}
  for (const [name, member] of Object.entries(value ?? {})) {
    if (typeof member === 'string') members[name.toLowerCase()] = member
  }
  return members
}
