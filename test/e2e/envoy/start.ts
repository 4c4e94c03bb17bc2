// Objects of a namespace in, an Envoy that obeys them out. It is told by files, in the order in which a
// control plane tells: endpoints, clusters, listeners, routes.
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { KubeObject, Resource } from '../../../kube/api.ts'
import { systemClock } from '../../../kube/clock.ts'
import { createReflector } from '../../../kube/reflector.ts'
import {
  destinationRules,
  pods,
  replicaSets,
  services,
  virtualServices,
} from '../../../kube/resources.ts'
import { startAccepting } from '../../../lab/mesh/accept.ts'
import { readServices } from '../../../lab/mesh/endpoints.ts'
import { parseGatewayRoute } from '../../../lab/mesh/gateway-objects.ts'
import { oldestFirst, readSubsets, readVirtualServices } from '../../../lab/mesh/istio-rules.ts'
import { routeKinds } from '../../../traffic/gateway-route.ts'
import { type Program, startProgram } from '../program.ts'
import type { DataPlane, DataPlaneOptions } from '../traffic/data-plane.ts'
import { renderClusters } from './clusters.ts'
import { type Ports, renderListeners } from './listeners.ts'
import { probeHost, renderTable } from './routes.ts'

export interface EnvoyOptions extends DataPlaneOptions {
  readonly program: string
  /** Existing and empty. */
  readonly directory: string
}

const kinds = {
  services,
  pods,
  replicaSets,
  virtualServices,
  destinationRules,
  httpRoutes: routeKinds.HTTPRoute,
  grpcRoutes: routeKinds.GRPCRoute,
} as const satisfies Record<string, Resource>
type Known = Readonly<Record<keyof typeof kinds, readonly KubeObject[]>>

/** What changes within it is told at once, as istiod does. */
const debounceMs = 20
const probeMs = 3
const readyLimitMs = 15_000

export async function startEnvoyPlane(options: EnvoyOptions): Promise<DataPlane> {
  const { api, namespace, directory } = options
  const stack = new AsyncDisposableStack()
  const closing = new AbortController()
  const ending = (work: Promise<unknown>) =>
    stack.defer(async () => {
      closing.abort()
      await work
    })
  const ports = await freePorts()
  await mkdir(join(directory, 'endpoints'), { recursive: true })
  const teller = createTeller(directory, namespace, ports)
  const reflectors = Object.entries(kinds).map(([part, resource]) => ({
    part,
    reflector: createReflector({
      ...{ api, resource, query: { namespace }, clock: systemClock, random: Math.random },
      onChange: () => teller.notice(),
    }),
  }))
  const listed = (part: keyof Known) =>
    reflectors.find((one) => one.part === part)?.reflector.store.list() ?? []
  const known = (): Known => ({
    services: listed('services'),
    pods: listed('pods'),
    replicaSets: listed('replicaSets'),
    virtualServices: listed('virtualServices'),
    destinationRules: listed('destinationRules'),
    httpRoutes: listed('httpRoutes'),
    grpcRoutes: listed('grpcRoutes'),
  })
  const following = reflectors.map(({ reflector }) => reflector.start(closing.signal))
  ending(Promise.all(following))
  await Promise.all(reflectors.map(({ reflector }) => reflector.synced))
  const telling = teller.run(known, closing.signal)
  ending(telling)
  const accepting = await startAccepting({
    ...{ api, namespace, mesh: options.serviceMesh ?? 'ambient', delayMs: 30 },
    clock: systemClock,
    random: Math.random,
  })
  stack.defer(() => accepting.close())
  await teller.told()
  const program = await startProxy(options)
  stack.defer(() => program.stop())
  const url = (via: 'sidecar' | 'gateway') => `http://127.0.0.1:${ports[via]}`
  await untilAnswers(url('sidecar'), program)
  const probing = probe(url('sidecar'), teller.inUse, closing.signal)
  ending(probing)
  return {
    name: 'envoy',
    url,
    connectionsTo: async () => ports.connections,
    obeys: teller.isInUse,
    close: () => stack.disposeAsync(),
  }
}

