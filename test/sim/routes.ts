// Mesh objects in, weights and subsets out, for every router. Read here once more, apart from the product's own
// codecs, so that a mistake there is seen.
import { label } from '../../crds/names.ts'
import type { KubeObject } from '../../kube/api.ts'

export type Weights = Readonly<Record<string, number>>

/** Names of the rules that are split: Sluice's own, and the user's that it edits. */
const ruleNames = new Set(['sluice', 'primary'])
const host = 'checkout'
const hosts = new Set([host, `${host}.shop.svc.cluster.local`])
const revisionService = /^checkout-([0-9a-f]{10})$/

interface Entry {
  readonly destination?: { readonly host?: string; readonly subset?: string }
  readonly name?: string
  readonly weight?: number
}

interface Rule {
  readonly name?: string
  readonly route?: readonly Entry[]
  readonly backendRefs?: readonly Entry[]
  readonly mirrors?: readonly {
    readonly destination: NonNullable<Entry['destination']>
    readonly percentage?: { readonly value: number }
  }[]
  readonly filters?: readonly {
    readonly requestMirror?: { readonly backendRef: Entry; readonly percent?: number }
  }[]
}

/** The one rule that is split; undefined for an object without one. */
export function splitOf(route: KubeObject | null): Rule | undefined {
  const { http = [], rules = [] }: { http?: Rule[]; rules?: Rule[] } = route?.['spec'] ?? {}
  if (route?.kind === 'VirtualService') {
    return http.find(({ name }) => name !== undefined && ruleNames.has(name))
  }
  return rules.findLast(({ backendRefs = [] }) =>
    backendRefs.some(({ name = '' }) => name === host || revisionService.test(name)),
  )
}

/** Numbers as they are written, by revision; '' for pods of any revision. */
export function writtenOf(route: KubeObject | null): Weights {
  if (route?.kind === 'Service') {
    const revision: string = route['spec'].selector?.[label.revision] ?? ''
    return { [revision]: 100 }
  }
  const { route: destinations, backendRefs } = splitOf(route) ?? {}
  const entries = destinations
    ? destinations.map(({ destination, weight }): [string, number] => [
        hosts.has(destination?.host ?? '') ? (destination?.subset ?? '') : '',
        destinations.length === 1 ? 100 : (weight ?? 0),
      ])
    : (backendRefs ?? []).map(({ name = '', weight }): [string, number] => [
        revisionService.exec(name)?.[1] ?? '',
        weight ?? 1,
      ])
  return Object.fromEntries(entries)
}

/** Percent by revision; empty while requests go to pods of any revision. */
export function weightsOf(route: KubeObject | null): Weights {
  const written = writtenOf(route)
  const sum = Object.values(written).reduce((total, weight) => total + weight, 0)
  if ('' in written || sum === 0) return {}
  return Object.fromEntries(
    Object.entries(written).map(([revision, weight]) => [revision, (100 * weight) / sum]),
  )
}

export interface Aside {
  readonly revision: string
  /** Whether requests with a header go to it. */
  readonly isMatched: boolean
  readonly mirrorPercent: number
}

/** Rules of ours for requests with a header come first, and have one destination. */
const isMatchRule = ({ name, route, backendRefs }: Rule, split: Rule | undefined): boolean => {
  const isNamed = name === undefined || name.startsWith('sluice-match-')
  const [entry, more] = route ?? backendRefs ?? []
  const isRevision = revisionIn(entry) !== undefined
  return isNamed && more === undefined && isRevision && split !== undefined
}

const revisionIn = (entry: Entry | undefined): string | undefined =>
  entry?.destination ? entry.destination.subset : revisionService.exec(entry?.name ?? '')?.[1]

