// What the operator allows in, whether an address may be called out. Names under a wildcard never lead into the
// own network: a tenant chooses the name, and could let it point anywhere.
import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

export interface AllowedHosts {
  /** The sentence why this URL may not be called, or null. Names no part of the URL but its host. */
  refusal(url: URL): string | null
  /** Resolves names for `url`, and fails for addresses that its entry does not cover. */
  lookupFor(url: URL): LookupFunction
}

interface Entry {
  readonly protocol: 'http:' | 'https:'
  readonly host: string
  readonly port: string
}

const form = /^(https?:\/\/)?((?:\*\.)?[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)(?::([0-9]{1,5}))?$/
const maxEntries = 256

/** `host`, `host:port`, `*.domain` or `http://host:port`, separated by commas. Throws a sentence for people. */
export function allowedHosts(list: string): AllowedHosts {
  const entries = list.split(',').flatMap((text) => entryOf(text.trim()))
  if (entries.length > maxEntries) throw new Error(`names more than ${maxEntries} hosts`)
  return {
    refusal: (url) =>
      coverOf(entries, url) === null
        ? `${url.protocol}//${url.host} is not among the hosts that the operator allows (--notification-hosts)`
        : null,
    lookupFor: (url) => (coverOf(entries, url) === 'exact' ? lookup : lookupOutside),
  }
}

function entryOf(text: string): Entry[] {
  if (text === '') return []
  const [, scheme = 'https://', host = '', port] = form.exec(text) ?? []
  if (host === '' || Number(port ?? 1) > 65_535) {
    throw new Error(`must list host, host:port, *.domain or http://host:port, not "${text}"`)
  }
  const protocol = scheme === 'http://' ? 'http:' : 'https:'
  return [{ protocol, host, port: port ?? defaultPort(protocol) }]
}

function coverOf(entries: readonly Entry[], url: URL): 'exact' | 'wildcard' | null {
  const port = url.port || defaultPort(url.protocol)
  // A name may end in the dot of the root.
  const host = url.hostname.replace(/\.$/, '')
  const fits = entries.filter((entry) => entry.protocol === url.protocol && entry.port === port)
  if (fits.some((entry) => entry.host === host)) return 'exact'
  const isBelow = fits.some(
    ({ host: pattern }) => pattern.startsWith('*.') && host.endsWith(pattern.slice(1)),
  )
  return isBelow && isIP(host) === 0 ? 'wildcard' : null
}

const lookupOutside: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, [])
    const inside = found.some(({ address }) => isInside(address))
    if (inside || found.length === 0) {
      return callback(Object.assign(new Error('inside'), { code: 'EINSIDE' }), [])
    }
    if (options.all) return callback(null, found)
    callback(null, found[0]?.address ?? '', found[0]?.family)
  })
}

const inside = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const) {
  inside.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  inside.addSubnet(network, prefix, 'ipv6')
}

/** Loopback, link-local, private, multicast; also where IPv6 hides such an IPv4 address, as node unmaps them. */
export function isInside(address: string): boolean {
  return inside.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

function defaultPort(protocol: string): string {
  return protocol === 'http:' ? '80' : '443'
}
