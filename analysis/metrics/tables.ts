// The name of a source of metrics in, its table out. A new one is a file beside this one and a line here.
import type { MetricSource } from '../../crds/words.ts'
import { envoy } from './envoy.ts'
import { istio } from './istio.ts'
import { istioGateway } from './istio-gateway.ts'
import { istioWaypoint } from './istio-waypoint.ts'
import { linkerd } from './linkerd.ts'
import { nginx } from './nginx.ts'
import { openmetrics } from './openmetrics.ts'
import type { MetricTable } from './table.ts'

export const metricTables: Readonly<Record<MetricSource, MetricTable>> = {
  istio,
  'istio-waypoint': istioWaypoint,
  'istio-gateway': istioGateway,
  linkerd,
  envoy,
  nginx,
  openmetrics,
}
