// Weights ⇄ an Istio VirtualService that Sluice owns, whole or as a delegate, and one DestinationRule
// subset per revision. Facts: VirtualService and DestinationRule lists are atomic, so no list is shared
// with anyone; a lone destination gets all traffic whatever its weight says, so it always says 100.
import { isDeepStrictEqual } from 'node:util'
import type { Hash } from '../crds/revision.ts'
import type { RolloutSpec } from '../crds/rollout.ts'
import { isEqual } from '../crds/weights.ts'
import type { KubeObject, Resource } from '../kube/api.ts'
import { destinationRules, virtualServices } from '../kube/resources.ts'
import { readSubsets, renderSubsets } from './destination-rule.ts'
import { decorateHttp, hasAsideHttp, stripHttp } from './istio-http.ts'
import { blank, decisionOf, routeStamped, weightsSinceOf } from './owned.ts'
import { asideOf } from './records.ts'
import {
  type At,
  assertWeights,
  type Features,
  type Owner,
  Refused,
  type RouteChange,
  type Router,
  type StoredRoute,
  type SubsetChange,
  unwritten,
  type Weights,
} from './router.ts'

/** Name of the one http rule that is ours; other rules of the object stay as they are. */
export const ruleName = 'sluice'

export const istioFeatures: Features = {
  match: true,
  mirror: true,
  tcp: true,
  tls: true,
  zeroWeights: true,
  weights: 'exact',
  liveness: 'none',
}

/** Older servers know the kinds of Istio as `v1beta1` only; the schema is the same. */
export type IstioVersion = 'v1' | 'v1beta1'

export const istio = ownedIstio('v1')

type Json = KubeObject['spec']

export function ownedIstio(version: IstioVersion) {
  const route = at(virtualServices, version)
  const subsets = at(destinationRules, version)
  const names = ({ owner, spec }: At) => {
    const name = istioOf(spec).virtualService ?? owner.name
    return { route: name, subsets: name }
  }
  return {
    route,
    subsets,
    apart: 'entries',
    ownership: 'owned',
    features: istioFeatures,
    names: (owner: Owner, spec: RolloutSpec) => names({ owner, spec }),
    routeNames: (place: At) => [names(place).route],
    subsetNames: (place: At) => [names(place).subsets],
    renderRoute: (current: KubeObject | null, change: RouteChange) =>
      renderRoute(current ?? blank(route, names(change).route, change.owner), change),
    renderSubsets: (current: KubeObject | null, change: SubsetChange) =>
      renderSubsets(current, change, {
        resource: subsets,
        name: names(change).subsets,
        host: hostName(change.owner, change.spec),
      }),
    restoreRoute: () => null,
    readRoute,
    readSubsets,
    acceptance: () => ({ kind: 'accepted' }),
    guards: () => [],
    claims: (place: At) => [`VirtualService/${names(place).route}`],
  } as const satisfies Router & Record<string, unknown>
}

export function at(resource: Resource, version: IstioVersion): Resource {
  const [group = ''] = resource.apiVersion.split('/')
  return { ...resource, apiVersion: `${group}/${version}` }
}

function renderRoute(base: KubeObject, change: RouteChange): KubeObject {
  assertWeights(change.weights)
  const { owner, spec, weights, aside } = change
  const { delegate, hosts, host, gateways, tcpRoutes, tlsRoutes } = istioOf(spec)
  const before = readRoute(base, change)
  const binding = delegate ? {} : { hosts: hosts ?? [host], ...(gateways ? { gateways } : {}) }
  const route = destinations(owner, spec, weights)
  const isHttp = !tcpRoutes && !tlsRoutes
  if (!isHttp && aside) throw new Refused('tcp and tls rules know neither headers nor mirrors')
  const http = httpRules(base, change, isHttp ? route : null)
  return {
    ...base,
    metadata: routeStamped(base, change, before),
    spec: {
      ...base['spec'],
      ...binding,
      ...(isHttp || base['spec']?.http ? { http } : {}),
      ...(tcpRoutes ? { tcp: placed(base['spec']?.tcp, tcpRoutes, route) } : {}),
      ...(tlsRoutes ? { tls: placed(base['spec']?.tls, tlsRoutes, route) } : {}),
    },
  }
}

