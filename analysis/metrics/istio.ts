// Names of Istio's standard metrics and labels, as data. Query text is rendered from this and from
// nothing else, so another mesh is another table.

export interface MeshMetrics {
  /** Counter of requests. */
  readonly requests: string
  /** Histogram buckets of request duration, counted up to `le`. */
  readonly durationBuckets: string
  /** Seconds in one unit of `le`. */
  readonly secondsPerUnit: number
  /** Matchers that every query carries, as PromQL. */
  readonly matchers: readonly string[]
  /** The same for counters that the pods of the server hold, which tell those pods apart. */
  readonly serverMatchers: readonly string[]
  readonly labels: {
    readonly namespace: string
    readonly service: string
    readonly revision: string
    readonly code: string
    readonly grpcStatus: string
  }
  /** A response code that means the server failed. */
  readonly failureCode: RegExp
  /** gRPC statuses that mean the server failed; the HTTP code is 200 with all of them. */
  readonly failureGrpcStatuses: readonly string[]
}

export const istio: MeshMetrics = {
  requests: 'istio_requests_total',
  durationBuckets: 'istio_request_duration_milliseconds_bucket',
  secondsPerUnit: 0.001,
  // The caller's side sees requests that never reached a canary pod; the server's side does not.
  // Code 0 is a client that went away: neither a success nor a failure of the server.
  matchers: ['reporter=~"source|waypoint"', 'response_code!="0"'],
  serverMatchers: ['reporter="destination"', 'response_code!="0"'],
  labels: {
    namespace: 'destination_service_namespace',
    service: 'destination_service_name',
    revision: 'destination_canonical_revision',
    code: 'response_code',
    grpcStatus: 'grpc_response_status',
  },
  failureCode: /^5..$/,
  // Unknown, DeadlineExceeded, PermissionDenied, Internal, Unavailable, DataLoss.
  failureGrpcStatuses: ['2', '4', '7', '13', '14', '15'],
}
