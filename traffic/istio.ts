// Weights ⇄ an Istio VirtualService that Sluice owns, and one DestinationRule subset per revision.
// Facts: VirtualService and DestinationRule lists are atomic, so no list is shared with anyone; a lone
// destination gets all traffic whatever its weight says, so a lone destination always says 100.
import { annotation, label } from '../crds/names.ts'
import type { Hash } from '../crds/revision.ts'
import type { RolloutSpec } from '../crds/rollout.ts'
import type { KubeObject } from '../kube/api.ts'
import { destinationRules, virtualServices } from '../kube/resources.ts'
import type { Owner, RouteChange, Router, StoredRoute, SubsetChange } from './router.ts'

/** Name of the one http rule that is ours; other rules of the object stay as they are. */
export const ruleName = 'sluice'

export const istio: Router = {
  route: virtualServices,
  subsets: destinationRules,
  names: (owner, spec) => ({
    route: istioOf(spec).virtualService ?? owner.name,
    subsets: istioOf(spec).virtualService ?? owner.name,
  }),
  renderRoute,
  renderSubsets,
  readRoute,
  readSubsets,
}

function renderRoute(current: KubeObject | null, change: RouteChange): KubeObject {
  assertWeights(change.weights)
  const { owner, spec, weights } = change
  const { delegate, hosts, host, gateways } = istioOf(spec)
  const base = current ?? blank(virtualServices, istio.names(owner, spec).route, owner)
  const before = readRoute(current)
  const isSameWeights = before.since !== null && isEqual(before.weights, weights)
  const since = isSameWeights ? (before.since ?? change.now) : change.now
  const rules: KubeObject['spec'][] = base['spec']?.http ?? []
  const ours = rules.find((rule) => rule.name === ruleName) ?? { name: ruleName }
  const rule = { ...ours, route: destinations(owner, spec, weights) }
  const http = rules.includes(ours)
    ? rules.map((candidate) => (candidate === ours ? rule : candidate))
    : [...rules, rule]
  const binding = delegate ? {} : { hosts: hosts ?? [host], ...(gateways ? { gateways } : {}) }
  return {
    ...base,
    metadata: stamp(base, change.decision, {
      [annotation.weightsSince]: new Date(since).toISOString(),
    }),
    spec: { ...base['spec'], ...binding, http },
  }
}

function destinations(owner: Owner, spec: RolloutSpec, weights: RouteChange['weights']) {
  const { port } = istioOf(spec)
  return Object.entries(weights).map(([subset, weight]) => ({
    destination: {
      host: hostName(owner, spec),
      subset,
      ...(port === undefined ? {} : { port: { number: port } }),
    },
    weight,
  }))
}

function renderSubsets(current: KubeObject | null, change: SubsetChange): KubeObject {
  const { owner, spec, revisions } = change
  const base = current ?? blank(destinationRules, istio.names(owner, spec).subsets, owner)
  const foreign = subsetsOf(base).filter((subset) => !isOurs(subset))
  const kept = new Map(subsetsOf(base).map((subset) => [subset.name, subset]))
  const ours = revisions.map(
    (revision) => kept.get(revision) ?? { name: revision, labels: { [label.revision]: revision } },
  )
  return {
    ...base,
    metadata: stamp(base, change.decision, {}),
    spec: { ...base['spec'], host: hostName(owner, spec), subsets: [...foreign, ...ours] },
  }
}

function readRoute(current: KubeObject | null): StoredRoute {
  if (!current) return { weights: {}, decision: 0, since: null }
  const rules: KubeObject['spec'][] = current['spec']?.http ?? []
  const rule = rules.find((candidate) => candidate.name === ruleName)
  const routes: { destination?: { subset?: string }; weight?: number }[] = rule?.route ?? []
  const weights = Object.fromEntries(
    routes.map((route) => [
      route.destination?.subset ?? '',
      routes.length === 1 ? 100 : (route.weight ?? 0),
    ]),
  )
  const since = Date.parse(current.metadata.annotations?.[annotation.weightsSince] ?? '')
  return { weights, decision: decisionOf(current), since: Number.isNaN(since) ? null : since }
}

function readSubsets(current: KubeObject | null): readonly Hash[] {
  return subsetsOf(current)
    .filter(isOurs)
    .map((subset) => subset.name)
}

interface Subset {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
}

function subsetsOf(rule: KubeObject | null): readonly Subset[] {
  return rule?.['spec']?.subsets ?? []
}

function isOurs(subset: Subset): boolean {
  return subset.labels?.[label.revision] === subset.name
}

/** Istio resolves a short host against the VirtualService's namespace; the full name leaves no doubt. */
export function hostName(owner: Pick<Owner, 'namespace'>, spec: RolloutSpec): string {
  const { host } = istioOf(spec)
  return host.includes('.') ? host : `${host}.${owner.namespace}.svc.cluster.local`
}

function istioOf({ traffic }: RolloutSpec): NonNullable<RolloutSpec['traffic']['istio']> {
  if (!traffic.istio) throw new Error('traffic is not split by Istio')
  return traffic.istio
}

function blank(
  resource: { apiVersion: string; kind: string },
  name: string,
  owner: Owner,
): KubeObject {
  return {
    apiVersion: resource.apiVersion,
    kind: resource.kind,
    metadata: {
      name,
      namespace: owner.namespace,
      labels: { [label.rollout]: owner.name },
      ownerReferences: [owner.reference],
    },
    spec: {},
  }
}

function stamp(
  object: KubeObject,
  decision: number,
  more: Record<string, string>,
): KubeObject['metadata'] {
  const { metadata } = object
  return {
    ...metadata,
    annotations: { ...metadata.annotations, [annotation.decision]: String(decision), ...more },
  }
}

export function decisionOf(object: KubeObject): number {
  const decision = Number(object.metadata.annotations?.[annotation.decision] ?? 0)
  return Number.isSafeInteger(decision) ? decision : 0
}

function isEqual(a: RouteChange['weights'], b: RouteChange['weights']): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

/** Envoy refuses a route whose weights are all zero and keeps the old one in force, unseen. */
function assertWeights(weights: RouteChange['weights']): void {
  const values = Object.values(weights)
  const isWhole = values.every((weight) => Number.isInteger(weight) && weight >= 0 && weight <= 100)
  const sum = values.reduce((total, weight) => total + weight, 0)
  if (!isWhole || sum !== 100) {
    throw new Error(`weights ${JSON.stringify(weights)} are not whole percents that sum to 100`)
  }
}
