// Mesh objects as users keep them, and looks into them that know no codec.
import fc from 'fast-check'
import type { KubeObject } from '../../kube/api.ts'
import type { At } from '../../traffic/router.ts'

type Json = KubeObject['spec']

const fields = ['route', 'backendRefs']
const revision = /^[0-9a-f]{10}$/

/** Whether a destination leads to the host of the Rollout, whole or by revision. */
export function isOursEntry(entry: Json, { spec }: At): boolean {
  const { istio, linkerd, gatewayApi } = spec.traffic
  if (istio) return String(entry.destination?.host).split('.')[0] === istio.host
  const host = (linkerd ?? gatewayApi)?.host ?? ''
  const name = String(entry.name)
  return (
    name === host || (name.startsWith(`${host}-`) && revision.test(name.slice(host.length + 1)))
  )
}

/** Destinations of each rule that is split; the lists themselves, so that a test may change them. */
export function destinations(object: KubeObject, at: At): Json[][] {
  return splitRules(object, at).map((rule) => rule.route ?? rule.backendRefs)
}

function splitRules(object: KubeObject, at: At): Json[] {
  return rulesOf(object).filter(
    (rule) =>
      !isMatchRule(rule) &&
      (rule.route ?? rule.backendRefs ?? []).some((entry: Json) => isOursEntry(entry, at)),
  )
}

function rulesOf({ spec }: KubeObject): Json[] {
  return ['http', 'tls', 'tcp', 'rules'].flatMap((list) => spec[list] ?? [])
}

function isMatchRule(rule: Json): boolean {
  const isNamed = String(rule.name ?? '').startsWith('sluice-match-')
  return isNamed || JSON.stringify(rule.matches ?? []).includes('x-canary')
}

/** Rules for matched requests, and mirrors: all that stands beside weights. */
export function rulesBeside(object: KubeObject, at: At): Json[] {
  const rules = rulesOf(object).filter(isMatchRule)
  const mirrors = splitRules(object, at).flatMap((rule) => [
    ...(rule.mirrors ?? []),
    ...(rule.filters ?? []),
  ])
  return [...rules, ...mirrors]
}

/** Whether rules for matched requests stand where they are reached: first of all, or, where order says nothing, anywhere. */
export function isReached({ spec }: KubeObject): boolean {
  const http: Json[] = spec.http ?? []
  const matching = http.filter(isMatchRule).length
  return http.slice(0, matching).every(isMatchRule)
}

/** The object without anything of ours: what must be equal before and after a write. */
export function masked(object: KubeObject, at: At): Json {
  const copy: Json = JSON.parse(JSON.stringify(object))
  const { annotations = {} } = copy.metadata
  for (const key of Object.keys(annotations)) {
    if (key.startsWith('sluice.dev/')) delete annotations[key]
  }
  if (Object.keys(annotations).length === 0) delete copy.metadata.annotations
  if (copy.spec.selector) delete copy.spec.selector['sluice.dev/revision']
  for (const list of ['http', 'tls', 'tcp', 'rules']) {
    const rules: Json[] | undefined = copy.spec[list]
    if (rules) copy.spec[list] = rules.filter((rule) => !isMatchRule(rule)).map(maskedRule(at))
  }
  return copy
}

function maskedRule(at: At) {
  const isOurMirror = (mirror: Json) =>
    isOursEntry(mirror, at) && revision.test(mirror.destination?.subset ?? '')
  const isOurFilter = ({ requestMirror }: Json) =>
    requestMirror !== undefined && isOursEntry(requestMirror.backendRef, at)
  return (rule: Json): Json => {
    const next = { ...rule }
    for (const field of fields) {
      if (next[field]) next[field] = next[field].filter((entry: Json) => !isOursEntry(entry, at))
    }
    if (next.mirrors) next.mirrors = next.mirrors.filter((mirror: Json) => !isOurMirror(mirror))
    if (next.mirrors?.length === 0) delete next.mirrors
    if (next.filters) next.filters = next.filters.filter((filter: Json) => !isOurFilter(filter))
    if (next.filters?.length === 0) delete next.filters
    return next
  }
}

/** Weights of what a user splits: the host alone, a pair of ours, or beside a third; sums are 100. */
const shape = fc.record({
  ours: fc.constantFrom('alone', 'pair'),
  third: fc.constantFrom(0, 10, 40),
  thirdFirst: fc.boolean(),
})

