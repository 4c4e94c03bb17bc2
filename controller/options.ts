// Command line in, options or a sentence for people out.
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { AccessOptions } from '../analysis/providers/access.ts'
import { durationMs, isDuration } from '../crds/duration.ts'
import { allowedHosts } from './notify/allowed-hosts.ts'

export interface Options {
  readonly kubeconfig: string | undefined
  readonly context: string | undefined
  readonly namespace: string | undefined
  readonly prometheus: string
  /** Files with what Prometheus wants to know of who asks. */
  readonly prometheusAccess: AccessOptions
  readonly analysisHosts: string
  readonly scrapeIntervalMs: number
  readonly gitDirectory: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly notificationHosts: string
  /** Null: no messages of Git hosts are taken. */
  readonly webhookListen: { readonly host: string; readonly port: number } | null
  readonly leaderElection: boolean
  readonly leaseNamespace: string
  readonly identity: string
  readonly logLevel: string
}

/** Name, default, what stands for the value, meaning: also what `--help` prints. */
const flags = [
  [
    'kubeconfig',
    undefined,
    'FILE',
    'Kubeconfig. Default: $KUBECONFIG, ~/.kube/config, or the service account of the pod.',
  ],
  ['context', undefined, 'NAME', 'Context of the kubeconfig. Default: its current one.'],
  ['namespace', undefined, 'NAME', 'Look after this namespace only. Default: all.'],
  [
    'prometheus',
    'http://prometheus.istio-system:9090',
    'URL',
    'Prometheus that answers the checks.',
  ],
  ['prometheus-token-file', undefined, 'FILE', 'File with a bearer token for it.'],
  ['prometheus-basic-auth-file', undefined, 'FILE', 'File with user:password for it.'],
  [
    'prometheus-headers-file',
    undefined,
    'FILE',
    'File with further headers for it, one "Name: value" a line.',
  ],
  ['prometheus-tenant', undefined, 'NAME', 'Its tenant, as the header X-Scope-OrgID.'],
  ['prometheus-ca-file', undefined, 'FILE', 'Authorities that are trusted to speak for it, PEM.'],
  ['prometheus-cert-file', undefined, 'FILE', 'Certificate that is shown to it, PEM.'],
  ['prometheus-key-file', undefined, 'FILE', 'Key of that certificate, PEM.'],
  [
    'analysis-hosts',
    '',
    'LIST',
    'Where webhooks of checks may be sent to: host, host:port, *.domain or http://host:port. Empty: nowhere.',
  ],
  [
    'scrape-interval',
    '15s',
    'DURATION',
    'How often that Prometheus scrapes; checks are judged as often.',
  ],
  [
    'git-directory',
    join(tmpdir(), 'sluice-git'),
    'DIR',
    'Mirrors of repositories; a cache that may be deleted.',
  ],
  ['listen', '127.0.0.1:8080', 'HOST:PORT', 'Address of /metrics, /healthz and /readyz.'],
  [
    'notification-hosts',
    'hooks.slack.com,*.logic.azure.com,*.api.powerplatform.com,*.webhook.office.com,api.github.com,gitlab.com',
    'LIST',
    'Where Notifications may send to: host, host:port, *.domain or http://host:port. Empty: nowhere.',
  ],
  [
    'webhook-listen',
    undefined,
    'HOST:PORT',
    'Address for messages of Git hosts, at /webhooks/NAMESPACE/NAME of a GitSource. Default: none are taken.',
  ],
  [
    'leader-election',
    'true',
    'true|false',
    'Take a Lease before writing, so that two controllers may run.',
  ],
  ['lease-namespace', 'sluice-system', 'NAME', 'Namespace of that Lease.'],
  ['identity', `${hostname()}-${process.pid}`, 'NAME', 'Name of this process in the Lease.'],
  ['log-level', 'info', 'LEVEL', 'fatal, error, warn, info, debug or trace.'],
] as const

type Flag = (typeof flags)[number][0]

