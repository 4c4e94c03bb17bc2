// Counters that the pods themselves expose, by the usual names: no mesh is needed, and no mesh helps. Requests
// that never reached a pod are not seen.
import { failureGrpcNames, failureGrpcStatuses } from './grpc.ts'
import { armsByRevision, type MetricTable, type Side } from './table.ts'

const pods: Side = {
  requests: 'http_requests_total|http_server_requests_seconds_count|grpc_server_handled_total',
  durationBuckets:
    'http_request_duration_seconds_bucket|http_server_requests_seconds_bucket|grpc_server_handling_seconds_bucket',
  secondsPerUnit: 1,
  matchers: [],
  // Labels of pods: map them in the scrape configuration (labelmap, or podTargetLabels of a PodMonitor).
  arms: armsByRevision({
    namespace: 'namespace',
    owner: { label: 'sluice_dev_rollout', holds: 'rollout' },
    revision: 'sluice_dev_revision',
  }),
  codes: ['code', 'status', 'status_code'],
  grpcStatus: 'grpc_code',
}

export const openmetrics: MetricTable = {
  callers: pods,
  servers: pods,
  failureCode: /^5(..|xx)$/,
  failureGrpcStatuses: [...failureGrpcStatuses, ...failureGrpcNames],
}