const additions = fc.record(
  {
    timeout: fc.constant('3s'),
    retries: fc.constant({ attempts: 2, perTryTimeout: '1s' }),
    match: fc.constant([{ uri: { prefix: '/shop' } }, { headers: { tenant: { exact: 'a' } } }]),
    mirrors: fc.constant([
      { destination: { host: 'audit', subset: 'all' }, percentage: { value: 50 } },
    ]),
    fieldOfTomorrow: fc.constant({ nested: [1, { two: null }] }),
  },
  { requiredKeys: [] },
)

const metadata = fc
  .record(
    {
      labels: fc.constant({ team: 'pay' }),
      annotations: fc.constant({ 'argocd.argoproj.io/tracking-id': 'shop:x', note: 'ö "quoted"' }),
      finalizers: fc.constant(['example.com/keep']),
    },
    { requiredKeys: [] },
  )
  .map((fields): Json => ({ name: 'mine', namespace: 'shop', generation: 4, ...fields }))

interface Shape {
  readonly ours: string
  readonly third: number
  readonly thirdFirst: boolean
}

function entriesOf({ ours, third, thirdFirst }: Shape, to: (who: string) => Json): Json[] {
  const left = 100 - third
  const own =
    ours === 'alone'
      ? [{ ...to('host'), ...(third === 0 ? {} : { weight: left }) }]
      : [
          { ...to('host'), weight: left },
          { ...to('second'), weight: 0 },
        ]
  const others = third === 0 ? [] : [{ ...to('third'), weight: third }]
  return thirdFirst ? [...others, ...own] : [...own, ...others]
}

/** VirtualServices in which an http rule named `primary` is split. */
export const userHttp = fc.tuple(shape, additions, metadata).map(
  ([of, more, about]): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: about,
    spec: {
      hosts: ['shop.example.com'],
      gateways: ['istio-ingress/public', 'mesh'],
      http: [
        { name: 'admin', match: [{ uri: { prefix: '/admin' } }], route: [istioTo('third')] },
        { name: 'primary', ...more, route: entriesOf(of, istioTo) },
        { route: [istioTo('third')] },
      ],
      exportTo: ['.'],
    },
  }),
)

/** VirtualServices with a tcp and a tls rule that are split, beside others. */
export const userPlain = fc.tuple(shape, metadata).map(
  ([of, about]): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: about,
    spec: {
      hosts: ['db.example.com'],
      tcp: [
        { match: [{ port: 27017 }], route: [istioTo('third')] },
        { match: [{ port: 9000 }], route: entriesOf(of, plainTo) },
      ],
      tls: [
        {
          match: [{ port: 443, sniHosts: ['a.example', 'b.example'] }],
          route: entriesOf(of, plainTo),
        },
      ],
    },
  }),
)

function plainTo(who: string): Json {
  const { headers: _, ...entry } = istioTo(who)
  return entry
}

function istioTo(who: string): Json {
  const headers = { request: { set: { 'x-via': 'mesh' } } }
  if (who === 'third') return { destination: { host: 'legacy', port: { number: 80 } } }
  return who === 'host'
    ? { destination: { host: 'checkout', port: { number: 80 } }, headers }
    : { destination: { host: 'checkout.shop.svc.cluster.local', subset: 'old' } }
}

function backend(who: string): Json {
  const to = { group: '', kind: 'Service', port: 80 }
  if (who === 'third') return { ...to, name: 'checkout-legacy' }
  return { ...to, name: who === 'host' ? 'checkout' : 'checkout-0123456789' }
}

/** Routes of the Gateway API in which a rule named `primary` is split. */
export const userRoute = (kind: 'HTTPRoute' | 'GRPCRoute') =>
  fc.tuple(shape, fc.boolean(), metadata).map(([of, isPlain, about]): KubeObject => {
    const path =
      kind === 'HTTPRoute'
        ? { path: { type: 'PathPrefix', value: '/shop' } }
        : { headers: [{ type: 'Exact', name: 'tenant', value: 'a' }] }
    const set = {
      type: 'RequestHeaderModifier',
      requestHeaderModifier: { add: [{ name: 'x', value: 'y' }] },
    }
    const more = isPlain ? {} : { matches: [path], filters: [set] }
    return {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind,
      metadata: about,
      spec: {
        parentRefs: [{ name: 'public', namespace: 'gateways' }],
        rules: [
          { name: 'legacy', backendRefs: [backend('third')] },
          {
            name: 'primary',
            ...more,
            backendRefs: entriesOf(of, backend).map(({ weight = 1, ...to }) => ({ ...to, weight })),
          },
        ],
      },
      status: { parents: [] },
    }
  })

export const apex: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'checkout', namespace: 'shop' },
  spec: {
    clusterIP: '10.0.0.7',
    selector: { app: 'checkout' },
    ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP', nodePort: 30080 }],
    sessionAffinity: 'None',
  },
}
