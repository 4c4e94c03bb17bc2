// The controller process: flags in, the loop under a lease, until SIGTERM or SIGINT.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { prometheusProvider } from '../analysis/providers/prometheus.ts'
import { systemClock } from '../kube/clock.ts'
import {
  type Credentials,
  inClusterCredentials,
  kubeconfigCredentials,
} from '../kube/credentials.ts'
import { createEventWriter } from '../kube/events.ts'
import { createLease, type Lease, type LeaseOptions } from '../kube/lease.ts'
import { createKubeApi } from '../kube/transport.ts'
import { createLoop, type Loop } from './loop.ts'
import { createMetricSources } from './metric-sources.ts'
import { allowedHosts } from './notify/allowed-hosts.ts'
import { createNotifier } from './notify/notifier.ts'
import { helpText, type Options, parseOptions, UsageError } from './options.ts'
import { serveStatus } from './status-server.ts'
import { openGit } from './sync/open-git.ts'
import { serveWebhooks } from './sync/webhook-server.ts'
import { createTelemetry, type Telemetry } from './telemetry.ts'

const waitingToLead =
  'waiting to lead; another controller, or one that was killed, may hold the lease for 15 s'

/** Longest time of one request, ms; a write must end well within the lease. */
const writeDeadlineMs = 5_000

export async function main(argv: readonly string[]): Promise<number> {
  let options: Options | null
  try {
    options = parseOptions(argv)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`sluice: ${error.message}\n`)
    return 2
  }
  if (!options) {
    process.stdout.write(helpText())
    return 0
  }
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  const secretDirectory = mkdtempSync(join(tmpdir(), 'sluice-secrets-'))
  try {
    await run(options, secretDirectory, stop.signal)
    return 0
  } catch (error) {
    process.stderr.write(`sluice: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    rmSync(secretDirectory, { recursive: true, force: true })
  }
}

async function run(options: Options, secretDirectory: string, signal: AbortSignal): Promise<void> {
  const clock = systemClock
  const random = Math.random
  const logger = pino({ level: options.logLevel })
  const credentials = await credentialsOf(options)
  const telemetry = createTelemetry(logger, {
    events: () => events,
    world: () => loop.world,
    waiting: () => loop.waiting(),
    unsent: () => notifier.waiting(),
    monotonic: () => clock.monotonic(),
  })
  const { server } = credentials
  const api = createKubeApi({
    ...{ server, credentials, clock, random, writeDeadlineMs },
    observer: (report) => telemetry.requested(report),
  })
  const { identity } = options
  const events = createEventWriter({
    ...{ api, clock },
    reportingController: 'sluice.dev/controller',
    reportingInstance: identity,
  })
  const lease = leaseOf(options, {
    ...{ api, clock, random, logger },
    onLeading: () => {
      loop.lead()
      notifier.lead()
    },
  })
  const provider = prometheusProvider({ url: options.prometheus, ...options.prometheusAccess })
  const mayWrite = () => lease?.mayWrite() ?? true
  const isLeading = () => (lease ? lease.fence() !== null : true)
  const notifier = createNotifier({
    ...{ api, clock, random, namespace: options.namespace, mayWrite, isLeading },
    hosts: allowedHosts(options.notificationHosts),
    world: () => loop.world,
    listeners: telemetry,
  })
  const loop: Loop = createLoop({
    ...{ api, provider, clock, random, mayWrite, isLeading, secretDirectory },
    metricSources: createMetricSources({
      ...{ api, clock, hosts: options.analysisHosts },
      world: () => loop.world,
    }),
    git: openGit,
    namespace: options.namespace,
    directory: options.gitDirectory,
    scrapeIntervalMs: options.scrapeIntervalMs,
    listeners: { ...telemetry, journal: notifier.journalAfter(telemetry.journal) },
  })
  const servers = await listen(options, loop, telemetry)
  logger.info({ server, status: servers.url, identity }, 'started')
  if (lease) logger.info(waitingToLead)
  const told = notifier.run(signal)
  if (!lease) notifier.lead()
  const leading = lease?.run(lastOf(signal, [loop.stopped, told]))
  await loop.run(signal)
  await told
  await events.flush()
  await leading
  await servers.close()
  provider.close()
  await api.close()
  logger.info('stopped')
}

/** What others may ask this process for: its health and metrics, and where it is wanted, to look at Git. */
async function listen(
  { listen, webhookListen }: Options,
  loop: Loop,
  { registry, hinted, failed }: Telemetry,
): Promise<{ url: string; close(): Promise<void> }> {
  const status = await serveStatus({ ...listen, registry, loop, clock: systemClock })
  if (!webhookListen) return status
  const onError = (error: unknown) => failed('webhook', error)
  const { webhooks } = loop
  const hooks = await serveWebhooks({ ...webhookListen, webhooks, onAnswer: hinted, onError })
  return {
    url: status.url,
    async close() {
      await hooks.close()
      await status.close()
    },
  }
}

interface Candidacy extends Pick<LeaseOptions, 'api' | 'clock' | 'random'> {
  readonly logger: Logger
  readonly onLeading: () => void
}

/** Null where this process writes without one. */
function leaseOf(
  { leaderElection, leaseNamespace: namespace, identity }: Options,
  { logger, onLeading, ...parts }: Candidacy,
): Lease | null {
  if (!leaderElection) return null
  return createLease({
    ...parts,
    ...{ namespace, identity, name: 'sluice-controller' },
    requestDeadlineMs: writeDeadlineMs,
    onStarted: (fence) => {
      logger.info({ fence }, 'leading')
      onLeading()
    },
    onStopped: () => logger.info('not leading any more'),
  })
}

/** The lease is given away only after the last write has ended. */
function lastOf(signal: AbortSignal, work: readonly Promise<void>[]): AbortSignal {
  const stop = new AbortController()
  const end = () => void Promise.all(work).then(() => stop.abort())
  signal.addEventListener('abort', end, { once: true })
  return stop.signal
}

async function credentialsOf({ kubeconfig, context }: Options): Promise<Credentials> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env
  const isInPod = existsSync('/var/run/secrets/kubernetes.io/serviceaccount/token')
  if (kubeconfig === undefined && host !== undefined && isInPod) {
    return inClusterCredentials({ host, port, clock: systemClock })
  }
  return kubeconfigCredentials({ path: kubeconfig, context, clock: systemClock })
}

// Whatever is still open must not keep a process alive that does not work any more.
if (import.meta.main) process.exit(await main(process.argv.slice(2)))
