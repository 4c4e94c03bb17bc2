// A control plane, a router and a data plane in, a service under way out: pods that serve callers, a
// controller that can be killed, and an account of every request.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { KubeApi, KubeObject, Resource } from '../../../kube/api.ts'
import { systemClock } from '../../../kube/clock.ts'
import { createReflector } from '../../../kube/reflector.ts'
import { deployments, pods, rollouts, services } from '../../../kube/resources.ts'
import { type ControllerProcess, startController } from '../../../lab/demo/controller-process.ts'
import { type Load, startLoad } from '../../../lab/load/start.ts'
import { callerTls } from '../../../lab/nodes/pod-server.ts'
import { connectTo, type Description } from '../current.ts'
import type { DataPlane, DataPlaneOptions } from './data-plane.ts'
import { type Lag, watchLag } from './lag.ts'
import {
  isEncrypted,
  type Release,
  renderAdoption,
  renderDeployment,
  renderRollout,
  type Steps,
  usualSteps,
} from './release.ts'
import type { Calls, RouterStory } from './routers.ts'
import { createStory, type Story } from './story.ts'

export interface TrafficStage {
  readonly api: KubeApi
  readonly namespace: string
  readonly router: RouterStory
  readonly story: Story
  readonly lag: Lag
  readonly removedPods: ReadonlyMap<string, number>
  readonly origin: Origin
  /** Routes of users, as they were stored at first. */
  readonly given: readonly KubeObject[]
  /** The release that was applied last. */
  applied(): Release
  /** Applies a release; a field manager of its own, as a delivery tool has. */
  apply(release: Release): Promise<void>
  /** Steps of what is released from now on. */
  plan(steps: Steps): Promise<void>
  /** Applies a Rollout that takes the Deployment over. */
  adopt(): Promise<void>
  /** What a user writes over routes of theirs. */
  write(objects: readonly KubeObject[]): Promise<void>
  /** A person's word. */
  say(verb: 'abort' | 'promote' | 'retry'): Promise<void>
  /** Ends the controller without warning and starts it again, as a container is. */
  killController(): Promise<void>
  /** From now on callers call. */
  call(
    requestsPerSecond: number,
    headers?: Readonly<Record<string, string>>,
    /** Another than that of the story. */
    host?: string,
  ): Promise<Load>
  /** The end of the log of the controller. */
  tail(): Promise<string>
  close(): Promise<void>
}

/** Where pods come from at first: a Deployment that runs already, or the template of the Rollout. */
export type Origin = 'deployment' | 'template'

const namespaceResource: Resource = {
  apiVersion: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
}
const inside = { kind: 'requests', via: 'sidecar' } as const
// Shorter than the drain time, as it should be chosen.
const lifetimeMs = 500

export interface StageOptions {
  readonly plane: Description
  readonly router: RouterStory
  readonly origin: Origin
  /** New. */
  readonly namespace: string
  readonly startPlane: (options: DataPlaneOptions) => Promise<DataPlane>
}

