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
  const running = new Map<string, RunningPod>()
  const servers = new Set<PodServer>()
  const closing = new AbortController()
  const queue = createWorkQueue<string>({
    clock,
    random: options.random,
    concurrency: 16,
    handle: async (uid) => {
      const pod = running.get(uid)
      return pod && pod.progress !== 'settled' ? start(pod) : null
    },
    onError: (uid, error) => options.onError(`starting pod ${running.get(uid)?.name}`, error),
    backOffBaseMs: 100,
    backOffCapMs: 2_000,
  })

  /** Gives the time to come back at, or null when all is said about this pod. */
  async function start(pod: RunningPod): Promise<number | null> {
    const plan = pod.plan ?? readPlan(pod)
    if (typeof plan === 'string') return wait(pod, 'CreateContainerConfigError', plan)
    pod.plan = plan
    if (plan.behaviour.isCrashing) {
      return wait(pod, 'CrashLoopBackOff', `back-off restarting failed container in ${pod.name}`)
    }
    pod.server ??= track(await startPodServer({ ...options, plan }))
    const { address } = pod.server
    if (!isPresent(pod)) {
      pod.server.stop(0)
      return null
    }
    const readyAtMs = pod.startedAtMs + plan.behaviour.startupMs
    const isReady = clock.now() >= readyAtMs
    const isShown = pod.progress !== 'new' || readyAtMs - clock.now() <= silentStartupMs
    if (isReady || !isShown) await report(pod, { kind: 'running', address, isReady })
    pod.progress = isReady ? 'settled' : 'starting'
    return isReady ? null : readyAtMs
  }

  async function wait(pod: RunningPod, reason: string, message: string): Promise<null> {
    await report(pod, { kind: 'waiting', reason, message })
    pod.progress = 'settled'
    return null
  }

  /** Writes the status of a pod that is still wanted. */
  async function report(pod: RunningPod, state: PodState): Promise<void> {
    if (!isPresent(pod) || closing.signal.aborted) return
    const status = renderPodStatus({
      containers: pod.plan?.containers ?? [],
      port: pod.plan?.port ?? 0,
      state,
      startedAtMs: pod.startedAtMs,
      nowMs: clock.now(),
    })
    const { namespace, name, uid } = pod.object.metadata
    const body = { metadata: { uid }, status }
    try {
      const given = { subresource: 'status' } as const
      options.pods.store.learn(
        await options.api.patch(pods, { namespace, name }, 'merge', body, given),
      )
    } catch (error) {
      // The pod is gone, and perhaps another one has its name: then its uid is refused as a change.
      const isOther = error instanceof ApiError && error.code === 422
      if (!isNotFound(error) && !isConflict(error) && !isOther) throw error
    }
  }

  function isPresent(pod: RunningPod): boolean {
    return running.get(pod.object.metadata.uid ?? '') === pod
  }

  function track(server: PodServer): PodServer {
    servers.add(server)
    void server.stopped.then(() => servers.delete(server))
    if (closing.signal.aborted) server.stop(0)
    return server
  }

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

function readPlan(pod: RunningPod): PodPlan | string {
  try {
    return planPod(pod.object)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
