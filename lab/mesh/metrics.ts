// One outcome per request in, Istio's standard metrics as Prometheus text out, as the caller's side sees them.
import type { ServiceIdentity, Workload } from './endpoints.ts'

export interface Outcome {
  /** Null when the host is no Service. */
  readonly service: ServiceIdentity | null
  /** Null when no pod was chosen. */
  readonly workload: Workload | null
  /** 0 when the caller went away. */
  readonly code: number
  /** Envoy's, `-` for none. */
  readonly flags: string
  readonly durationMs: number
}

export interface Source {
  readonly workload: string
  readonly namespace: string
}

export interface MeshMetrics {
  record(outcome: Outcome): void
  render(): string
}

const bucketsMs = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
  600_000, 1_800_000, 3_600_000,
] as const

interface Series {
  /** Without braces. */
  readonly labels: string
  readonly counts: number[]
  count: number
  sumMs: number
}

// Beyond it the oldest series go; revisions that are long gone are the oldest.
const seriesLimit = 5_000

export function createMeshMetrics(source: Source): MeshMetrics {
  const series = new Map<string, Series>()

  function find(outcome: Outcome): Series {
    const key = keyOf(outcome)
    const known = series.get(key)
    if (known) return known
    const oldest = series.keys().next()
    if (series.size >= seriesLimit && !oldest.done) series.delete(oldest.value)
    const labels = renderLabels(outcome, source)
    const fresh = { labels, counts: bucketsMs.map(() => 0), count: 0, sumMs: 0 }
    series.set(key, fresh)
    return fresh
  }

  return {
    record(outcome) {
      const found = find(outcome)
      found.count += 1
      found.sumMs += outcome.durationMs
      const bucket = bucketsMs.findIndex((limitMs) => outcome.durationMs <= limitMs)
      if (bucket >= 0) found.counts[bucket] = (found.counts[bucket] ?? 0) + 1
    },
    render: () => render([...series.values()]),
  }
}

function keyOf({ service, workload, code, flags }: Outcome): string {
  const to = workload
    ? `${workload.namespace}/${workload.name}/${workload.canonicalService}/${workload.canonicalRevision}/${workload.app}`
    : ''
  return `${service?.fullName ?? ''} ${to} ${code} ${flags}`
}

function renderLabels({ service, workload, code, flags }: Outcome, source: Source): string {
  const unknown = 'unknown'
  const labels = {
    reporter: 'source',
    source_workload: source.workload,
    source_workload_namespace: source.namespace,
    source_app: source.workload,
    source_canonical_service: source.workload,
    destination_workload: workload?.name ?? unknown,
    destination_workload_namespace: workload?.namespace ?? unknown,
    destination_app: workload?.app ?? unknown,
    destination_service: service?.fullName ?? unknown,
    destination_service_name: service?.name ?? unknown,
    destination_service_namespace: service?.namespace ?? unknown,
    destination_canonical_service: workload?.canonicalService ?? unknown,
    destination_canonical_revision: workload?.canonicalRevision ?? unknown,
    request_protocol: 'http',
    response_code: String(code),
    grpc_response_status: '',
    response_flags: flags,
    // As Istio: only the server's side knows.
    connection_security_policy: unknown,
  }
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',')
}

function render(all: readonly Series[]): string {
  const lines = [
    '# HELP istio_requests_total Requests, as their callers saw them.',
    '# TYPE istio_requests_total counter',
    ...all.map(({ labels, count }) => `istio_requests_total{${labels}} ${count}`),
    '# HELP istio_request_duration_milliseconds Time from request to whole answer, for callers.',
    '# TYPE istio_request_duration_milliseconds histogram',
    ...all.flatMap(renderHistogram),
  ]
  return `${lines.join('\n')}\n`
}

function renderHistogram({ labels, counts, count, sumMs }: Series): string[] {
  const name = 'istio_request_duration_milliseconds'
  let total = 0
  const buckets = bucketsMs.map((limitMs, index) => {
    total += counts[index] ?? 0
    return `${name}_bucket{${labels},le="${limitMs}"} ${total}`
  })
  return [
    ...buckets,
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sumMs}`,
    `${name}_count{${labels}} ${count}`,
  ]
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`))
}
