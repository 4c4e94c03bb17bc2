// Scraped samples of a mesh in, counters of both arms out, and the text of the selectors for them.
import { istio, type MeshMetrics } from '../metrics/istio.ts'
import { oneOf, promqlDuration } from '../promql-text.ts'
import type { RawSamples } from '../provider.ts'
import type { RawSeries } from './samples.ts'
import type { Metric } from './spec.ts'

/** Both arms behind one Service. */
export interface Arms {
  readonly namespace: string
  readonly service: string
  readonly revision: string
  readonly stable: string
}

/** A range selector for raw samples of these revisions. `les`: the buckets wanted, all without it. */
export function rawSelector(
  metric: Metric,
  options: {
    readonly revisions: readonly string[]
    readonly rangeMs: number
    readonly les?: readonly string[]
    /** Counted by the server's own pods instead of by its callers. */
    readonly isServerSide?: boolean
  },
  mesh: MeshMetrics = istio,
): string {
  const { revisions, rangeMs, les, isServerSide = false } = options
  const matchers = [
    ...(isServerSide ? mesh.serverMatchers : mesh.matchers),
    oneOf(mesh.labels.revision, revisions),
    ...(les === undefined ? [] : [oneOf('le', [...les, infinite])]),
  ]
  const name = metric === 'errors' ? mesh.requests : mesh.durationBuckets
  return `${name}{${matchers.join(',')}}[${promqlDuration(rangeMs)}]`
}

/** Label values of the finite edges in an answer, ascending. */
export function edgesIn(found: readonly RawSamples[]): readonly string[] {
  const les = new Set(found.map(({ labels }) => labels['le'] ?? ''))
  return [...les].filter((le) => secondsOf(le) > 0).sort((a, b) => secondsOf(a) - secondsOf(b))
}

/** Seconds of an edge; NaN for what is none. */
export function secondsOf(le: string, mesh: MeshMetrics = istio): number {
  return le === '' || le === infinite ? Number.NaN : Number(le) * mesh.secondsPerUnit
}

/** Rows of an answer by revision, the most telling label. */
export type Rows = ReadonlyMap<string, readonly RawSamples[]>

export function rowsByRevision(found: readonly RawSamples[]): Rows {
  const { revision } = istio.labels
  return Map.groupBy(found, ({ labels }) => labels[revision] ?? '')
}

/** Counters of both arms of one Service out of an answer that may hold those of many. */
export function countersOf(
  found: Rows,
  arms: Arms,
  options: { readonly metric: Metric; readonly les: readonly string[] },
): readonly RawSeries[] {
  const names = istio.labels
  const counters: RawSeries[] = []
  for (const arm of ['canary', 'stable'] as const) {
    const rows = found.get(arm === 'canary' ? arms.revision : arms.stable) ?? []
    for (const { labels, samples } of rows) {
      // Another Service may have the same revision.
      if (labels[names.service] !== arms.service) continue
      if (labels[names.namespace] !== arms.namespace) continue
      const counts = countsOf(labels, options)
      if (counts === null) continue
      const key = identityOf(arm, labels)
      counters.push({ arm, pod: podOf(labels), podStartedMs: null, key, counts, samples })
    }
  }
  return counters
}

/** What tells the series of one arm apart; values can not hold a null character. */
function identityOf(arm: RawSeries['arm'], labels: RawSamples['labels']): string {
  const { namespace, service, revision } = istio.labels
  let key: string = arm
  for (const name of Object.keys(labels).sort()) {
    // The arm says these three already, and there are hundreds of thousands of series.
    if (name === namespace || name === service || name === revision) continue
    key += `\0${name}\0${labels[name]}`
  }
  return key
}

const infinite = '+Inf'

function countsOf(
  labels: RawSamples['labels'],
  { metric, les }: { readonly metric: Metric; readonly les: readonly string[] },
): RawSeries['counts'] | null {
  if (metric === 'errors') {
    const code = labels[istio.labels.code] ?? ''
    const grpcStatus = labels[istio.labels.grpcStatus] ?? ''
    const isFailed = istio.failureCode.test(code) || istio.failureGrpcStatuses.includes(grpcStatus)
    return isFailed ? 'failed' : 'succeeded'
  }
  const le = labels['le'] ?? ''
  if (le === infinite) return 'all'
  const edge = les.indexOf(le)
  return edge < 0 ? null : edge
}

/** The process that holds the counter: what the scrape added to it. */
function podOf(labels: RawSamples['labels']): string {
  return labels['pod'] ?? labels['kubernetes_pod_name'] ?? labels['instance'] ?? ''
}
