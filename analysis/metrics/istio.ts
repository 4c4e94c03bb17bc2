// Istio's standard metrics, as sidecars, waypoints and gateways report them in the place of the caller.
import { failureGrpcStatuses } from './grpc.ts'
import { armsByRevision, type MetricTable, type Side } from './table.ts'

const common: Omit<Side, 'matchers'> = {
  requests: 'istio_requests_total',
  durationBuckets: 'istio_request_duration_milliseconds_bucket',
  secondsPerUnit: 0.001,
  arms: armsByRevision({
    namespace: 'destination_service_namespace',
    owner: { label: 'destination_service_name', holds: 'service' },
    revision: 'destination_canonical_revision',
    // Routes of the Gateway API lead to a Service per revision, subsets stay with the one.
    isServiceOfArm: true,
  }),
  codes: ['response_code'],
  grpcStatus: 'grpc_response_status',
}

/** Code 0 is a client that went away: neither a success nor a failure of the server. */
const answered = 'response_code!="0"'

export const istio: MetricTable = istioSeenBy(['reporter=~"source|waypoint"'])

/** The same counters, from some callers only. */
export function istioSeenBy(callers: readonly string[]): MetricTable {
  return {
    // The caller's side sees requests that never reached a canary pod; the server's side does not.
    callers: { ...common, matchers: [...callers, answered] },
    servers: { ...common, matchers: ['reporter="destination"', answered] },
    failureCode: /^5..$/,
    failureGrpcStatuses,
  }
}
