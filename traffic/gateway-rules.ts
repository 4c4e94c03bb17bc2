// Rules of HTTPRoute and GRPCRoute: backends by revision, a rule for matched requests, a mirror filter.
import type { StepMatch } from '../crds/step-match.ts'
import type { KubeObject } from '../kube/api.ts'
import { cookiePattern, headerPattern } from './patterns.ts'
import { revisionOfService, serviceNameOf } from './revision-service.ts'
import { type Aside, type At, Refused } from './router.ts'

type Json = KubeObject['spec']

/** Defaults are spelled out: what the server fills in would differ from what we render for ever. */
export function backendOf(at: At, revision: string): Json {
  return { group: '', kind: 'Service', name: serviceNameOf(at, revision), port: portOf(at) }
}

/** The revision a backend leads to: '' for the Service that is split, null for one of other people. */
export function revisionOfBackend(backend: Json, at: At): string | null {
  const { group = '', kind = 'Service', namespace = at.owner.namespace, name = '' } = backend ?? {}
  if (group !== '' || kind !== 'Service' || namespace !== at.owner.namespace) return null
  return name === hostNameOf(at) ? '' : revisionOfService(at, name)
}

export function withMirror(rule: Json, at: At, aside: Aside | undefined): Json {
  if (aside?.mirrorPercent === undefined) return rule
  const requestMirror = {
    backendRef: backendOf(at, aside.revision),
    percent: aside.mirrorPercent,
  }
  return { ...rule, filters: [...(rule.filters ?? []), { type: 'RequestMirror', requestMirror }] }
}

export function withoutMirror(rule: Json, at: At): Json {
  if (!(rule.filters ?? []).some((filter: Json) => isOurMirror(filter, at))) return rule
  const { filters, ...rest } = rule
  const others = filters.filter((filter: Json) => !isOurMirror(filter, at))
  return others.length > 0 ? { ...rule, filters: others } : rest
}

export function mirrors(rule: Json, at: At): boolean {
  return (rule.filters ?? []).some((filter: Json) => isOurMirror(filter, at))
}

/** The rule that leads matched requests to one revision: all else is as in the rule that is split. */
export function matchRuleOf(rule: Json, at: At, aside: Aside & { match: StepMatch }): Json {
  const { name: _, backendRefs, ...rest } = withoutMirror(rule, at)
  const ours = (backendRefs ?? []).find((backend: Json) => revisionOfBackend(backend, at) !== null)
  const { filters } = ours ?? {}
  const backend = { ...backendOf(at, aside.revision), weight: 1, ...(filters ? { filters } : {}) }
  return { ...rest, matches: both(rule.matches, aside.match), backendRefs: [backend] }
}

function both(theirs: readonly Json[] | undefined, ours: StepMatch): Json[] {
  const wanted = headersOf(ours)
  const ways: readonly Json[] = theirs && theirs.length > 0 ? theirs : [{}]
  return ways.map((way) => {
    const headers: Json[] = way.headers ?? []
    const taken = wanted.find(({ name }) => headers.some((other) => isSameName(other.name, name)))
    if (taken) throw new Refused(`this rule matches header ${taken.name} itself: match another one`)
    if (headers.length + wanted.length > 16) throw new Refused('a match has at most 16 headers')
    return { ...way, headers: [...headers, ...wanted] }
  })
}

function headersOf({ headers = {}, cookie }: StepMatch): Json[] {
  const found = Object.entries(headers).map(([name, value]) =>
    value.exact === undefined
      ? { type: 'RegularExpression', name, value: headerPattern(value) }
      : { type: 'Exact', name, value: value.exact },
  )
  const pattern = cookie && { name: 'cookie', value: cookiePattern(cookie) }
  return pattern ? [...found, { type: 'RegularExpression', ...pattern }] : found
}

function isOurMirror(filter: Json, at: At): boolean {
  const backend = filter?.requestMirror?.backendRef
  return backend !== undefined && (revisionOfBackend(backend, at) ?? '') !== ''
}

function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function hostNameOf({ spec }: At): string {
  return (spec.traffic.linkerd ?? spec.traffic.gatewayApi)?.host ?? ''
}

function portOf({ spec }: At): number | undefined {
  return (spec.traffic.linkerd ?? spec.traffic.gatewayApi)?.port
}
