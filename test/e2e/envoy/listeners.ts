// Ports and rules for connections in, Envoy's listeners out: one for sidecars, one for gateways, one for
// connections to a Service.
import type { Service } from '../../../lab/mesh/endpoints.ts'
import type { VirtualService } from '../../../lab/mesh/istio-objects.ts'
import { clusterName } from './clusters.ts'
import { weighted } from './routes.ts'

export interface Ports {
  readonly sidecar: number
  readonly gateway: number
  readonly connections: number
}

const types = 'type.googleapis.com/envoy.extensions'
const listenerType = 'type.googleapis.com/envoy.config.listener.v3.Listener'

export function renderListeners(given: {
  readonly ports: Ports
  readonly tableFile: (via: 'sidecar' | 'gateway') => string
  /** Whose connections are led; null before it is there. */
  readonly service: Service | null
  readonly virtualServices: readonly VirtualService[]
}): unknown[] {
  const { ports, tableFile, service, virtualServices } = given
  const http = (['sidecar', 'gateway'] as const).map((via) =>
    listener(via, ports[via], { filter_chains: [{ filters: [httpManager(via, tableFile(via))] }] }),
  )
  if (!service) return http
  const connections = listener('connections', ports.connections, chains(service, virtualServices))
  return [...http, connections]
}

function listener(name: string, port: number, more: Readonly<Record<string, unknown>>) {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } }
  return { '@type': listenerType, name, address, ...more }
}

function httpManager(via: string, file: string) {
  const config_source = { resource_api_version: 'V3', path_config_source: { path: file } }
  const router = { '@type': `${types}.filters.http.router.v3.Router` }
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${types}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: via,
      rds: { route_config_name: via, config_source },
      http_filters: [{ name: 'envoy.filters.http.router', typed_config: router }],
    },
  }
}

/** Names of handshakes first, then ports, then the Service as it is. */
function chains(service: Service, virtualServices: readonly VirtualService[]) {
  const port = service.ports[0]?.port ?? 0
  const ours = virtualServices.filter(({ hosts }) => hosts.includes(service.fullName))
  const rules = ours.flatMap(({ streams }) => streams)
  const split = rules.map(({ matches, route }) => {
    const names = matches.flatMap(({ sniHosts }) => sniHosts ?? [])
    const to = weighted(
      route.map((one) => ({
        name: clusterName(one.host, one.port ?? port, one.subset),
        weight: one.weight,
      })),
    )
    return { names, chain: { filters: [tcpProxy(to)] } }
  })
  const named = split.flatMap(({ names, chain }) =>
    names.length > 0 ? [{ ...chain, filter_chain_match: { server_names: names } }] : [],
  )
  const unnamed = split.find(({ names }) => names.length === 0)?.chain
  const plain = { filters: [tcpProxy({ cluster: clusterName(service.fullName, port, null) })] }
  const inspector = { '@type': `${types}.filters.listener.tls_inspector.v3.TlsInspector` }
  const inspect = { name: 'envoy.filters.listener.tls_inspector', typed_config: inspector }
  return {
    filter_chains: named,
    default_filter_chain: unnamed ?? plain,
    ...(named.length > 0 && { listener_filters: [inspect] }),
  }
}

function tcpProxy(to: Readonly<Record<string, unknown>>) {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': `${types}.filters.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: 'connections',
      ...to,
    },
  }
}
