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
  readonly exportTo: readonly string[] | null
  readonly rules: readonly HttpRule[]
}

export interface HttpRule {
  readonly name: string
  /** Raw; empty holds for every request. */
  readonly matches: readonly unknown[]
  readonly route: readonly Destination[]
  readonly delegate: { readonly namespace: string; readonly name: string } | null
}

export interface Destination {
  readonly host: string
  readonly subset: string | null
  readonly port: number | null
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
        route: z
          .array(
            z.looseObject({
              destination: z.looseObject({
                host: z.string(),
                subset: z.string().nullish(),
                port: z.looseObject({ number: z.int() }).nullish(),
              }),
              weight: z.int().min(0).nullish(),
            }),
          )
          .nullish(),
      }),
    )
    .nullish(),
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
  return {
    namespace,
    name,
    hosts: (spec.hosts ?? []).map((host) => fullName(host, namespace)),
    isForSidecars: !spec.gateways?.length || spec.gateways.includes('mesh'),
    exportTo: spec.exportTo ?? null,
    rules: (spec.http ?? []).map((rule, index) => ({
      name: rule.name ?? `http[${index}]`,
      matches: rule.match ?? [],
      delegate: rule.delegate
        ? { name: rule.delegate.name, namespace: rule.delegate.namespace ?? namespace }
        : null,
      route: (rule.route ?? []).map(({ destination, weight }) => ({
        host: fullName(destination.host, namespace),
        subset: destination.subset || null,
        port: destination.port?.number ?? null,
        weight: weight ?? 0,
      })),
    })),
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
