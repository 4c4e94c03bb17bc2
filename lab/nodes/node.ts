// Pod objects in, running servers and pod statuses out: the kubelet of the lab, for all pods of a cluster.
import { ApiError, isConflict, isNotFound, type KubeApi, type KubeObject } from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import type { Reflector } from '../../kube/reflector.ts'
import { pods } from '../../kube/resources.ts'
import { createWorkQueue } from '../../kube/work-queue.ts'
import { type PodPlan, planPod } from './behaviour.ts'
import { type PodServer, startPodServer } from './pod-server.ts'
import { type PodState, renderPodStatus } from './pod-status.ts'

export interface NodeOptions {
  readonly api: KubeApi
  readonly pods: Pick<Reflector, 'store'>
  readonly clock: Clock
  readonly random: () => number
  readonly nextAddress: () => string
  readonly onError: (what: string, error: unknown) => void
}

export interface Node {
  /** Looks at a pod that appeared, changed or went. */
  notice(uid: string, object: KubeObject | null): void
  /** Ends all servers at once. */
  close(): Promise<void>
}

interface RunningPod {
  readonly name: string
  readonly object: KubeObject
  readonly startedAtMs: number
  plan: PodPlan | null
  server: PodServer | null
  progress: 'new' | 'starting' | 'settled'
}

const runLimit = 1_000
// A start that takes longer is shown while it lasts; a short one costs a single write.
const silentStartupMs = 1_000

export function createNode(options: NodeOptions): Node {
  const { clock } = options
  const runner = new Runner(options)
  const { running, servers, closing } = runner
  const queue = createWorkQueue<string>({
    clock,
    random: options.random,
    concurrency: 16,
    handle: async (uid) => {
      const pod = running.get(uid)
      return pod && pod.progress !== 'settled' ? runner.start(pod) : null
    },
    onError: (uid, error) => options.onError(`starting pod ${running.get(uid)?.name}`, error),
    backOffBaseMs: 100,
    backOffCapMs: 2_000,
  })

  return {
    notice(uid, object) {
      const known = running.get(uid)
      if (object === null || object.metadata.deletionTimestamp !== undefined) {
        running.delete(uid)
        queue.forget(uid)
        known?.server?.stop(known.plan?.graceMs ?? 0)
        return
      }
      if (known || closing.signal.aborted) return
      if (running.size >= runLimit) {
        return options.onError(
          'starting a pod',
          new Error(`the node runs ${runLimit} pods already`),
        )
      }
      const fresh = { plan: null, server: null, progress: 'new' } as const
      running.set(uid, { object, name: object.metadata.name, startedAtMs: clock.now(), ...fresh })
      queue.add(uid)
    },
    async close() {
      closing.abort()
      running.clear()
      await queue.shutdown()
      for (const server of servers) server.stop(0)
      await Promise.all([...servers].map((server) => server.stopped))
    },
  }
}

/** The pods that are wanted, and the servers that run for them. */
class Runner {
  readonly running = new Map<string, RunningPod>()
  readonly servers = new Set<PodServer>()
  readonly closing = new AbortController()
  private readonly options: NodeOptions

  constructor(options: NodeOptions) {
    this.options = options
  }

  /** Gives the time to come back at, or null when all is said about this pod. */
  async start(pod: RunningPod): Promise<number | null> {
    const plan = pod.plan ?? readPlan(pod)
    if (typeof plan === 'string') return this.wait(pod, 'CreateContainerConfigError', plan)
    pod.plan = plan
    if (plan.behaviour.isCrashing) {
      return this.wait(
        pod,
        'CrashLoopBackOff',
        `back-off restarting failed container in ${pod.name}`,
      )
    }
    pod.server ??= this.track(await startPodServer({ ...this.options, plan }))
    const { address } = pod.server
    if (!this.isPresent(pod)) {
      pod.server.stop(0)
      return null
    }
    const readyAtMs = pod.startedAtMs + plan.behaviour.startupMs
    const isReady = this.options.clock.now() >= readyAtMs
    const isShown =
      pod.progress !== 'new' || readyAtMs - this.options.clock.now() <= silentStartupMs
    if (isReady || !isShown) await this.report(pod, { kind: 'running', address, isReady })
    pod.progress = isReady ? 'settled' : 'starting'
    return isReady ? null : readyAtMs
  }

  async wait(pod: RunningPod, reason: string, message: string): Promise<null> {
    await this.report(pod, { kind: 'waiting', reason, message })
    pod.progress = 'settled'
    return null
  }

  /** Writes the status of a pod that is still wanted. */
  async report(pod: RunningPod, state: PodState): Promise<void> {
    if (!this.isPresent(pod) || this.closing.signal.aborted) return
    const status = renderPodStatus({
      containers: pod.plan?.containers ?? [],
      port: pod.plan?.port ?? 0,
      state,
      startedAtMs: pod.startedAtMs,
      nowMs: this.options.clock.now(),
    })
    const { namespace, name, uid } = pod.object.metadata
    const body = { metadata: { uid }, status }
    try {
      const given = { subresource: 'status' } as const
      this.options.pods.store.learn(
        await this.options.api.patch(pods, { namespace, name }, 'merge', body, given),
      )
    } catch (error) {
      // The pod is gone, and perhaps another one has its name: then its uid is refused as a change.
      const isOther = error instanceof ApiError && error.code === 422
      if (!isNotFound(error) && !isConflict(error) && !isOther) throw error
    }
  }

  isPresent(pod: RunningPod): boolean {
    return this.running.get(pod.object.metadata.uid ?? '') === pod
  }

  track(server: PodServer): PodServer {
    this.servers.add(server)
    void server.stopped.then(() => this.servers.delete(server))
    if (this.closing.signal.aborted) server.stop(0)
    return server
  }
}

function readPlan(pod: RunningPod): PodPlan | string {
  try {
    return planPod(pod.object)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
