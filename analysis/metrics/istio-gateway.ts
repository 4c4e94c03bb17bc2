// Istio at the edge: only requests that came through a gateway, as the usual names of gateways tell.
import { istioSeenBy } from './istio.ts'

export const istioGateway = istioSeenBy([
  'reporter="source"',
  'source_workload=~".*(gateway|ingress).*"',
])
