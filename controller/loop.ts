// Wires the parts: changes of the world, verdicts, reports and times in; ticks out, one at a time per key.
//
//   world ──▶ key ──▶ queue ──▶ reconcile (Rollout) ──▶ revert desk ──▶ Git
//   verdicts ─▲         └─────▶ sync (GitSource)  ──▶ Rollouts
import { join } from 'node:path'
import { createAnalyst } from '../analysis/analyst.ts'
import type { Sources as MetricSources } from '../analysis/ask/source.ts'
import type { Provider } from '../analysis/provider.ts'
import type { Verdict } from '../analysis/verdict.ts'
import type { KubeApi } from '../kube/api.ts'
import type { Clock } from '../kube/clock.ts'
import { readFleet, replicaSetName } from '../kube/replica-set.ts'
import { createWorkQueue } from '../kube/work-queue.ts'
import { type Judging, keepJudging } from './judging.ts'
import type { Memory } from './observe/observe.ts'
import { createWorld, type World } from './observe/world.ts'
import { type Journal, type Reconciler, reconcile } from './reconcile.ts'
import { createRevertDesk, type RevertDesk } from './sync/revert-desk.ts'
import { createSources, type OpenGit, type Sources } from './sync/sync.ts'
import { createWebhooks, type Webhooks } from './sync/webhooks.ts'

export interface LoopOptions {
  readonly api: KubeApi
  readonly provider: Provider
  /** Providers of metrics that are no Prometheus; none without them. */
  readonly metricSources?: MetricSources | undefined
  readonly clock: Clock
  /** In [0, 1), for jitter. */
  readonly random: () => number
  readonly namespace?: string | undefined
  readonly git: OpenGit
  /** Where mirrors of repositories are kept. */
  readonly directory: string
  /** Where files with secrets are kept while this process runs; beside the mirrors unless told. */
  readonly secretDirectory?: string | undefined
  readonly scrapeIntervalMs: number
  /** False as soon as the lease may have expired. */
  readonly mayWrite: () => boolean
  /** This process holds the lease, even while it is in doubt whether a write would end in time. */
  readonly isLeading: () => boolean
  readonly listeners: Listeners
}

export interface Listeners {
  readonly journal: Journal
  judged(verdict: Verdict): void
  reverted(state: string): void
  /** Work that failed and is tried again. `part` is one of few words; `about` names the object. */
  failed(part: string, error: unknown, about?: string): void
}

export interface Loop {
  readonly world: World
  /** Takes messages of Git hosts. */
  readonly webhooks: Webhooks
  /** Follows the cluster until `signal` fires, then finishes the writes in hand. */
  run(signal: AbortSignal): Promise<void>
  /** This process leads now: look at everything. */
  lead(): void
  /** Resolves when `run` has ended its last write. */
  readonly stopped: Promise<void>
  isSynced(): boolean
  /** Keys that wait for their turn. */
  waiting(): number
  /** Monotonic ms at which the oldest running tick began; null when none runs. */
  busySince(): number | null
}

type Key = `rollout/${string}` | `source/${string}`

const concurrency = 16
const doubtMs = 1_000

export function createLoop(options: LoopOptions): Loop {
  const { clock } = options
  const add = (key: Key) => queue.add(key)
  const memory: Memory = { verdicts: new Map(), reverts: new Map(), released: new Map() }
  const world = follow(options, add)
  const sources = openSources(options, world, (key, hasNews) => desk.onRead(key, hasNews))
  const parts: Parts = { world, memory, sources, add }
  const desk = openDesk(options, parts)
  const reconciler = createReconciler(options, parts, desk)
  const running = new Map<Key, number>()
  const queue = createQueue(options, running, (key) => {
    const [kind, namespace = '', name = ''] = key.split('/')
    return kind === 'source'
      ? sources.sync(namespace, name)
      : reconcile(reconciler, namespace, name)
  })
  const stopped = Promise.withResolvers<void>()
  let isSynced = false
  return {
    world,
    webhooks: openWebhooks(options, parts),
    lead: () => addEverything(parts),
    stopped: stopped.promise,
    isSynced: () => isSynced,
    waiting: () => queue.waiting(),
    busySince: () => (running.size === 0 ? null : Math.min(...running.values())),
    async run(signal) {
      world.start(signal)
      await Promise.race([world.synced, aborted(signal)])
      isSynced = !signal.aborted
      addEverything(parts)
      await keepJudging(judgingOf(options, parts, clock), signal)
      await queue.shutdown()
      stopped.resolve()
    },
  }
}

