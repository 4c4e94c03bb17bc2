// What a table of metrics is: names of counters and labels, as data. Query text is rendered from it and
// from nothing else, so another mesh is another table.
import { oneOf, promqlDuration, quoted } from '../promql-text.ts'

/** One revision of a rollout behind one Service. */
export interface ArmName {
  readonly namespace: string
  /** Name of the Rollout. */
  readonly rollout: string
  /** Name of the Service whose traffic is split. */
  readonly service: string
  readonly revision: string
}

type Labels = Readonly<Record<string, string>>

/** How the series of one arm are told from those of all others. */
export interface Arms {
  /** Labels that aggregations keep. */
  readonly labels: readonly string[]
  /** Matchers for these arms; for those of many rollouts, the most telling label alone. */
  matchers(arms: readonly ArmName[]): readonly string[]
  /** Matchers for all revisions of one rollout, where labels tell it. */
  wholeMatchers?(arm: Omit<ArmName, 'revision'>): readonly string[]
  /** What a row and an arm have in common. */
  keyOfRow(labels: Labels): string
  keyOfArm(arm: ArmName): string
}

/** Counters that one side of each request holds. */
export interface Side {
  /** Counter of requests; a regular expression where several are one. */
  readonly requests: string
  /** Histogram buckets of request duration, counted up to `le`. */
  readonly durationBuckets: string
  /** Seconds in one unit of `le`. */
  readonly secondsPerUnit: number
  /** Matchers that every query carries, as PromQL. */
  readonly matchers: readonly string[]
  readonly arms: Arms
  /** Labels that may hold the response code; label of the gRPC status and of what came in its place. */
  readonly codes: readonly string[]
  readonly grpcStatus?: string
  readonly error?: string
}

export interface MetricTable {
  /** Seen by whoever sends requests: it knows of those that never reached a pod, too. */
  readonly callers: Side
  /** Held by the pods that serve, which it tells apart: what dispersion is learned from. */
  readonly servers: Side
  /** A response code that means the server failed. */
  readonly failureCode: RegExp
  /** gRPC statuses that mean the server failed; the HTTP code is 200 with all of them. */
  readonly failureGrpcStatuses: readonly string[]
}

/** Arms whose rows have a label each for namespace, Service and revision. */
export function armsByRevision(names: {
  readonly namespace: string
  readonly revision: string
  /** The label that tells rollouts of one namespace apart, and what of the arm it holds. */
  readonly owner: { readonly label: string; readonly holds: 'service' | 'rollout' }
  /** That label may name the Service of the revision instead of the one whose traffic is split. */
  readonly isServiceOfArm?: boolean
}): Arms {
  const { namespace, revision, owner, isServiceOfArm = false } = names
  return {
    labels: [namespace, owner.label, revision],
    matchers: (arms) => [
      ...ofOneOwner(arms, owner.holds).flatMap((arm) => [
        oneOf(namespace, [arm.namespace]),
        oneOf(owner.label, [arm[owner.holds], ...(isServiceOfArm ? arms.map(serviceOfArm) : [])]),
      ]),
      oneOf(
        revision,
        arms.map((arm) => arm.revision),
      ),
    ],
    // Names of Services hold no character that a regular expression knows.
    wholeMatchers: (arm) => [
      oneOf(namespace, [arm.namespace]),
      isServiceOfArm
        ? `${owner.label}=~${quoted(`${arm[owner.holds]}(-[0-9a-f]{10})?`)}`
        : oneOf(owner.label, [arm[owner.holds]]),
    ],
    keyOfRow: (labels) => {
      const [own, arm] = [labels[owner.label] ?? '', labels[revision] ?? '']
      const suffix = `-${arm}`
      const isOfArm = isServiceOfArm && arm !== '' && own.endsWith(suffix)
      return `${labels[namespace] ?? ''}/${isOfArm ? own.slice(0, -suffix.length) : own}/${arm}`
    },
    keyOfArm: (arm) => `${arm.namespace}/${arm[owner.holds]}/${arm.revision}`,
  }
}

/** Arms that are Services of their own, named after Service and revision. */
export function armsByService(names: {
  readonly namespace: string
  readonly service: string
}): Arms {
  const { namespace, service } = names
  return {
    labels: [namespace, service],
    matchers: (arms) => [
      ...ofOneOwner(arms, 'service').map((arm) => oneOf(namespace, [arm.namespace])),
      oneOf(service, arms.map(serviceOfArm)),
    ],
    keyOfRow: (labels) => `${labels[namespace] ?? ''}/${labels[service] ?? ''}`,
    keyOfArm: (arm) => `${arm.namespace}/${serviceOfArm(arm)}`,
  }
}

/** Name of the Service that has the pods of one revision. */
export function serviceOfArm({ service, revision }: ArmName): string {
  return `${service}-${revision}`
}

/** The selector of a counter, with a range where one is named. */
export function selectorOf(counter: string, matchers: readonly string[], rangeMs?: number): string {
  const isName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(counter)
  const all = isName ? matchers : [`__name__=~"${counter}"`, ...matchers]
  const range = rangeMs === undefined ? '' : `[${promqlDuration(rangeMs)}]`
  return `${isName ? counter : ''}{${all.join(',')}}${range}`
}

/** The request of a row did not end well. It counts once, whatever labels say so. */
export function isFailed(table: MetricTable, side: Side, labels: Labels): boolean {
  const { codes, grpcStatus, error } = side
  if (codes.some((code) => table.failureCode.test(labels[code] ?? ''))) return true
  if (error !== undefined && (labels[error] ?? '') !== '') return true
  return grpcStatus !== undefined && table.failureGrpcStatuses.includes(labels[grpcStatus] ?? '')
}

/** The first arm, where all belong to one Service or Rollout; nothing otherwise. */
function ofOneOwner(arms: readonly ArmName[], key: 'service' | 'rollout'): readonly ArmName[] {
  const [first] = arms
  const isOne = arms.every((arm) => arm.namespace === first?.namespace && arm[key] === first[key])
  return first && isOne ? [first] : []
}
