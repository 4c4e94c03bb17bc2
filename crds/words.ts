// The closed lists of words that a status and people's commands use. No package is imported here, so that
// the plugin can use them and still start in milliseconds.

export const outcomes = ['Passed', 'Failed', 'Inconclusive', 'Error'] as const

export const phases = ['Stable', 'Progressing', 'Paused', 'Aborted'] as const

/** Why progress stands still. */
export const pauseReasons = ['person', 'inconclusive', 'error'] as const

/** Why traffic went back. Only `failed`, `pods` and `person` say that the revision is bad and may write Git. */
export const abortReasons = ['failed', 'pods', 'person', 'inconclusive', 'error'] as const

/** Where the restoring of a release in Git stands. */
export const revertStates = [
  'Requested',
  'Committed',
  'Proposed',
  'Superseded',
  'Nothing',
  'NeedsHuman',
  'Off',
] as const

/** What people say to a rollout. */
export const verbs = ['promote', 'pause', 'resume', 'abort', 'retry'] as const
export type Verb = (typeof verbs)[number]

/** Whose metrics built-in checks read. */
export const metricSources = [
  'istio',
  'istio-waypoint',
  'istio-gateway',
  'linkerd',
  'envoy',
  'nginx',
  'openmetrics',
] as const
export type MetricSource = (typeof metricSources)[number]

/** Numbers that a trend of evidence keeps. */
export const trendLimit = 12
