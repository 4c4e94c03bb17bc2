// What stands beside weights in the http rules of a VirtualService: a rule of ours for matched requests,
// always first, and a mirror on the rules that are split. Weight changes never touch either.
import { isDeepStrictEqual } from 'node:util'
import type { StepMatch } from '../crds/step-match.ts'
import type { KubeObject } from '../kube/api.ts'
import { cookiePattern } from './patterns.ts'
import { type Aside, Refused } from './router.ts'

type Json = KubeObject['spec']

export interface Beside {
  /** Name of the Rollout: rules of ours carry it. */
  readonly rollout: string
  /** Destination of the revision on trial. */
  readonly destination: (revision: string) => Json
  /** Indices of the rules that are split. */
  readonly rules: readonly number[]
}

/** Whether Sluice wrote this rule for matched requests of the Rollout. */
export function isMatchRule(rule: Json, rollout: string): boolean {
  const name = String(rule?.name ?? '')
  const prefix = `sluice-match-${rollout}-`
  return name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length))
}

export function stripHttp(rules: readonly Json[], beside: Beside, aside: Aside | null): Json[] {
  const plain = rules.filter((rule) => !isMatchRule(rule, beside.rollout))
  if (aside?.mirrorPercent === undefined) return plain
  const ours = beside.destination(aside.revision)
  return plain.map((rule) => {
    const { mirrors, ...rest } = rule
    const isOurs = (mirror: Json) => isDeepStrictEqual(mirror.destination, ours)
    if (!Array.isArray(mirrors) || !mirrors.some(isOurs)) return rule
    const others = mirrors.filter((mirror) => !isOurs(mirror))
    return others.length > 0 ? { ...rule, mirrors: others } : rest
  })
}

export function decorateHttp(rules: readonly Json[], beside: Beside, aside: Aside): Json[] {
  const { match, mirrorPercent, revision } = aside
  const destination = beside.destination(revision)
  const first = match
    ? beside.rules.map((index, n) => ({
        ...without(rules[index], [
          'route',
          'mirror',
          'mirrors',
          'mirrorPercentage',
          'mirrorPercent',
        ]),
        name: `sluice-match-${beside.rollout}-${n}`,
        match: both(rules[index].match, match),
        route: [{ destination, weight: 100 }],
      }))
    : []
  const split = rules.map((rule, index) => {
    if (mirrorPercent === undefined || !beside.rules.includes(index)) return rule
    if (rule.mirror) {
      throw new Refused('this rule mirrors already by mirror: write it as an entry of mirrors')
    }
    const mirror = { destination, percentage: { value: mirrorPercent } }
    return { ...rule, mirrors: [...(rule.mirrors ?? []), mirror] }
  })
  return [...first, ...split]
}

export function hasAsideHttp(rules: readonly Json[], beside: Beside, aside: Aside): boolean {
  const ours = beside.destination(aside.revision)
  const mirrorsOurs = (rule: Json) =>
    (rule?.mirrors ?? []).some((mirror: Json) => isDeepStrictEqual(mirror.destination, ours))
  const matching = rules.filter((rule) => isMatchRule(rule, beside.rollout)).length
  const isMatched = !aside.match || matching === beside.rules.length
  return isMatched && (!aside.mirrorPercent || beside.rules.every((i) => mirrorsOurs(rules[i])))
}

/** The conditions of a rule and ours: every way into the rule, narrowed. */
function both(theirs: readonly Json[] | undefined, ours: StepMatch): Json[] {
  const headers: Record<string, Json> = Object.fromEntries(
    // Envoy sees header names in lower case, and Istio compares them as they are written.
    Object.entries(ours.headers ?? {}).map(([name, value]) => [name.toLowerCase(), { ...value }]),
  )
  if (ours.cookie) headers['cookie'] = { regex: cookiePattern(ours.cookie) }
  const ways: readonly Json[] = theirs && theirs.length > 0 ? theirs : [{}]
  return ways.map((way) => {
    const taken = Object.keys(headers).find((name) => way.headers?.[name])
    if (taken) throw new Refused(`this rule matches header ${taken} itself: match another one`)
    return { ...way, headers: { ...way.headers, ...headers } }
  })
}

function without(rule: Json, fields: readonly string[]): Json {
  return Object.fromEntries(Object.entries(rule).filter(([field]) => !fields.includes(field)))
}
