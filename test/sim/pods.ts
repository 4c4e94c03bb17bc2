// ReplicaSets in, pods that start, become ready and die out, with the status that a real controller writes.
// What is true (`readyOf`) and what the status says differ by some moments, as they do in a cluster.
import { label } from '../../crds/names.ts'
import { revisionOf as templateRevision } from '../../crds/revision.ts'
import type { KubeObject, Resource } from '../../kube/api.ts'
import { deployments, replicaSets } from '../../kube/resources.ts'
import type { ApiServer, Change, Writer } from './api-server.ts'
import type { Kernel } from './kernel.ts'
import type { Quality } from './scenario.ts'

export interface Pods {
  changed(change: Change): void
  /** Pods of a revision that answer requests now. */
  readyOf(revision: string): number
  revisions(): readonly string[]
  /** Most pods that were ready at one instant since `sinceMs`. */
  mostReadySince(revision: string, sinceMs: number): number
  /** Fewest pods that were ready at one instant since `sinceMs`. */
  leastReadySince(revision: string, sinceMs: number): number
  /** Kills pods: all of a revision, or a share of all. They start again after a while. */
  kill(choose: (revision: string, index: number) => boolean, downMs: number): void
  /** No pod is created before this time. */
  forbid(untilMs: number, quota: string): void
  heal(): void
}

interface Pod {
  state: 'starting' | 'ready'
}

interface Fleet {
  readonly resource: Resource
  readonly name: string
  readonly namespace: string
  readonly revision: string
  object: KubeObject
  pods: Pod[]
  /** Of a Deployment: the revision of the template that its pods were made of. */
  rolled: string
  downUntil: number
  isPlanned: boolean
}

interface Instant {
  readonly at: number
  readonly ready: number
}

export interface PodsParts {
  readonly kernel: Kernel
  readonly server: ApiServer
  readonly qualityOf: (revision: string) => Quality
  /** The number of pods that answer is about to change. */
  readonly onReady: () => void
}

const by: Writer = { name: 'kubelet', isController: false, sentAt: 0, verb: 'status' }

/** Stands for the revision of pods that a Deployment runs. */
export const workloadPods = 'deployment'