/** Ours last, after the rules of other people; what stands beside the weights first of all. */
function httpRules(base: KubeObject, change: RouteChange, route: Json[] | null): Json[] {
  const beside = besideOf(change, [])
  const rules = stripHttp(base['spec']?.http ?? [], beside, asideOf(base))
  const others = rules.filter((rule) => rule.name !== ruleName)
  if (route === null) return others
  const ours = rules.find((rule) => rule.name === ruleName)
  const all = ours
    ? rules.map((rule) => (rule === ours ? { ...ours, route } : rule))
    : [...rules, { name: ruleName, route }]
  const index = all.findIndex((rule) => rule.name === ruleName)
  return change.aside ? decorateHttp(all, { ...beside, rules: [index] }, change.aside) : all
}

interface Matched {
  readonly port: number
  readonly sniHosts?: readonly string[]
}

/** Rules known by what they match: those of ours get the route, the others stay. */
function placed(rules: readonly Json[] = [], matched: readonly Matched[], route: Json[]): Json[] {
  const isSame = (rule: Json, match: Matched) => isDeepStrictEqual(rule.match, [match])
  const kept = rules.map((rule) =>
    matched.some((match) => isSame(rule, match)) ? { ...rule, route } : rule,
  )
  const missing = matched.filter((match) => !rules.some((rule) => isSame(rule, match)))
  return [...kept, ...missing.map((match) => ({ match: [match], route }))]
}

function destinations(owner: Owner, spec: RolloutSpec, weights: Weights): Json[] {
  return Object.entries(weights).map(([subset, weight]) => ({
    destination: destinationOf(owner, spec, subset),
    weight,
  }))
}

export function destinationOf(owner: Owner, spec: RolloutSpec, subset: Hash): Json {
  const { port } = istioOf(spec)
  const host = hostName(owner, spec)
  return { host, subset, ...(port === undefined ? {} : { port: { number: port } }) }
}

export function besideOf({ owner, spec }: At, rules: readonly number[]) {
  const destination = (revision: Hash) => destinationOf(owner, spec, revision)
  return { rollout: owner.name, rules, destination }
}

/** Without `place`, what stands beside the weights is not looked at. */
function readRoute(current: KubeObject | null, place?: At): StoredRoute {
  if (!current) return unwritten
  const { http = [], tls = [], tcp = [] }: Record<string, Json[]> = current['spec'] ?? {}
  const index = http.findIndex((rule) => rule.name === ruleName)
  const ours = index < 0 ? ownedPlain([...tls, ...tcp]) : [http[index]]
  const [weights = {}, ...others] = ours.map(weightsIn)
  const aside = place ? asideOf(current) : null
  const isThere = aside && place && hasAsideHttp(http, besideOf(place, [index]), aside)
  return {
    // Rules that differ are the weights of nobody: they are written again.
    weights: others.every((other) => isEqual(other, weights)) ? weights : {},
    decision: decisionOf(current),
    since: weightsSinceOf(current),
    aside: isThere ? aside : null,
  }
}

function ownedPlain(rules: readonly Json[]): Json[] {
  return rules.filter((rule) => (rule.route ?? []).some((to: Json) => to.destination?.subset))
}

function weightsIn(rule: Json): Weights {
  const routes: Json[] = rule?.route ?? []
  return Object.fromEntries(
    routes.map((route) => [
      route.destination?.subset ?? '',
      routes.length === 1 ? 100 : (route.weight ?? 0),
    ]),
  )
}

/** Istio resolves a short host against the VirtualService's namespace; the full name leaves no doubt. */
export function hostName(owner: Pick<Owner, 'namespace'>, spec: RolloutSpec): string {
  return fullName(istioOf(spec).host, owner.namespace)
}

export function fullName(host: string, namespace: string): string {
  return host.includes('.') ? host : `${host}.${namespace}.svc.cluster.local`
}

export function istioOf({ traffic }: RolloutSpec): NonNullable<RolloutSpec['traffic']['istio']> {
  if (!traffic.istio) throw new Error('traffic is not split by Istio')
  return traffic.istio
}
