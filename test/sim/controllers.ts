// Controller processes: the production loop, started, killed between any two writes, paused past its lease,
// started again, alone or two at a time. Nothing of the loop is replaced but its environment.
import { ProviderError } from '../../analysis/provider.ts'
import { createLoop, type Loop, type LoopOptions } from '../../controller/loop.ts'
import type { AllowedHosts } from '../../controller/notify/allowed-hosts.ts'
import { createNotifier, type Notifier } from '../../controller/notify/notifier.ts'
import type { Journal } from '../../controller/reconcile.ts'
import type { Announcement } from '../../controller/rollout/describe.ts'
import { ApiError, type KubeApi } from '../../kube/api.ts'
import { createLease, type Lease } from '../../kube/lease.ts'
import { type Call, type ClientParts, createClient } from './client.ts'
import { createGit, GitFailure, type GitParts } from './git-client.ts'
import type { GitHost } from './git-host.ts'
import type { Process } from './kernel.ts'
import type { Metrics } from './metrics.ts'
import type { Oracle } from './oracle.ts'
import { streamOf } from './random.ts'
import type { Receiver } from './receiver.ts'
import type { Scenario } from './scenario.ts'
import type { Trace } from './trace.ts'

export interface Running {
  readonly process: Process
  readonly loop: Loop
  readonly lease: Lease | null
  readonly notifier: Notifier | null
}

export interface Controllers {
  start(): void
  /** Nothing is dead any more. */
  heal(): void
  running(): readonly Running[]
  /** Ends one and starts another. */
  restart(running: Running): void
}

export interface ControllerParts
  extends Omit<ClientParts, 'process' | 'clock' | 'random' | 'onWrite'> {
  readonly scenario: Scenario
  readonly metrics: Metrics
  readonly oracle: Oracle
  readonly trace: Trace
  readonly host: GitHost
  readonly receiver: Receiver
  readonly gitDownUntil: GitParts['downUntil']
  readonly interfere: GitParts['interfere']
  /** Changes the API as the controller sees it, to plant a mistake. */
  readonly wrap?: ((api: KubeApi) => KubeApi) | undefined
  /** Asked before and after each write: ms after which a controller that ends here starts again. */
  readonly crash?: ((when: 'before' | 'after', what: string) => number | null) | undefined
  /** Told of what is announced to people. */
  readonly onAnnounced?: ((announcement: Announcement) => void) | undefined
}

const leaseTimes = { durationMs: 45_000, renewDeadlineMs: 30_000, retryMs: 10_000 }

export function createControllers(parts: ControllerParts): Controllers {
  const { kernel, scenario, choices, trace } = parts
  const slots: (Running | null)[] = scenario.isPair ? [null, null] : [null]
  let started = 0

  const boot = (slot: number) => {
    started += 1
    const skew = choices.at('C4')
    const process: Process = {
      name: `controller-${started}`,
      isAlive: true,
      pausedUntil: 0,
      skewMs: Math.round(skew?.between(0, -2_000, 2_000) ?? 0),
    }
    trace.note(() => `${process.name} starts, clock off by ${process.skewMs} ms`)
    slots[slot] = launch(parts, process, (when, call) => atWrite(slot, when, call))
  }

  const kill = (slot: number, why: string, ms: number) => {
    const running = slots[slot]
    if (!running?.process.isAlive) return
    trace.note(() => `${running.process.name} is killed ${why}`)
    running.process.isAlive = false
    kernel.after(ms, () => {
      if (slots[slot] === running) boot(slot)
    })
  }

  const writes = new WeakMap<Process, number>()

  const atWrite = (slot: number, when: 'before' | 'after', call: Call) => {
    const process = slots[slot]?.process
    if (!process) return
    const restMs = parts.crash?.(when, `${call.verb} ${call.resource.plural}`) ?? null
    if (restMs !== null) return kill(slot, `${when} ${call.verb} ${call.resource.plural}`, restMs)
    const count = (writes.get(process) ?? 0) + 1
    writes.set(process, count)
    const crash = choices.at('C1') ?? (count < 8 && started > 1 ? choices.at('C2') : null)
    if (crash) {
      const isNow = crash.unit(0) < 0.5
      const what = `${when} ${call.verb} ${call.resource.plural}`
      if (isNow) kill(slot, what, crash.between(1, 1_000, 30_000))
      return
    }
    const pause = choices.at('C3') ?? choices.at('C5')
    if (!pause) return
    const isLong = pause.key.startsWith('C3')
    const ms = isLong ? pause.between(0, 30_000, 120_000) : pause.between(0, 1_000, 20_000)
    process.pausedUntil = kernel.now() + ms
    trace.note(() => `${process.name} stands still for ${Math.round(ms / 1_000)} s ${when} a write`)
  }

  return {
    start: () => {
      for (const slot of slots.keys()) boot(slot)
    },
    running: () => slots.filter((one) => one !== null),
    heal() {
      for (const [slot, running] of slots.entries()) {
        if (!running) continue
        if (!running.process.isAlive) boot(slot)
      }
    },
    restart(running) {
      kill(slots.indexOf(running), 'for another version', 2_000)
    },
  }
}

