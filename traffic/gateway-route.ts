// Weights ⇄ an HTTPRoute or GRPCRoute that Sluice owns. Only fields of the standard channel of 1.2.1, and no
// names of rules: Linkerd ignores a whole route that has a field it does not know.
import type { KubeObject, Resource } from '../kube/api.ts'
import { services } from '../kube/resources.ts'
import {
  backendOf,
  matchRuleOf,
  mirrors,
  revisionOfBackend,
  withMirror,
  withoutMirror,
} from './gateway-rules.ts'
import { blank, decisionOf, routeStamped, weightsSinceOf } from './owned.ts'
import { asideOf } from './records.ts'
import { readRevisionService, renderRevisionService, serviceNameOf } from './revision-service.ts'
import {
  type Acceptance,
  type Aside,
  type At,
  assertWeights,
  type Features,
  Refused,
  type RouteChange,
  type Router,
  type StoredRoute,
  unwritten,
} from './router.ts'

type Json = KubeObject['spec']
export type RouteKind = 'HTTPRoute' | 'GRPCRoute'

export const routeKinds: Readonly<Record<RouteKind, Resource>> = {
  HTTPRoute: routeKind('HTTPRoute', 'httproutes'),
  GRPCRoute: routeKind('GRPCRoute', 'grpcroutes'),
}

/** What all routers with a Service per revision share. */
export const byService = {
  subsets: services,
  apart: 'objects',
  subsetNames: (at: At, revisions: readonly string[]) =>
    revisions.map((revision) => serviceNameOf(at, revision)),
  renderSubsets: renderRevisionService,
  readSubsets: readRevisionService,
} as const

export interface OwnedRoute {
  readonly kind: RouteKind
  readonly features: Features
  readonly name: (at: At) => string
  /** `parentRefs` and `hostnames`: where requests come from. */
  readonly binding: (at: At) => Json
  readonly acceptance: (object: KubeObject) => Acceptance
}

export function ownedRoute({ kind, features, name, binding, acceptance }: OwnedRoute): Router {
  const route = routeKinds[kind]
  return {
    ...byService,
    route,
    ownership: 'owned',
    features,
    routeNames: (at) => [name(at)],
    renderRoute: (current, change) => {
      if (change.aside?.mirrorPercent && !features.mirror) {
        throw new Refused('this mesh drops a route that mirrors, and all of its weights with it')
      }
      const base = current ?? blank(route, name(change), change.owner)
      const bound = { ...base, spec: { ...base['spec'], ...binding(change) } }
      return renderRoute(bound, change, kind)
    },
    restoreRoute: () => null,
    readRoute,
    acceptance,
    guards: () => [],
    claims: (at) => [`${kind}/${name(at)}`],
  }
}

function renderRoute(base: KubeObject, change: RouteChange, kind: RouteKind): KubeObject {
  assertWeights(change.weights)
  const { weights, aside } = change
  const { foreign, split } = sorted(base, change)
  const known = new Map<string, Json>(
    (split?.backendRefs ?? []).map((backend: Json) => [backend.name, backend]),
  )
  const backendRefs = Object.entries(weights).map(([revision, weight]) => ({
    ...known.get(serviceNameOf(change, revision)),
    ...backendOf(change, revision),
    weight,
  }))
  const plain = { ...withoutMirror(split ?? anyRequest(kind), change), backendRefs }
  const { match } = aside ?? {}
  const first = aside && match ? [matchRuleOf(plain, change, { ...aside, match })] : []
  const rules = [...foreign, ...first, withMirror(plain, change, aside)]
  return {
    ...base,
    metadata: routeStamped(base, change, readRoute(base, change)),
    spec: { ...base['spec'], rules },
  }
}

function readRoute(current: KubeObject | null, at: At): StoredRoute {
  if (!current) return unwritten
  const { split, matching } = sorted(current, at)
  const backends: Json[] = split?.backendRefs ?? []
  const weights = Object.fromEntries(
    backends.map((backend) => [revisionOfBackend(backend, at) ?? '', backend.weight ?? 1]),
  )
  const aside = asideOf(current)
  const isThere = (wanted: Aside) =>
    (!wanted.match || matching > 0) && (!wanted.mirrorPercent || (split && mirrors(split, at)))
  return {
    weights,
    decision: decisionOf(current),
    since: weightsSinceOf(current),
    aside: aside && isThere(aside) ? aside : null,
  }
}

/** Rules of ours are those that lead to revisions alone; the last of them is split, others are matches. */
function sorted(object: KubeObject, at: At) {
  const rules: Json[] = object['spec']?.rules ?? []
  const isOurs = (rule: Json) =>
    rule.backendRefs?.length > 0 &&
    rule.backendRefs.every((backend: Json) => (revisionOfBackend(backend, at) ?? '') !== '')
  const ours = rules.filter(isOurs)
  const foreign = rules.filter((rule) => !isOurs(rule))
  return { foreign, split: ours.at(-1), matching: ours.length - 1 }
}

function anyRequest(kind: RouteKind): Json {
  return kind === 'HTTPRoute' ? { matches: [{ path: { type: 'PathPrefix', value: '/' } }] } : {}
}

function routeKind(kind: string, plural: string): Resource {
  return { apiVersion: 'gateway.networking.k8s.io/v1', kind, plural, namespaced: true }
}
