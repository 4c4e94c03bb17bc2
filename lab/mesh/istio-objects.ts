// VirtualServices and DestinationRules as users write them in, the part that the lab obeys out, typed.
// What the lab does not know is named, never silently guessed.
import { z } from 'zod'
import type { KubeObject } from '../../kube/api.ts'

export interface VirtualService {
  readonly namespace: string
  readonly name: string
  /** Full names; empty for a delegate. */
  readonly hosts: readonly string[]
  readonly isForSidecars: boolean
  readonly isForGateways: boolean
  readonly exportTo: readonly string[] | null
  readonly rules: readonly HttpRule[]
  readonly streams: readonly StreamRule[]
}

export interface HttpRule {
  readonly name: string
  /** Raw; empty holds for every request. */
  readonly matches: readonly unknown[]
  readonly route: readonly Destination[]
  readonly delegate: { readonly namespace: string; readonly name: string } | null
  readonly mirrors: readonly { readonly to: Place; readonly percent: number }[]
}

/** A tcp or tls rule; those of tls come first. */
export interface StreamRule {
  /** Any of them; empty holds for every connection. */
  readonly matches: readonly {
    readonly port: number | null
    /** Null for tcp. */
    readonly sniHosts: readonly string[] | null
  }[]
  readonly route: readonly Destination[]
}

interface Place {
  readonly host: string
  readonly subset: string | null
  readonly port: number | null
}

export interface Destination extends Place {
  readonly weight: number
}

export interface DestinationRule {
  readonly namespace: string
  readonly host: string
  readonly exportTo: readonly string[] | null
  readonly subsets: readonly { readonly name: string; readonly labels: Labels }[]
}

export type Labels = Readonly<Record<string, string>>

const Names = z.array(z.string()).nullish()
const PlaceSpec = z.looseObject({
  host: z.string(),
  subset: z.string().nullish(),
  port: z.looseObject({ number: z.int() }).nullish(),
})
const Route = z
  .array(z.looseObject({ destination: PlaceSpec, weight: z.int().min(0).nullish() }))
  .nullish()
const Percent = z.looseObject({ value: z.number().min(0).max(100).nullish() }).nullish()
const StreamMatch = z.strictObject({ port: z.int().nullish(), sniHosts: Names })

const VirtualServiceSpec = z.looseObject({
  hosts: Names,
  gateways: Names,
  exportTo: Names,
  http: z
    .array(
      z.looseObject({
        name: z.string().nullish(),
        match: z.array(z.unknown()).nullish(),
        delegate: z.looseObject({ name: z.string(), namespace: z.string().nullish() }).nullish(),
        route: Route,
        mirror: PlaceSpec.nullish(),
        mirrorPercentage: Percent,
        mirrors: z.array(z.looseObject({ destination: PlaceSpec, percentage: Percent })).nullish(),
      }),
    )
    .nullish(),
  tcp: z.array(z.looseObject({ match: z.array(StreamMatch).nullish(), route: Route })).nullish(),
  tls: z.array(z.looseObject({ match: z.array(StreamMatch).nullish(), route: Route })).nullish(),
})

const DestinationRuleSpec = z.looseObject({
  host: z.string(),
  exportTo: Names,
  subsets: z
    .array(z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).nullish() }))
    .nullish(),
})

/** Null when it is not sound; `problems` then says why. */
export function parseVirtualService(object: KubeObject, problems: string[]): VirtualService | null {
  const spec = parse(VirtualServiceSpec, object, problems)
  if (!spec) return null
  const { namespace = '', name } = object.metadata
  const routeOf = (route: z.infer<typeof Route>) =>
    (route ?? []).map(({ destination, weight }) => ({
      ...placeOf(destination, namespace),
      weight: weight ?? 0,
    }))
  return {
    namespace,
    name,
    hosts: (spec.hosts ?? []).map((host) => fullName(host, namespace)),
    isForSidecars: !spec.gateways?.length || spec.gateways.includes('mesh'),
    isForGateways: spec.gateways?.some((gateway) => gateway !== 'mesh') === true,
    exportTo: spec.exportTo ?? null,
    rules: (spec.http ?? []).map((rule, index) => ({
      name: rule.name ?? `http[${index}]`,
      matches: rule.match ?? [],
      delegate: rule.delegate
        ? { name: rule.delegate.name, namespace: rule.delegate.namespace ?? namespace }
        : null,
      route: routeOf(rule.route),
      mirrors: mirrorsOf(rule).map(([place, percentage]) => ({
        to: placeOf(place, namespace),
        percent: percentage === undefined || percentage === null ? 100 : (percentage.value ?? 0),
      })),
    })),
    streams: [...(spec.tls ?? []), ...(spec.tcp ?? [])].map(({ match, route }) => ({
      matches: (match ?? []).map(({ port, sniHosts }) => ({
        port: port ?? null,
        sniHosts: sniHosts ?? null,
      })),
      route: routeOf(route),
    })),
  }
}

type Mirroring = Pick<
  NonNullable<z.infer<typeof VirtualServiceSpec>['http']>[number],
  'mirror' | 'mirrorPercentage' | 'mirrors'
>

/** `mirror` and `mirrors` exclude each other; Istio obeys the list when both are there. */
function mirrorsOf(rule: Mirroring): [z.infer<typeof PlaceSpec>, z.infer<typeof Percent>][] {
  const { mirror, mirrorPercentage, mirrors } = rule
  if (mirrors?.length)
    return mirrors.map(({ destination, percentage }) => [destination, percentage])
  return mirror ? [[mirror, mirrorPercentage]] : []
}

function placeOf({ host, subset, port }: z.infer<typeof PlaceSpec>, namespace: string): Place {
  return {
    host: fullName(host, namespace),
    subset: subset || null,
    port: port?.number ?? null,
  }
}

export function parseDestinationRule(
  object: KubeObject,
  problems: string[],
): DestinationRule | null {
  const spec = parse(DestinationRuleSpec, object, problems)
  if (!spec) return null
  const { namespace = '' } = object.metadata
  return {
    namespace,
    host: fullName(spec.host, namespace),
    exportTo: spec.exportTo ?? null,
    subsets: (spec.subsets ?? []).map(({ name, labels }) => ({ name, labels: labels ?? {} })),
  }
}

/** Istio completes names without a dot only, with the namespace of the object that says them. */
function fullName(host: string, namespace: string): string {
  return host.includes('.') || host === '*' ? host : `${host}.${namespace}.svc.cluster.local`
}

/** Whether an object of one namespace counts in another. */
export function isVisible(
  object: { readonly namespace: string; readonly exportTo: readonly string[] | null },
  namespace: string,
): boolean {
  const { exportTo } = object
  if (!exportTo || exportTo.length === 0) return true
  return exportTo.some(
    (name) =>
      name === '*' || name === namespace || (name === '.' && object.namespace === namespace),
  )
}

function parse<T>(schema: z.ZodType<T>, object: KubeObject, problems: string[]): T | null {
  const parsed = schema.safeParse(object['spec'])
  if (parsed.success) return parsed.data
  const { kind, metadata } = object
  const because = z.prettifyError(parsed.error)
  problems.push(`${kind} ${metadata.namespace}/${metadata.name} is ignored: ${because}`)
  return null
}