function launch(
  parts: ControllerParts,
  process: Process,
  onWrite: ClientParts['onWrite'],
): Running {
  const { kernel, scenario, oracle, trace, metrics } = parts
  const clock = kernel.clockOf(process)
  const stream = streamOf(scenario.seed, 100 + Number(process.name.split('-')[1]))
  const random = () => stream.unit()
  const client = createClient({ ...parts, process, clock, random, onWrite })
  const api = parts.wrap?.(client) ?? client
  const lease = scenario.isPair
    ? createLease({
        api: client,
        clock,
        random,
        namespace: 'sluice',
        name: 'sluice-controller',
        identity: process.name,
        ...leaseTimes,
        onStarted: () => {
          loop.lead()
          notifier?.lead()
        },
        onStopped: () => trace.note(() => `${process.name} leads no more`),
      })
    : null
  const mayWrite = () => lease?.mayWrite() ?? true
  const isLeading = () => lease === null || lease.fence() !== null
  const onFailed = (part: string, error: unknown) => failed({ oracle, trace, process }, part, error)
  const notifier = scenario.isNotified
    ? createNotifier({
        ...{ api, clock, random, mayWrite, isLeading },
        namespace: undefined,
        hosts: allowAll,
        world: () => loop.world,
        listeners: { notified: () => undefined, failed: onFailed },
        send: parts.receiver.postOf(process),
      })
    : null
  const journal: Journal = {
    decided: () => undefined,
    announced: (_, announcement) => {
      const { reason, note } = announcement
      trace.note(() => `${process.name}: ${reason}: ${note}`)
      parts.onAnnounced?.(announcement)
    },
  }
  const options: LoopOptions = {
    api,
    provider: metrics.providerOf(process),
    clock,
    random,
    git: createGit({
      ...parts,
      process,
      downUntil: parts.gitDownUntil,
      onPush: (when) => onWrite(when, push),
    }),
    directory: 'mirrors',
    scrapeIntervalMs: scenario.scrapeMs,
    mayWrite,
    isLeading,
    listeners: {
      journal: notifier?.journalAfter(journal) ?? journal,
      judged: (verdict) => {
        const { outcome, because } = verdict
        trace.note(() => `judged ${outcome}: ${because}`)
        oracle.judged(process.name, verdict)
      },
      reverted: () => undefined,
      failed: onFailed,
    },
  }
  const loop = createLoop(options)
  const signal = new AbortController().signal
  void notifier?.run(signal)
  if (!lease) notifier?.lead()
  void loop.run(signal)
  void lease?.run(signal)
  return { process, loop, lease, notifier }
}

/** Whom the operator lets be called is not this world's matter. */
const allowAll: AllowedHosts = {
  refusal: () => null,
  lookupFor: () => {
    throw new Error('nothing is looked up here')
  },
}

const push: Call = {
  verb: 'push',
  resource: { apiVersion: '', kind: 'Commit', plural: 'commits', namespaced: false },
  key: { name: 'main' },
}

const expected = ['Fenced', 'Stalled']

/** What a controller may fail with in a bad world; all else is a mistake of ours. */
function failed(
  { oracle, trace, process }: { oracle: Oracle; trace: Trace; process: Process },
  part: string,
  error: unknown,
): void {
  const isExpected =
    error instanceof ApiError ||
    error instanceof GitFailure ||
    error instanceof ProviderError ||
    (error instanceof Error &&
      (expected.includes(error.name) || /was not read yet/.test(error.message)))
  const text = error instanceof Error ? error.message : String(error)
  trace.note(() => `${process.name}: ${part} failed: ${text}`)
  if (isExpected) return
  const name = error instanceof Error && error.name === 'InvariantViolation' ? 'asserted' : 'crash'
  oracle.violate(name, `${part}: ${error instanceof Error ? (error.stack ?? text) : text}`)
}
