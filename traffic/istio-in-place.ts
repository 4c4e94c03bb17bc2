// Weights ⇄ named rules of VirtualServices that a user keeps, http, tls and tcp alike.
import type { KubeObject } from '../kube/api.ts'
import { destinationRules, virtualServices } from '../kube/resources.ts'
import { readSubsets, renderSubsets } from './destination-rule.ts'
import {
  type Dialect,
  guardsInPlace,
  type Located,
  readInPlace,
  renderInPlace,
  restoreInPlace,
} from './in-place.ts'
import {
  at as atVersion,
  besideOf,
  destinationOf,
  fullName,
  hostName,
  type IstioVersion,
  istioFeatures,
  istioOf,
} from './istio.ts'
import { decorateHttp, hasAsideHttp, isMatchRule, stripHttp } from './istio-http.ts'
import { type Aside, type At, Refused, type Router } from './router.ts'

export function editedIstio(version: IstioVersion): Router {
  const subsets = atVersion(destinationRules, version)
  return {
    route: atVersion(virtualServices, version),
    subsets,
    apart: 'entries',
    ownership: 'in-place',
    features: istioFeatures,
    routeNames: ({ spec }) => edited(spec).map(({ name }) => name),
    subsetNames: ({ owner }) => [owner.name],
    renderRoute: (current, change) => renderInPlace(dialect, current, change),
    renderSubsets: (current, change) => {
      const host = hostName(change.owner, change.spec)
      return renderSubsets(current, change, { resource: subsets, name: change.owner.name, host })
    },
    restoreRoute: (current, at) => restoreInPlace(dialect, current, at),
    readRoute: (current, at) => readInPlace(dialect, current, at),
    readSubsets,
    acceptance: () => ({ kind: 'accepted' }),
    guards: (current, at) => guardsInPlace(dialect, current, at),
    claims: ({ spec }) =>
      edited(spec).flatMap((route) =>
        keysOf(route).map(({ key }) => `VirtualService/${route.name}#${key}`),
      ),
  }
}

type Json = KubeObject['spec']
type Edited = NonNullable<ReturnType<typeof istioOf>['virtualServices']>[number]

const dialect: Dialect = {
  locate(object, at) {
    const route = edited(at.spec).find(({ name }) => name === object.metadata.name)
    if (!route) throw new Refused(`VirtualService ${object.metadata.name} is not named`)
    return keysOf(route).map((wanted) => located(object, at, wanted))
  },
  isOurs: (entry, { owner, spec }) =>
    fullName(String(entry.destination?.host ?? ''), owner.namespace) === hostName(owner, spec),
  revisionOf: (entry) => String(entry.destination?.subset ?? ''),
  weightOf: (entry, count) => (count === 1 ? 100 : (entry.weight ?? 0)),
  entryFor: (template, revision, { owner, spec }) => ({
    ...template,
    destination: { ...template.destination, ...destinationOf(owner, spec, revision) },
  }),
  strip(object, at, aside) {
    const { http } = object['spec']
    if (!Array.isArray(http)) return object
    const rules = stripHttp(http, besideOf(at, []), aside)
    return rules.length === http.length && rules.every((rule, i) => rule === http[i])
      ? object
      : withHttp(object, rules)
  },
  decorate(object, at, aside) {
    if (!aside) return object
    const beside = besideOf(at, splitHttp(object, at))
    return withHttp(object, decorateHttp(object['spec'].http ?? [], beside, aside))
  },
  hasAside: (object, at, aside: Aside) =>
    hasAsideHttp(object['spec'].http ?? [], besideOf(at, splitHttp(object, at)), aside),
  identity: '/destination',
}

interface Wanted {
  readonly key: string
  readonly list: 'http' | 'tcp' | 'tls'
  readonly told: string
  readonly finds: (rule: Json) => boolean
}

/** Rules by what tells them apart, never by their index: users add rules above ours. */
function keysOf({ routes, tcpRoutes, tlsRoutes }: Edited): Wanted[] {
  const http = (routes ?? []).map((name): Wanted => {
    const told = `http rule named ${name}`
    return { key: `http:${name}`, list: 'http', told, finds: (rule) => rule.name === name }
  })
  const tcp = (tcpRoutes ?? []).map(({ port }): Wanted => {
    const finds = (rule: Json) => matches(rule).some((match) => match.port === port)
    return { key: `tcp:${port}`, list: 'tcp', told: `tcp rule for port ${port}`, finds }
  })
  const tls = (tlsRoutes ?? []).map(({ port, sniHosts }): Wanted => {
    const names = sniHosts.toSorted().join()
    const finds = (rule: Json) =>
      matches(rule).some(
        (match) => match.port === port && [...(match.sniHosts ?? [])].sort().join() === names,
      )
    return {
      key: `tls:${port}:${names}`,
      list: 'tls',
      told: `tls rule for ${names}:${port}`,
      finds,
    }
  })
  const isPlain = (rule: Json) => !String(rule.name ?? '').startsWith('sluice-match-')
  const only: Wanted = { key: 'http', list: 'http', told: 'only http rule', finds: isPlain }
  return routes || tcpRoutes || tlsRoutes ? [...http, ...tcp, ...tls] : [only]
}

function located(object: KubeObject, { owner }: At, wanted: Wanted): Located {
  const rules: Json[] = object['spec']?.[wanted.list] ?? []
  const found = rules.flatMap((rule, index) =>
    !isMatchRule(rule, owner.name) && wanted.finds(rule) ? [index] : [],
  )
  const [index] = found
  if (index === undefined || found.length > 1) {
    throw new Refused(
      `VirtualService ${object.metadata.name} has ${found.length} rules that are its ${wanted.told}; it needs one`,
    )
  }
  // By its own name even when it was found as the only one: two Rollouts must not know it by two keys.
  const { name } = rules[index]
  const key = wanted.list === 'http' && name ? `http:${name}` : wanted.key
  return { key, list: wanted.list, index, field: 'route' }
}

function splitHttp(object: KubeObject, at: At): number[] {
  const places = dialect.locate(object, at)
  if (places.some(({ list }) => list !== 'http')) {
    throw new Refused('tcp and tls rules know neither headers nor mirrors')
  }
  return places.map(({ index }) => index)
}

function matches(rule: Json): readonly Json[] {
  return rule.match ?? []
}

function edited(spec: At['spec']): readonly Edited[] {
  return istioOf(spec).virtualServices ?? []
}

function withHttp(object: KubeObject, http: readonly Json[]): KubeObject {
  return { ...object, spec: { ...object['spec'], http } }
}