interface Parts {
  readonly world: World
  readonly memory: Memory
  readonly sources: Sources
  readonly add: (key: Key) => void
}

function follow(options: LoopOptions, add: Parts['add']): World {
  const { api, clock, random, namespace, listeners } = options
  return createWorld({
    api,
    clock,
    random,
    namespace,
    onRollout: (key) => add(`rollout/${key}`),
    onSource: (key) => add(`source/${key}`),
    onEvent: (kind, event) => {
      if (event.kind === 'failed') listeners.failed(`watch ${kind}`, event.error)
    },
  })
}

function openSources(options: LoopOptions, world: World, onRead: RevertDesk['onRead']): Sources {
  const { api, clock, mayWrite, git, directory, listeners } = options
  const { announced } = listeners.journal
  const secretDirectory = options.secretDirectory ?? join(directory, 'secrets')
  return createSources({
    ...{ api, world, clock, mayWrite, git, directory, secretDirectory, announced, onRead },
    onError: (key, error) => listeners.failed('git source', error, key),
  })
}

function openWebhooks(options: LoopOptions, { world, sources, add }: Parts): Webhooks {
  const { api, clock, isLeading, listeners } = options
  return createWebhooks({
    ...{ api, world, clock, isLeading },
    onHint: (namespace, name) => {
      sources.hint(namespace, name)
      add(`source/${namespace}/${name}`)
    },
    onError: (error, about) => listeners.failed('webhook', error, about),
  })
}

function openDesk(options: LoopOptions, { world, memory, sources, add }: Parts): RevertDesk {
  const { clock, listeners } = options
  return createRevertDesk({
    sources,
    memory,
    clock,
    templateOf: (namespace, name, revision) => {
      const fleet = world.fleets.get(namespace, replicaSetName(name, revision))
      return fleet && readFleet(fleet)?.template
    },
    statusOf: (namespace, name) => world.rollouts.get(namespace, name)?.['status'],
    onReport: (key, report) => {
      if (report) listeners.reverted(report.state)
      add(`rollout/${key}`)
    },
    onCommit: (key) => add(`source/${key}`),
    onError: (error) => listeners.failed('revert', error),
  })
}

function createReconciler(
  { api, clock, mayWrite, listeners }: LoopOptions,
  { world, memory }: Parts,
  { request }: RevertDesk,
): Reconciler {
  const journal = listeners.journal
  return { api, world, clock, memory, mayWrite, requestRevert: request, journal }
}

function createQueue(
  { clock, random, mayWrite, isLeading, listeners }: LoopOptions,
  running: Map<Key, number>,
  handle: (key: Key) => Promise<number | null>,
) {
  return createWorkQueue<Key>({
    clock,
    random,
    concurrency,
    handle: async (key) => {
      // A leader in doubt looks again soon; a candidate looks at everything once it leads.
      if (!mayWrite()) return isLeading() ? clock.now() + doubtMs : null
      running.set(key, clock.monotonic())
      return handle(key).finally(() => running.delete(key))
    },
    onError: (key, error) =>
      listeners.failed(key.startsWith('source') ? 'sync' : 'reconcile', error, key),
  })
}

function judgingOf(options: LoopOptions, { world, memory, add }: Parts, clock: Clock): Judging {
  const { provider, metricSources, scrapeIntervalMs, mayWrite, listeners } = options
  return {
    world,
    memory,
    analyst: createAnalyst({
      ...{ provider, clock, scrapeIntervalMs },
      ...(metricSources === undefined ? {} : { sources: metricSources }),
    }),
    clock,
    intervalMs: scrapeIntervalMs,
    isLeading: mayWrite,
    onVerdict: (key, verdict) => {
      listeners.judged(verdict)
      add(`rollout/${key}`)
    },
    onError: (error) => listeners.failed('analysis', error),
  }
}

function addEverything({ world, add }: Parts): void {
  for (const { metadata } of world.rollouts.list()) {
    add(`rollout/${metadata.namespace ?? ''}/${metadata.name}`)
  }
  for (const { metadata } of world.sources.list()) {
    add(`source/${metadata.namespace ?? ''}/${metadata.name}`)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