export function createPods({ kernel, server, qualityOf, onReady }: PodsParts): Pods {
  const fleets = new Map<string, Fleet>()
  const history = new Map<string, Instant[]>()
  let quota: { readonly untilMs: number; readonly says: string } | null = null

  const readyOf = (revision: string) => {
    let ready = 0
    for (const fleet of fleets.values()) {
      if (fleet.revision === revision) ready += countReady(fleet)
    }
    return ready
  }

  const change = (fleet: Fleet, edit: () => void) => {
    onReady()
    edit()
    const instants = history.get(fleet.revision) ?? []
    instants.push({ at: kernel.now(), ready: readyOf(fleet.revision) })
    history.set(fleet.revision, instants)
  }

  const plan = (fleet: Fleet, ms: number) => {
    if (fleet.isPlanned) return
    fleet.isPlanned = true
    kernel.after(ms, () => {
      fleet.isPlanned = false
      if (fleets.get(fleet.object.metadata.uid ?? '') === fleet) work(fleet)
    })
  }

  const work = (fleet: Fleet) => {
    const desired: number = fleet.object['spec'].replicas ?? 1
    const now = kernel.now()
    if (fleet.pods.length > desired) {
      change(fleet, () => {
        fleet.pods.sort((a, b) => Number(a.state !== 'ready') - Number(b.state !== 'ready'))
        fleet.pods.length = desired
      })
    }
    const isHeld = fleet.downUntil > now || (quota?.untilMs ?? 0) > now
    if (isHeld) plan(fleet, Math.max(fleet.downUntil, quota?.untilMs ?? 0) - now)
    while (!isHeld && fleet.pods.length < desired) begin(fleet)
    writeStatus(fleet)
  }

  /** A Deployment keeps its old pods for as long as new ones do not get ready. */
  const roll = (fleet: Fleet) => {
    const { template, paused } = fleet.object['spec']
    const next = fleet.resource === deployments && !paused ? templateRevision(template) : ''
    if (next !== '' && !qualityOf(next).neverReady) fleet.rolled = next
  }

  const begin = (fleet: Fleet) => {
    const pod: Pod = { state: 'starting' }
    fleet.pods.push(pod)
    const { startMs, neverReady } = qualityOf(
      fleet.resource === deployments ? fleet.rolled : fleet.revision,
    )
    if (neverReady) return
    const minReadyMs = (fleet.object['spec'].minReadySeconds ?? 0) * 1_000
    kernel.after(startMs + minReadyMs + 97 * fleet.pods.length, () => {
      if (!fleet.pods.includes(pod)) return
      change(fleet, () => {
        pod.state = 'ready'
      })
      plan(fleet, 20)
    })
  }

  const writeStatus = (fleet: Fleet) => {
    const { name, namespace, object, resource } = fleet
    const current = server.get(resource, { namespace, name })
    if (!current || current.metadata.uid !== object.metadata.uid) return
    const ready = countReady(fleet)
    const isShort =
      (quota?.untilMs ?? 0) > kernel.now() && fleet.pods.length < (current['spec'].replicas ?? 1)
    const failed = { type: 'ReplicaFailure', status: 'True', message: quota?.says }
    const status = {
      replicas: fleet.pods.length,
      ...(ready > 0 ? { readyReplicas: ready, availableReplicas: ready } : {}),
      ...(resource === deployments ? { updatedReplicas: updatedOf(fleet) } : {}),
      observedGeneration: object.metadata.generation,
      ...(isShort ? { conditions: [failed] } : {}),
    }
    const { resourceVersion: _, ...metadata } = current.metadata
    const next = { ...current, metadata, status } as KubeObject
    server.replace({ ...by, sentAt: kernel.now() }, resource, next, { subresource: 'status' })
  }

  return {
    readyOf,
    revisions: () => [...new Set([...fleets.values()].map(({ revision }) => revision))],
    changed({ type, object, resource }) {
      const kind = [replicaSets, deployments].find(({ plural }) => plural === resource.plural)
      if (!kind) return
      const { uid = '', name, namespace = '', labels } = object.metadata
      const revision = kind === deployments ? workloadPods : (labels?.[label.revision] ?? '')
      const known = fleets.get(uid)
      if (type === 'DELETED') {
        if (known) {
          change(known, () => {
            known.pods = []
            fleets.delete(uid)
          })
        }
        return
      }
      if (known && known.object['spec'] === object['spec']) {
        known.object = object
        return
      }
      const fleet: Fleet = known ?? {
        resource: kind,
        name,
        namespace,
        revision,
        object,
        pods: [],
        rolled: '',
        downUntil: 0,
        isPlanned: false,
      }
      fleet.object = object
      roll(fleet)
      fleets.set(uid, fleet)
      plan(fleet, 50)
    },
    mostReadySince(revision, sinceMs) {
      const instants = history.get(revision) ?? []
      let most = 0
      for (let i = instants.length - 1; i >= 0; i -= 1) {
        const instant = instants[i]
        if (!instant) break
        most = Math.max(most, instant.ready)
        // The last change before the window still held at its beginning.
        if (instant.at < sinceMs) break
      }
      return most
    },
    leastReadySince(revision, sinceMs) {
      const instants = history.get(revision) ?? []
      let least = readyOf(revision)
      for (let i = instants.length - 1; i >= 0; i -= 1) {
        const instant = instants[i]
        if (!instant) break
        least = Math.min(least, instant.ready)
        if (instant.at < sinceMs) break
      }
      return least
    },
    kill(choose, downMs) {
      for (const fleet of fleets.values()) {
        const left = fleet.pods.filter((_, index) => !choose(fleet.revision, index))
        if (left.length === fleet.pods.length) continue
        change(fleet, () => {
          fleet.pods = left
          fleet.downUntil = kernel.now() + downMs
        })
        plan(fleet, 20)
      }
    },
    forbid(untilMs, says) {
      quota = { untilMs, says }
    },
    heal() {
      quota = null
      for (const fleet of fleets.values()) {
        fleet.downUntil = 0
        fleet.isPlanned = false
        plan(fleet, 20)
      }
    },
  }
}

const updatedOf = ({ object, rolled, pods }: Fleet): number =>
  templateRevision(object['spec'].template) === rolled ? pods.length : 0

const countReady = ({ pods }: Fleet) =>
  pods.reduce((sum, pod) => sum + Number(pod.state === 'ready'), 0)
