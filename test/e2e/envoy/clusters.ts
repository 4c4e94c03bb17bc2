// Services, subsets and ready pods in, Envoy's clusters and their endpoints out. Names are those of Istio.
import { buildCluster, type Service, type Subset } from '../../../lab/mesh/endpoints.ts'

export interface EnvoyClusters {
  /** Contents of the cluster file. */
  readonly resources: readonly unknown[]
  /** Contents of the endpoint files, by name of the cluster. */
  readonly endpoints: ReadonlyMap<string, unknown>
}

export const clusterType = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
const endpointType = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'

export function clusterName(host: string, port: number, subset: string | null): string {
  return `outbound|${port}|${subset ?? ''}|${host}`
}

export function renderClusters(
  services: readonly Service[],
  subsets: ReadonlyMap<string, readonly Subset[]>,
  endpointFile: (cluster: string) => string,
): EnvoyClusters {
  const resources: unknown[] = []
  const endpoints = new Map<string, unknown>()
  for (const service of services) {
    for (const { port } of service.ports) {
      for (const subset of [null, ...(subsets.get(service.fullName) ?? [])]) {
        const name = clusterName(service.fullName, port, subset?.name ?? null)
        const cluster = buildCluster(service, { port, subset })
        const addresses = cluster?.endpoints.map(({ address }) => address) ?? []
        resources.push(renderCluster(name, endpointFile(name)))
        endpoints.set(name, assignment(name, addresses))
      }
    }
  }
  return { resources, endpoints }
}

function renderCluster(name: string, file: string) {
  const eds_config = { resource_api_version: 'V3', path_config_source: { path: file } }
  return {
    '@type': clusterType,
    name,
    type: 'EDS',
    connect_timeout: '2s',
    lb_policy: 'LEAST_REQUEST',
    eds_cluster_config: { service_name: name, eds_config },
    // An empty fleet answers at once that nobody is there.
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
  }
}

function assignment(name: string, addresses: readonly string[]) {
  const lb_endpoints = addresses.map((text) => {
    const [address, port] = text.split(':')
    return { endpoint: { address: { socket_address: { address, port_value: Number(port) } } } }
  })
  return { '@type': endpointType, cluster_name: name, endpoints: [{ lb_endpoints }] }
}