/** What reaches a revision beside its weight; null for nothing. */
export function asideOf(route: KubeObject | null): Aside | null {
  if (!route || route.kind === 'Service') return null
  const split = splitOf(route)
  const rules: Rule[] = route['spec'].http ?? route['spec'].rules ?? []
  const match = rules.find((rule) => rule !== split && isMatchRule(rule, split))
  const mirror = mirrorOf(split)
  const revision = revisionIn((match?.route ?? match?.backendRefs)?.[0]) ?? mirror?.revision
  if (revision === undefined) return null
  return { revision, isMatched: match !== undefined, mirrorPercent: mirror?.percent ?? 0 }
}

function mirrorOf(split: Rule | undefined): { revision: string; percent: number } | null {
  for (const { destination, percentage } of split?.mirrors ?? []) {
    const revision = revisionIn({ destination })
    if (revision) return { revision, percent: percentage?.value ?? 100 }
  }
  for (const { requestMirror } of split?.filters ?? []) {
    const revision = revisionIn(requestMirror?.backendRef)
    if (revision) return { revision, percent: requestMirror?.percent ?? 100 }
  }
  return null
}

/** The same route with other weights for its two revisions; null where there are not two. */
export function withWeights(route: KubeObject, canaryWeight: number): unknown {
  const split = splitOf(route)
  const entries = split?.route ?? split?.backendRefs ?? []
  if (!split || entries.length !== 2 || '' in writtenOf(route)) return null
  const edited = entries.map((one, i) => ({
    ...one,
    weight: i === 0 ? 100 - canaryWeight : canaryWeight,
  }))
  const list = route.kind === 'VirtualService' ? 'http' : 'rules'
  const field = route.kind === 'VirtualService' ? 'route' : 'backendRefs'
  const rules: readonly unknown[] = route['spec'][list]
  return { [list]: rules.map((rule) => (rule === split ? { ...split, [field]: edited } : rule)) }
}

/** An object without what Sluice may change in it, as text. */
export function foreignIn(route: KubeObject): KubeObject['spec'] {
  const spec = { ...route['spec'] }
  if (route.kind === 'Service') {
    const { [label.revision]: _, ...selector } = spec.selector ?? {}
    return { ...spec, selector }
  }
  const split = splitOf(route)
  const list = route.kind === 'VirtualService' ? 'http' : 'rules'
  const rules: readonly unknown[] = spec[list] ?? []
  const others = rules.filter((rule) => rule === split || !isMatchRule(rule as Rule, split))
  const { mirrors: _, filters: __, ...kept } = split ?? {}
  spec[list] = others.map((rule) =>
    rule === split ? { ...kept, route: null, backendRefs: null } : rule,
  )
  return spec
}

const editsOn = ({ metadata }: Pick<KubeObject, 'metadata'>) =>
  Object.values<{ decision: number; uid: string }>(
    JSON.parse(metadata.annotations?.['sluice.dev/edits'] ?? '{}'),
  )

/** Rollouts that split rules of an object of a user, by uid. */
export const editorsOf = (object: KubeObject): string =>
  editsOn(object)
    .map(({ uid }) => uid)
    .sort()
    .join()

/** The number of the decision that an object carries, wherever its router keeps it. */
export function decisionOn({ metadata }: Pick<KubeObject, 'metadata'>): number {
  const { annotations = {} } = metadata
  const decisions = editsOn({ metadata }).map(({ decision }) => decision)
  return decisions.length > 0
    ? Math.min(...decisions)
    : Number(annotations['sluice.dev/decision'] ?? 0)
}

interface Subset {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
}

export const isOurs = ({ name, labels }: Subset): boolean => labels?.[label.revision] === name

/** Revisions that an object tells apart from others. */
export function subsetsOf(subsets: KubeObject | null): string[] {
  if (subsets?.kind === 'Service') {
    const named = revisionService.exec(subsets.metadata.name)?.[1]
    return named && subsets['spec'].selector?.[label.revision] === named ? [named] : []
  }
  const all: Subset[] = subsets?.['spec']?.subsets ?? []
  return all.filter(isOurs).map(({ name }) => name)
}
