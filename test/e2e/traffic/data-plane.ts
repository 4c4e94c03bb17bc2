// Objects of a namespace in, proxies that obey them out: the lab's, or Envoy's behind the same interface.
import type { KubeApi, KubeObject } from '../../../kube/api.ts'
import { systemClock } from '../../../kube/clock.ts'
import type { ServiceMesh } from '../../../lab/mesh/gateway-rules.ts'
import { startMesh } from '../../../lab/mesh/start.ts'
import { createRandom } from '../../../lab/random.ts'

export interface DataPlane {
  readonly name: 'lab' | 'envoy'
  url(via: 'sidecar' | 'gateway'): string
  /** A port of 127.0.0.1 where connections are led as those to a Service of the namespace. */
  connectionsTo(service: string): Promise<number>
  /** Whether it does what this route says, or what a later version of it says. */
  obeys(route: KubeObject): boolean
  close(): Promise<void>
}

export interface DataPlaneOptions {
  readonly api: KubeApi
  readonly namespace: string
  readonly serviceMesh?: ServiceMesh | undefined
}

// Endpoints are later than routes: what is used before it is known shows.
const delays = { propagationDelayMs: 50, endpointDelayMs: 90, acceptanceDelayMs: 30 }

export async function startLabPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { api, namespace, serviceMesh = 'linkerd' } = options
  const mesh = await startMesh({
    ...{ api, serviceMesh, ...delays },
    clock: systemClock,
    random: createRandom(2),
    source: { workload: 'load', namespace },
    isConfined: true,
  })
  return {
    name: 'lab',
    url: (via) => (via === 'gateway' ? mesh.gatewayUrl : mesh.url),
    connectionsTo: (service) => mesh.connectionsTo(service),
    obeys({ metadata }) {
      const { inForce, routes } = mesh.table()
      return [...inForce, ...routes].some(
        (known) =>
          known.metadata.uid === metadata.uid &&
          (known.metadata.generation ?? 0) >= (metadata.generation ?? 0),
      )
    },
    close: () => mesh.close(),
  }
}
