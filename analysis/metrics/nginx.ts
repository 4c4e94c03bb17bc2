// Ingress controllers of NGINX: what they saw of each backend, which is a Service per revision. Their own labels
// must survive the scrape (honorLabels).
import { failureGrpcStatuses } from './grpc.ts'
import { openmetrics } from './openmetrics.ts'
import { armsByService, type MetricTable } from './table.ts'

export const nginx: MetricTable = {
  callers: {
    requests: 'nginx_ingress_controller_requests',
    durationBuckets: 'nginx_ingress_controller_request_duration_seconds_bucket',
    secondsPerUnit: 1,
    // 499: the client went away.
    matchers: ['status!="499"'],
    arms: armsByService({ namespace: 'namespace', service: 'service' }),
    codes: ['status'],
  },
  servers: openmetrics.servers,
  failureCode: /^5..$/,
  failureGrpcStatuses,
}
