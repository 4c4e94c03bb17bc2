// A server's address and the environment in, the proxy to it and a tunnel through that out.
import { request as httpRequest } from 'node:http'
import { BlockList, isIP, type Socket } from 'node:net'
import { Failure } from '../failure.ts'

type Env = Readonly<Record<string, string | undefined>>

/** The proxy for a server, by the rules of kubectl: `proxy-url` first, then the environment. */
export function proxyFor(server: URL, proxyUrl: string | undefined, env: Env): URL | null {
  const fromEnv = server.protocol === 'https:' ? pick(env, 'HTTPS_PROXY') : pick(env, 'HTTP_PROXY')
  const chosen = proxyUrl ?? (isExempt(server, pick(env, 'NO_PROXY') ?? '') ? undefined : fromEnv)
  if (!chosen) return null
  const address = chosen.includes('://') ? chosen : `http://${chosen}`
  if (!URL.canParse(address)) throw new Failure('the address of the proxy is not a URL')
  const proxy = new URL(address)
  if (proxy.protocol === 'http:' || proxy.protocol === 'https:') return proxy
  throw new Failure(`a proxy by ${proxy.protocol} is not supported, only http and https`)
}

function pick(env: Env, name: string): string | undefined {
  return env[name] || env[name.toLowerCase()] || undefined
}

function isExempt(server: URL, noProxy: string): boolean {
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  if (host === 'localhost' || host === '::1' || /^127\./.test(host)) return true
  const port = server.port || (server.protocol === 'https:' ? '443' : '80')
  return noProxy
    .split(',')
    .map((rule) => rule.trim().toLowerCase())
    .filter(Boolean)
    .some((rule) => matches(rule, host, port))
}

function matches(rule: string, host: string, port: string): boolean {
  if (rule === '*') return true
  if (rule.includes('/')) return isInNetwork(rule, host)
  const [, name = rule, rulePort] = /^(.+?):(\d+)$/.exec(isIP(rule) === 6 ? '' : rule) ?? []
  if (rulePort !== undefined && rulePort !== port) return false
  const domain = name.replace(/^\*?\./, '')
  const isSubdomain = host.endsWith(`.${domain}`)
  return name === domain ? host === domain || isSubdomain : isSubdomain
}

function isInNetwork(rule: string, host: string): boolean {
  const [network = '', bits = ''] = rule.split('/')
  const family = isIP(network)
  const prefix = Number(bits)
  const longest = family === 6 ? 128 : 32
  if (family === 0 || isIP(host) !== family || !(prefix >= 0 && prefix <= longest)) return false
  const kind = family === 6 ? 'ipv6' : 'ipv4'
  const networks = new BlockList()
  networks.addSubnet(network, prefix, kind)
  return networks.check(host, kind)
}

/** A connection to the server through the proxy, by CONNECT. */
export async function tunnel(proxy: URL, server: URL, timeoutMs: number): Promise<Socket> {
  const port = server.port || (server.protocol === 'https:' ? '443' : '80')
  const authority = `${server.hostname}:${port}`
  const secure = proxy.protocol === 'https:'
  const request = secure ? (await import('node:https')).request : httpRequest
  const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const basic = `Basic ${Buffer.from(login).toString('base64')}`
  return new Promise((resolve, reject) => {
    const asked = request({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (secure ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...(proxy.username && { 'proxy-authorization': basic }) },
      agent: false,
      ...(timeoutMs > 0 && { timeout: timeoutMs }),
    })
    asked.on('timeout', () => asked.destroy(new Failure(`proxy ${proxy.host} does not answer`)))
    asked.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause instanceof Failure) return reject(cause)
      reject(new Failure(`proxy ${proxy.host} cannot be reached (${cause.code})`, { cause }))
    })
    asked.on('connect', (response, socket) => {
      socket.setTimeout(0)
      if (response.statusCode === 200) return resolve(socket)
      socket.destroy()
      reject(new Failure(`proxy ${proxy.host} refused ${authority}: HTTP ${response.statusCode}`))
    })
    asked.end()
  })
}
