// The Gateway API without a mesh of its own: a route that Sluice owns under the user's Gateways or Services,
// or named rules of the user's routes, edited in place.
import type { RolloutSpec } from '../crds/rollout.ts'
import type { KubeObject } from '../kube/api.ts'
import { routeAcceptance } from './acceptance.ts'
import { byService, ownedRoute, type RouteKind, routeKinds } from './gateway-route.ts'
import {
  backendOf,
  matchRuleOf,
  mirrors,
  revisionOfBackend,
  withMirror,
  withoutMirror,
} from './gateway-rules.ts'
import {
  type Dialect,
  guardsInPlace,
  readInPlace,
  renderInPlace,
  restoreInPlace,
} from './in-place.ts'
import { isMatchRule } from './istio-http.ts'
import { type Aside, type At, type Features, Refused, type Router } from './router.ts'

type Json = KubeObject['spec']

const features: Features = {
  match: true,
  mirror: true,
  tcp: false,
  tls: false,
  zeroWeights: true,
  weights: 'exact',
  liveness: 'status',
}

export function ownedGatewayApi(kind: RouteKind): Router {
  return ownedRoute({
    kind,
    features,
    name: ({ owner, spec }) => apiOf(spec).route ?? owner.name,
    binding: ({ spec }) => {
      const { parentRefs = [], hostnames } = apiOf(spec)
      return { parentRefs: parentRefs.map(parentOf), ...(hostnames ? { hostnames } : {}) }
    },
    acceptance: (object) => routeAcceptance(object),
  })
}

export function editedGatewayApi(kind: RouteKind): Router {
  return {
    ...byService,
    route: routeKinds[kind],
    ownership: 'in-place',
    features,
    routeNames: ({ spec }) => edited(spec).map(({ name }) => name),
    renderRoute: (current, change) => renderInPlace(dialect, current, change),
    restoreRoute: (current, at) => restoreInPlace(dialect, current, at),
    readRoute: (current, at) => readInPlace(dialect, current, at),
    acceptance: (object) => routeAcceptance(object),
    guards: (current, at) => guardsInPlace(dialect, current, at),
    claims: ({ spec }) =>
      edited(spec).flatMap(({ name, rules }) => rules.map((rule) => `${kind}/${name}#${rule}`)),
  }
}

const dialect: Dialect = {
  locate(object, { spec }) {
    const route = edited(spec).find(({ name }) => name === object.metadata.name)
    return (route?.rules ?? []).map((name) => {
      const index = rulesOf(object).findIndex((rule) => rule.name === name)
      if (index < 0) {
        throw new Refused(`${object.kind} ${object.metadata.name} has no rule named ${name}`)
      }
      return { key: name, list: 'rules', index, field: 'backendRefs' }
    })
  },
  isOurs: (entry, at) => revisionOfBackend(entry, at) !== null,
  revisionOf: (entry, at) => revisionOfBackend(entry, at) ?? '',
  weightOf: (entry) => entry.weight ?? 1,
  entryFor: (template, revision, at) => ({ ...template, ...backendOf(at, revision) }),
  strip(object, at) {
    const split = new Set(dialect.locate(object, at).map(({ index }) => index))
    const rules = rulesOf(object)
      .map((rule, i) => (split.has(i) ? withoutMirror(rule, at) : rule))
      .filter((rule) => !isMatchRule(rule, at.owner.name))
    return withRules(object, rules)
  },
  decorate(object, at, aside) {
    if (!aside) return object
    const split = dialect.locate(object, at).map(({ index }) => index)
    const { match } = aside
    const first = match
      ? split.map((index, n) => ({
          name: `sluice-match-${at.owner.name}-${n}`,
          ...matchRuleOf(rulesOf(object)[index], at, { ...aside, match }),
        }))
      : []
    const rules = rulesOf(object).map((rule, i) =>
      split.includes(i) ? withMirror(rule, at, aside) : rule,
    )
    if (first.length + rules.length > 16) throw new Refused('a route has at most 16 rules')
    return withRules(object, [...first, ...rules])
  },
  hasAside(object, at, aside: Aside) {
    const rules = rulesOf(object)
    const split = dialect.locate(object, at)
    const matching = rules.filter((rule) => isMatchRule(rule, at.owner.name)).length
    return (
      (!aside.match || matching === split.length) &&
      (!aside.mirrorPercent || split.every(({ index }) => mirrors(rules[index], at)))
    )
  },
  identity: '/name',
}

function rulesOf(object: KubeObject): readonly Json[] {
  return object['spec']?.rules ?? []
}

function withRules(object: KubeObject, rules: readonly Json[]): KubeObject {
  return { ...object, spec: { ...object['spec'], rules } }
}

function parentOf({ kind = 'Gateway', ...parent }: Json): Json {
  return { group: kind === 'Gateway' ? 'gateway.networking.k8s.io' : '', kind, ...parent }
}

function edited(spec: At['spec']) {
  return apiOf(spec).routes ?? []
}

function apiOf({ traffic }: RolloutSpec): NonNullable<RolloutSpec['traffic']['gatewayApi']> {
  if (!traffic.gatewayApi) throw new Error('traffic is not split by the Gateway API')
  return traffic.gatewayApi
}
