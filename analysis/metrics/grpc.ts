// gRPC statuses that mean the server failed; what every table of metrics counts as a failure.

/** Unknown, DeadlineExceeded, PermissionDenied, Internal, Unavailable, DataLoss. */
export const failureGrpcStatuses: readonly string[] = ['2', '4', '7', '13', '14', '15']

/** The same by name, for servers that write `grpc_code="Unavailable"`. */
export const failureGrpcNames: readonly string[] = [
  'Unknown',
  'DeadlineExceeded',
  'PermissionDenied',
  'Internal',
  'Unavailable',
  'DataLoss',
]
