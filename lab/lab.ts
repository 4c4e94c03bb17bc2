// A directory in, a whole little cluster on loopback out: API server, nodes, mesh and metrics in one process.
//
//   kubectl, Sluice ──▶ API server ◀── ReplicaSet controller, node ──▶ pods (real servers)
//                           ▲                                             ▲
//   load ─────────────────▶ mesh proxy ───────────────────────────────────┘ ◀── Prometheus scrapes the mesh
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { isConflict, type KubeApi, type Resource } from '../kube/api.ts'
import { type Clock, systemClock } from '../kube/clock.ts'
import { createKubeApi } from '../kube/transport.ts'
import { startApiServer } from './apiserver/server.ts'
import type { ServiceMesh } from './mesh/gateway-rules.ts'
import { type Mesh, startMesh } from './mesh/start.ts'
import { startMetrics } from './metrics/start.ts'
import { startNodes } from './nodes/start.ts'
import { createRandom } from './random.ts'

export interface LabOptions {
  /** Existing; the kubeconfig is written here. */
  readonly directory: string
  /** The first one is where callers live and the kubeconfig points to. Default `shop`. */
  readonly namespaces?: readonly string[]
  /** For names, latencies, errors and draws by weight. Default 1. */
  readonly seed?: number
  /** Default 1 s. */
  readonly scrapeIntervalMs?: number
  /** From the mesh's seeing an object to obeying it. Default 50 ms. */
  readonly propagationDelayMs?: number
  /** Who obeys routes with a Service as parent. Default `linkerd`. */
  readonly serviceMesh?: ServiceMesh
  /** Default: a real Prometheus where PATH has one. */
  readonly prometheus?: 'real' | 'embedded'
  readonly clock?: Clock
  /** Errors of the lab's own controllers; each is tried again. */
  readonly onError?: (what: string, error: unknown) => void
}

export interface Lab {
  readonly apiUrl: string
  readonly kubeconfigPath: string
  readonly prometheusUrl: string
  readonly prometheusKind: 'prometheus' | 'embedded'
  /** Requests here go where their Host header says. */
  readonly meshUrl: string
  readonly mesh: Mesh
  /** Ends everything; the directory stays. */
  close(): Promise<void>
}

const callers = 'load'
const namespaceResource: Resource = {
  apiVersion: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
}

/** Rejects, with nothing left running, when a part does not start. */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { clock = systemClock, seed = 1, namespaces = ['shop'], onError } = options
  const [namespace = 'shop'] = namespaces
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end()
  }
  const started = async <T extends { close(): Promise<void> }>(
    part: T | Promise<T>,
  ): Promise<T> => {
    const running = await part
    closers.push(() => running.close())
    return running
  }
  try {
    const server = await started(startApiServer({ crds: await readDefinitions() }))
    const random = createRandom(seed + 2)
    const api = await started(
      createKubeApi({ server: server.url, clock, random, fieldManager: 'sluice-lab' }),
    )
    for (const name of namespaces) await createNamespace(api, name)
    const shared = { api, clock, ...(onError && { onError }) }
    await started(startNodes({ ...shared, random: createRandom(seed) }))
    const { propagationDelayMs = 50, scrapeIntervalMs = 1_000, prometheus } = options
    const { serviceMesh = 'linkerd' } = options
    const source = { workload: callers, namespace }
    const drawn = createRandom(seed + 1)
    const mesh = await started(
      startMesh({ api, clock, random: drawn, source, propagationDelayMs, serviceMesh }),
    )
    const target = { url: mesh.metricsUrl, labels: { job: 'mesh', instance: callers } }
    const metrics = await started(
      startMetrics({
        targets: () => [target],
        scrapeIntervalMs,
        ...(prometheus && { only: prometheus }),
      }),
    )
    const kubeconfigPath = join(options.directory, 'kubeconfig')
    await writeFile(kubeconfigPath, renderKubeconfig(server.url, namespace), { mode: 0o600 })
    return {
      apiUrl: server.url,
      kubeconfigPath,
      prometheusUrl: metrics.url,
      prometheusKind: metrics.kind === 'real' ? 'prometheus' : 'embedded',
      meshUrl: mesh.url,
      mesh,
      close,
    }
  } catch (error) {
    await close()
    throw new Error('starting the lab', { cause: error })
  }
}

/** Definitions of Sluice's kinds and of the mesh's. */
async function readDefinitions(): Promise<string[]> {
  const folders = [join(import.meta.dirname, '..', 'crds'), join(import.meta.dirname, 'crds')]
  const files = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).sort().map((file) => join(folder, file))),
  )
  const definitions = files.flat().filter((file) => file.endsWith('.yaml'))
  return Promise.all(definitions.map((file) => readFile(file, 'utf8')))
}

async function createNamespace(api: KubeApi, name: string): Promise<void> {
  try {
    await api.create(namespaceResource, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  } catch (error) {
    // `default` is there from the start.
    if (!isConflict(error)) throw error
  }
}

function renderKubeconfig(server: string, namespace: string): string {
  const name = 'sluice-lab'
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
  })
}