/** Thrown for a command line that can not be used; its message may be shown as it is. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Options of the controller, or null when only help was asked for. Throws `UsageError`. */
export function parseOptions(argv: readonly string[]): Options | null {
  const values = read(argv)
  if (values === null) return null
  const flag = (name: Flag): string | undefined =>
    values[name] ?? flags.find(([known]) => known === name)?.[1]
  const required = (name: Flag): string => {
    const value = flag(name)
    if (!value) throw new UsageError(`--${name} must not be empty`)
    return value
  }
  return {
    kubeconfig: flag('kubeconfig'),
    context: flag('context'),
    namespace: flag('namespace'),
    prometheus: url(required('prometheus')),
    prometheusAccess: accessOf(flag),
    analysisHosts: hosts('analysis-hosts', flag('analysis-hosts') ?? ''),
    scrapeIntervalMs: interval(required('scrape-interval')),
    gitDirectory: required('git-directory'),
    listen: address('listen', required('listen')),
    webhookListen: optionalAddress('webhook-listen', flag('webhook-listen')),
    notificationHosts: hosts('notification-hosts', flag('notification-hosts') ?? ''),
    leaderElection: yesOrNo('leader-election', required('leader-election')),
    leaseNamespace: required('lease-namespace'),
    identity: required('identity'),
    logLevel: level(required('log-level')),
  }
}

/** Flags for the reference: name, default, meaning. */
export function flagTable(): string[][] {
  return flags.map(([name, value, unit, meaning]) => {
    const isOwn = name === 'identity' || name === 'git-directory'
    const shown = value === undefined || isOwn ? '' : `\`${value}\``
    return [`\`--${name} ${unit}\``, shown, meaning]
  })
}

/** What `--help` prints. */
export function helpText(): string {
  const lines = flags.map(([name, value, unit, meaning]) => {
    const shown = value === undefined || name === 'identity' ? '' : ` [${value}]`
    return `  --${name} ${unit}\n      ${meaning}${shown}`
  })
  return ['Usage: sluice [flags]', '', 'The Sluice controller.', '', ...lines, ''].join('\n')
}

function read(argv: readonly string[]): Partial<Record<string, string>> | null {
  const options: Record<string, { type: 'string' }> = {}
  for (const [name] of flags) options[name] = { type: 'string' }
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { ...options, help: { type: 'boolean', short: 'h' } },
    })
    const { help, ...rest } = values
    return help ? null : (rest as Partial<Record<string, string>>)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`${reason}\nSee --help.`)
  }
}

function url(text: string): string {
  const parsed = URL.canParse(text) ? new URL(text) : null
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    throw new UsageError(`--prometheus must be an http or https URL, not "${text}"`)
  }
  if (parsed.username || parsed.password) {
    throw new UsageError(
      '--prometheus must not carry credentials: command lines can be read by others',
    )
  }
  return text
}

function accessOf(flag: (name: Flag) => string | undefined): AccessOptions {
  const certFile = flag('prometheus-cert-file')
  const keyFile = flag('prometheus-key-file')
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new UsageError('--prometheus-cert-file and --prometheus-key-file need each other')
  }
  return {
    bearerTokenFile: flag('prometheus-token-file'),
    basicAuthFile: flag('prometheus-basic-auth-file'),
    headersFile: flag('prometheus-headers-file'),
    tenant: flag('prometheus-tenant'),
    caFile: flag('prometheus-ca-file'),
    certFile,
    keyFile,
  }
}

function interval(text: string): number {
  const ms = isDuration(text) ? durationMs(text) : 0
  if (ms < 100)
    throw new UsageError(`--scrape-interval must be a duration of at least 100ms, not "${text}"`)
  return ms
}

function optionalAddress(name: Flag, text: string | undefined): Options['webhookListen'] {
  return text ? address(name, text) : null
}

function address(name: Flag, text: string): Options['listen'] {
  const found = /^(.*):(\d{1,5})$/.exec(text)
  const port = Number(found?.[2])
  if (!found?.[1] || port > 65_535)
    throw new UsageError(`--${name} must be HOST:PORT, not "${text}"`)
  return { host: found[1], port }
}

function hosts(name: Flag, text: string): string {
  try {
    allowedHosts(text)
    return text
  } catch (error) {
    throw new UsageError(`--${name} ${error instanceof Error ? error.message : error}`)
  }
}

function yesOrNo(name: string, text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new UsageError(`--${name} must be true or false`)
  return text === 'true'
}

function level(text: string): string {
  const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace']
  if (!levels.includes(text))
    throw new UsageError(`--log-level must be one of ${levels.join(', ')}`)
  return text
}
