// Decided sizes of a user's Deployment and pods to evict in, writes out. A Deployment is patched, never replaced:
// its scale, its pause and our own labels, and only while it is as it was read.
import type { KubeObject } from '../../kube/api.ts'
import { ApiError } from '../../kube/api.ts'
import { rolloutLabel } from '../../kube/bounded-name.ts'
import { readDeployment, releasePatch, sizePatch } from '../../kube/deployment.ts'
import { deployments, pods } from '../../kube/resources.ts'
import type { Observed } from '../observe/observe.ts'
import { assertMayWrite, Fenced, type Hands, type Of, readAny, Stalled } from './hands.ts'
import { promiseToRestore } from './write-traffic.ts'

export async function sizeWorkload(
  hands: Hands,
  observed: Observed,
  { name, replicas, isHeld }: Of<'workload'>,
): Promise<void> {
  const object = await readWorkload(hands, observed, name)
  if (!object) return
  await promiseToRestore(hands, observed)
  const { decision } = observed.snapshot.status
  await write(hands, object, sizePatch(object, { replicas, isHeld, decision }))
}

/** Takes every trace of ours off it. */
export async function releaseWorkload(hands: Hands, observed: Observed): Promise<void> {
  const { workload } = observed.snapshot
  const object = workload && (await readWorkload(hands, observed, workload.name))
  if (object) await write(hands, object, releasePatch(object))
}

/** Asks for a pod to go. A budget that does not allow it now is no error: it is asked again later. */
export async function evict(
  { api, ...hands }: Hands,
  { owner }: Observed,
  { pod, uid }: Of<'evict'>,
): Promise<void> {
  assertMayWrite({ api, ...hands })
  const eviction: KubeObject = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: pod, namespace: owner.namespace },
    deleteOptions: { preconditions: { uid } },
  }
  try {
    await api.create(pods, eviction, { subresource: 'eviction' })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    // Gone, or another pod of that name: the next decision sees it.
    if (error.code === 404 || error.code === 409) return
    const refusal = refusals[error.code]
    if (refusal === undefined) throw error
    throw new Stalled(`pod ${pod} ${refusal}: ${error.message}`)
  }
}

const refusals: Readonly<Record<number, string>> = {
  403: 'may not be evicted: install the chart with workloads.evictions=true',
  429: 'may not be evicted now',
}

async function readWorkload(
  hands: Hands,
  { owner, snapshot }: Observed,
  name: string,
): Promise<KubeObject | null> {
  const object = await readAny(hands, deployments, { namespace: owner.namespace, name })
  const view = object && readDeployment(object)
  if (!view) return null
  if (view.follower !== rolloutLabel(owner.name)) {
    throw new Fenced(`Deployment ${name} is not followed by Rollout ${owner.name} any more`)
  }
  if (view.decision > snapshot.status.decision) {
    throw new Fenced(
      `Deployment ${name} carries decision ${view.decision}, this is ${snapshot.status.decision}`,
    )
  }
  return object
}

async function write(hands: Hands, { metadata }: KubeObject, body: unknown): Promise<void> {
  const { namespace, name } = metadata
  assertMayWrite(hands)
  const written = await hands.api.patch(deployments, { namespace, name }, 'merge', body)
  hands.world.named.storeOf({ kind: 'Deployment', name }).learn(written)
}