export async function setTrafficStage(options: StageOptions): Promise<TrafficStage> {
  const { plane, router, namespace, origin } = options
  const directory = join(plane.directory, namespace)
  await mkdir(directory)
  const stack = new AsyncDisposableStack()
  const api = connectTo(plane)
  stack.defer(() => api.close())
  try {
    const given = await commission(api, namespace, router)
    const dataPlane = await options.startPlane({ api, namespace, serviceMesh: router.serviceMesh })
    stack.defer(() => dataPlane.close())
    const story = createStory(api, namespace)
    stack.defer(() => story.close())
    const lag = watchLag({ api, namespace, resource: router.route, dataPlane })
    stack.defer(() => lag.close())
    const removed = watchRemovals(api, namespace)
    stack.defer(() => removed.close())
    let lives = 0
    const begin = (): ControllerProcess => {
      lives += 1
      const process = startController({
        logPath: join(directory, `controller-${lives}.log`),
        flags: controllerFlags(plane, namespace, directory),
      })
      stack.defer(() => process.stop())
      return process
    }
    let controller = begin()
    let steps = usualSteps
    let applied: Release = { version: '' }
    const adopt = () => apply(api, rollouts, renderAdoption({ namespace, router, steps }))
    return {
      ...{ api, namespace, router, origin, story, lag, given, removedPods: removed.at },
      applied: () => applied,
      apply(release) {
        applied = release
        return origin === 'template'
          ? apply(api, rollouts, renderRollout({ namespace, router, release, steps }))
          : apply(api, deployments, renderDeployment({ namespace, router, release }))
      },
      async plan(next) {
        steps = next
        if (origin === 'deployment') await adopt()
      },
      adopt,
      async write(objects) {
        for (const { metadata, spec } of objects) {
          const { name } = metadata
          const stored = await api.get(router.route, { namespace, name })
          await api.replace(router.route, { ...stored, spec })
        }
      },
      say: (verb) => say(api, namespace, verb),
      async killController() {
        controller.signal('SIGKILL')
        await controller.ended
        controller = begin()
      },
      async call(requestsPerSecond, headers = {}, host) {
        const calls = host === undefined ? router.calls : ({ ...inside, host } as const)
        const load = await startCalling(dataPlane, calls, { requestsPerSecond, headers })
        stack.defer(() => load.stop())
        return load
      },
      tail: () => controller.tail(),
      close: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

function controllerFlags(plane: Description, namespace: string, directory: string): string[] {
  const flags: readonly (readonly [string, string])[] = [
    ['--kubeconfig', plane.kubeconfigPath],
    // No release of the suite has checks.
    ['--prometheus', 'http://127.0.0.1:9'],
    ['--git-directory', join(directory, 'mirrors')],
    ['--listen', '127.0.0.1:0'],
    ['--namespace', namespace],
    ['--lease-namespace', namespace],
    // The same in each life: a container that is started again keeps the name of its pod.
    ['--identity', 'controller'],
  ]
  return flags.flat()
}

async function commission(
  api: KubeApi,
  namespace: string,
  router: RouterStory,
): Promise<KubeObject[]> {
  await api.create(namespaceResource, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  })
  await api.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'checkout', namespace },
    spec: {
      selector: { app: 'checkout' },
      ports: [{ name: isEncrypted(router) ? 'tls' : 'http', port: 80, targetPort: 8080 }],
    },
  })
  const given: KubeObject[] = []
  for (const object of router.users ?? []) {
    const own = { ...object, metadata: { ...object.metadata, namespace } }
    given.push(await api.create(router.route, own))
  }
  return given
}

async function apply(api: KubeApi, resource: Resource, object: KubeObject): Promise<void> {
  const given = { fieldManager: 'delivery', force: true }
  await api.patch(resource, object.metadata, 'apply', object, given)
}

let words = 0

async function say(api: KubeApi, namespace: string, verb: string): Promise<void> {
  words += 1
  const command = { id: `c${words}`, by: 'ada', at: new Date().toISOString() }
  const annotations = { [`sluice.dev/${verb}`]: JSON.stringify(command) }
  await api.patch(rollouts, { namespace, name: 'checkout' }, 'merge', { metadata: { annotations } })
}

interface Calling {
  readonly requestsPerSecond: number
  readonly headers: Readonly<Record<string, string>>
}

async function startCalling(
  plane: DataPlane,
  calls: Calls,
  { requestsPerSecond, headers }: Calling,
): Promise<Load> {
  const clock = systemClock
  if (calls.kind === 'requests') {
    const { via, host, path = '/' } = calls
    const hosts = [{ host, requestsPerSecond }]
    return startLoad({ url: plane.url(via), path, headers, clock, hosts })
  }
  const port = await plane.connectionsTo('checkout')
  const { serverName } = calls
  const checkServerIdentity = () => undefined
  const tls = serverName && { ...callerTls, checkServerIdentity }
  return startLoad({
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    clock,
    // The client asks for the name of the host in its handshake.
    hosts: [{ host: serverName ?? 'checkout', requestsPerSecond }],
    connections: { lifetimeMs, ...(tls && { tls }) },
  })
}

/** When pods were removed from the API, by name. */
function watchRemovals(api: KubeApi, namespace: string) {
  const at = new Map<string, number>()
  const closing = new AbortController()
  const following = createReflector({
    ...{ api, resource: pods, query: { namespace }, clock: systemClock, random: Math.random },
    onChange(_, object, previous) {
      const isGoing = !object || object.metadata.deletionTimestamp !== undefined
      const { name } = (object ?? previous)?.metadata ?? { name: '' }
      if (isGoing && !at.has(name)) at.set(name, Date.now())
    },
  }).start(closing.signal)
  return {
    at,
    async close() {
      closing.abort()
      await following
    },
  }
}
