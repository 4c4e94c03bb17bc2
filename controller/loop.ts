// Wires the parts: changes of the world, verdicts, reports and times in; ticks out, one at a time per key.
//
//   world ──▶ key ──▶ queue ──▶ reconcile (Rollout) ──▶ revert desk ──▶ Git
//   verdicts ─▲         └─────▶ sync (GitSource)  ──▶ Rollouts
import { createAnalyst } from '../analysis/analyst.ts'
import type { Provider } from '../analysis/provider.ts'
import type { KubeApi } from '../kube/api.ts'
import type { Clock } from '../kube/clock.ts'
import { createWorkQueue } from '../kube/work-queue.ts'
import { istio } from '../traffic/istio.ts'
import { keepJudging } from './judging.ts'
import type { Memory } from './observe.ts'
import { type Journal, type Reconciler, reconcile } from './reconcile.ts'
import { createRevertDesk } from './revert-desk.ts'
import { createSources } from './sync.ts'
import { createWorld, type World } from './world.ts'

export interface LoopOptions {
  readonly api: KubeApi
  readonly provider: Provider
  readonly clock: Clock
  /** In [0, 1), for jitter. */
  readonly random: () => number
  readonly namespace?: string | undefined
  /** Where mirrors of repositories are kept. */
  readonly directory: string
  readonly scrapeIntervalMs: number
  readonly mayWrite: () => boolean
  readonly listeners: Listeners
}

export interface Listeners {
  readonly journal: Journal
  judged(outcome: Parameters<Parameters<typeof keepJudging>[0]['onVerdict']>[1]): void
  reverted(state: string): void
  failed(part: string, error: unknown): void
}

export interface Loop {
  readonly world: World
  /** Follows the cluster until `signal` fires, then finishes the writes in hand. */
  run(signal: AbortSignal): Promise<void>
  /** This process leads now: look at everything. */
  lead(): void
  /** Resolves when `run` has ended its last write. */
  readonly stopped: Promise<void>
  isSynced(): boolean
  /** Monotonic ms at which the oldest running tick began; null when none runs. */
  busySince(): number | null
}

type Key = `rollout/${string}` | `source/${string}`

const concurrency = 16

export function createLoop(options: LoopOptions): Loop {
  const { api, clock, random, mayWrite, listeners } = options
  const memory: Memory = { verdicts: new Map(), reverts: new Map() }
  const world = createWorld({
    api,
    clock,
    random,
    router: istio,
    namespace: options.namespace,
    onRollout: (key) => queue.add(`rollout/${key}`),
    onSource: (key) => queue.add(`source/${key}`),
    onEvent: (kind, event) => {
      if (event.kind === 'failed') listeners.failed(`watch ${kind}`, event.error)
    },
  })
  const sources = createSources({
    api,
    world,
    clock,
    mayWrite,
    directory: options.directory,
    onError: (key, error) => listeners.failed(`git source ${key}`, error),
  })
  const requestRevert = createRevertDesk({
    sources,
    memory,
    clock,
    onReport: (key, report) => {
      if (report) listeners.reverted(report.state)
      queue.add(`rollout/${key}`)
    },
    onCommit: (key) => queue.add(`source/${key}`),
    onError: (error) => listeners.failed('revert', error),
  })
  const reconciler: Reconciler = {
    api,
    world,
    clock,
    memory,
    mayWrite,
    requestRevert,
    journal: listeners.journal,
  }
  const running = new Map<Key, number>()
  const handle = (key: Key): Promise<number | null> => {
    const [kind, namespace = '', name = ''] = key.split('/')
    return kind === 'source'
      ? sources.sync(namespace, name)
      : reconcile(reconciler, namespace, name)
  }
  const queue = createWorkQueue<Key>({
    clock,
    random,
    concurrency,
    handle: async (key) => {
      if (!mayWrite()) return null
      running.set(key, clock.monotonic())
      return handle(key).finally(() => running.delete(key))
    },
    onError: (key, error) =>
      listeners.failed(key.startsWith('source') ? 'sync' : 'reconcile', error),
  })
  const everything = () => {
    for (const { metadata } of world.rollouts.list()) {
      queue.add(`rollout/${metadata.namespace ?? ''}/${metadata.name}`)
    }
    for (const { metadata } of world.sources.list()) {
      queue.add(`source/${metadata.namespace ?? ''}/${metadata.name}`)
    }
  }
  const analyst = createAnalyst({
    provider: options.provider,
    clock,
    scrapeIntervalMs: options.scrapeIntervalMs,
  })
  const stopped = Promise.withResolvers<void>()
  let isSynced = false
  return {
    world,
    lead: everything,
    stopped: stopped.promise,
    isSynced: () => isSynced,
    busySince: () => (running.size === 0 ? null : Math.min(...running.values())),
    async run(signal) {
      world.start(signal)
      await Promise.race([world.synced, aborted(signal)])
      isSynced = !signal.aborted
      everything()
      await keepJudging(
        {
          world,
          memory,
          analyst,
          clock,
          intervalMs: options.scrapeIntervalMs,
          isLeading: mayWrite,
          onVerdict: (key, verdict) => {
            listeners.judged(verdict)
            queue.add(`rollout/${key}`)
          },
          onError: (error) => listeners.failed('analysis', error),
        },
        signal,
      )
      await queue.shutdown()
      stopped.resolve()
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
