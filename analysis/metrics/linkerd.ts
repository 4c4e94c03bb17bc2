// Linkerd's route metrics: what the proxies of callers saw of each backend, which is a Service per revision.
import { failureGrpcStatuses } from './grpc.ts'
import { armsByRevision, armsByService, type MetricTable } from './table.ts'

export const linkerd: MetricTable = {
  callers: {
    // One per attempt. `error` is set, and no status, where no answer came: FAIL_FAST and the like.
    requests: 'outbound_(http|grpc)_route_backend_response_statuses_total',
    durationBuckets: 'outbound_(http|grpc)_route_backend_response_duration_seconds_bucket',
    secondsPerUnit: 1,
    matchers: [],
    arms: armsByService({ namespace: 'backend_namespace', service: 'backend_name' }),
    codes: ['http_status'],
    grpcStatus: 'grpc_status',
    error: 'error',
  },
  servers: {
    requests: 'response_total',
    durationBuckets: 'response_latency_ms_bucket',
    secondsPerUnit: 0.001,
    matchers: ['direction="inbound"'],
    // Labels of pods, as Linkerd's own scrape configuration maps them.
    arms: armsByRevision({
      namespace: 'namespace',
      owner: { label: 'sluice_dev_rollout', holds: 'rollout' },
      revision: 'sluice_dev_revision',
    }),
    codes: ['status_code'],
    grpcStatus: 'grpc_status',
  },
  failureCode: /^5..$/,
  failureGrpcStatuses,
}