/** Renders what is known into files, each version with a number, and remembers what is in which. */
function createTeller(directory: string, namespace: string, ports: Ports) {
  let isDue = true
  let version = 0
  let used = 0
  const first = Promise.withResolvers<void>()
  /** By uid: generation, and the number of the table that has it. */
  const tables = new Map<string, { generation: number; version: number }[]>()
  const write = async (name: string, resources: readonly unknown[]) => {
    const path = join(directory, name)
    await writeFile(`${path}.new`, JSON.stringify({ version_info: String(version), resources }))
    await rename(`${path}.new`, path)
  }
  const endpointFile = (cluster: string) => `endpoints/${cluster.replaceAll('|', '_')}.json`
  const tableFile = (via: string) => join(directory, `routes-${via}.json`)

  async function tell(known: Known): Promise<void> {
    version += 1
    const problems: string[] = []
    const read = {
      services: readServices(known),
      virtualServices: readVirtualServices(known.virtualServices, problems),
      routes: oldestFirst([...known.httpRoutes, ...known.grpcRoutes]).flatMap(
        (object) => parseGatewayRoute(object, problems) ?? [],
      ),
      namespace,
    }
    for (const { metadata } of [
      ...known.virtualServices,
      ...known.httpRoutes,
      ...known.grpcRoutes,
    ]) {
      const { uid = '', generation = 0 } = metadata
      const versions = tables.get(uid) ?? []
      if (versions.at(-1)?.generation !== generation) versions.push({ generation, version })
      tables.set(uid, versions)
    }
    const subsets = readSubsets(known.destinationRules, { namespace, problems })
    const clusters = renderClusters(read.services, subsets, (name) =>
      join(directory, endpointFile(name)),
    )
    for (const [name, endpoints] of clusters.endpoints) await write(endpointFile(name), [endpoints])
    await write('clusters.json', clusters.resources)
    const service = read.services.find(({ name }) => name === 'checkout') ?? null
    const { virtualServices: all } = read
    await write(
      'listeners.json',
      renderListeners({ ports, tableFile, service, virtualServices: all }),
    )
    for (const via of ['gateway', 'sidecar'] as const) {
      await write(`routes-${via}.json`, [renderTable(read, via, version)])
    }
    first.resolve()
  }

  return {
    notice: () => {
      isDue = true
    },
    told: () => first.promise,
    inUse: (number: number) => {
      used = Math.max(used, number)
    },
    isInUse: ({ metadata }: KubeObject) =>
      (tables.get(metadata.uid ?? '') ?? []).some(
        (told) => told.generation >= (metadata.generation ?? 0) && told.version <= used,
      ),
    async run(known: () => Known, signal: AbortSignal) {
      while (!signal.aborted) {
        if (isDue) {
          isDue = false
          await tell(known())
        }
        await systemClock.sleep(debounceMs, signal)
      }
    },
  }
}

async function startProxy({ directory, program }: EnvoyOptions): Promise<Program> {
  const source = (name: string) => ({
    resource_api_version: 'V3',
    path_config_source: { path: join(directory, name) },
  })
  const bootstrap = {
    node: { id: 'sluice-e2e', cluster: 'sluice-e2e' },
    dynamic_resources: {
      cds_config: source('clusters.json'),
      lds_config: source('listeners.json'),
    },
  }
  const path = join(directory, 'bootstrap.json')
  await writeFile(path, JSON.stringify(bootstrap))
  return startProgram({
    path: program,
    flags: [
      '--config-path',
      path,
      '--concurrency',
      '1',
      '--disable-hot-restart',
      '--log-level',
      'warn',
    ],
    logPath: join(directory, 'envoy.log'),
  })
}

async function untilAnswers(url: string, program: Program): Promise<void> {
  const deadlineAtMs = Date.now() + readyLimitMs
  while ((await ask(url)) === null) {
    const end = program.ended()
    if (end !== null || Date.now() > deadlineAtMs) {
      throw new Error(`Envoy does not answer: ${end ?? 'it runs'}\n${await program.tail()}`)
    }
    await sleep(50)
  }
}

async function probe(
  url: string,
  see: (version: number) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    see((await ask(url)) ?? 0)
    await systemClock.sleep(probeMs, signal)
  }
}

/** The number of the table in use; null when nobody answers. */
async function ask(url: string): Promise<number | null> {
  try {
    const { body } = await request(url, { headers: { host: probeHost } })
    return Number(await body.text())
  } catch {
    return null
  }
}

/** Held all at once, so that no port is given twice. */
async function freePorts(): Promise<Ports> {
  const held = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      return { server, port: typeof address === 'object' && address ? address.port : 0 }
    }),
  )
  await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))))
  const [sidecar = 0, gateway = 0, connections = 0] = held.map(({ port }) => port)
  return { sidecar, gateway, connections }
}
