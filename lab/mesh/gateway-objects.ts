// HTTPRoutes and GRPCRoutes in, the part that the lab obeys out, typed, with the defaults of the definitions.
import { z } from 'zod'
import type { KubeObject } from '../../kube/api.ts'

export interface GatewayRoute {
  readonly object: KubeObject
  readonly kind: 'HTTPRoute' | 'GRPCRoute'
  readonly namespace: string
  readonly name: string
  readonly parents: readonly Parent[]
  readonly hostnames: readonly string[]
  readonly rules: readonly GatewayRule[]
}

export interface Parent {
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly port: number | null
}

export interface GatewayRule {
  readonly matches: readonly Match[]
  readonly backends: readonly (Backend & { readonly weight: number })[]
  readonly mirrors: readonly { readonly to: Backend; readonly percent: number }[]
  readonly filters: readonly string[]
  readonly fields: readonly string[]
}

export interface Backend {
  readonly isService: boolean
  readonly namespace: string
  readonly name: string
  readonly port: number | null
}

const StringMatch = z.looseObject({
  type: z.string().nullish(),
  name: z.string(),
  value: z.string(),
})
const Match = z.strictObject({
  path: z.looseObject({ type: z.string().nullish(), value: z.string().nullish() }).nullish(),
  headers: z.array(StringMatch).nullish(),
  queryParams: z.array(StringMatch).nullish(),
  method: z
    .union([
      z.string(),
      z.looseObject({
        type: z.string().nullish(),
        service: z.string().nullish(),
        method: z.string().nullish(),
      }),
    ])
    .nullish(),
})
export type Match = z.infer<typeof Match>

const referenceFields = {
  group: z.string().nullish(),
  kind: z.string().nullish(),
  namespace: z.string().nullish(),
  name: z.string(),
  port: z.int().nullish(),
}
export const Reference = z.object(referenceFields)
const BackendSpec = z.looseObject(referenceFields)

const Spec = z.looseObject({
  parentRefs: z.array(z.looseObject(referenceFields)).nullish(),
  hostnames: z.array(z.string()).nullish(),
  rules: z
    .array(
      z.looseObject({
        matches: z.array(Match).nullish(),
        filters: z
          .array(
            z.looseObject({
              type: z.string(),
              requestMirror: z
                .looseObject({
                  backendRef: BackendSpec,
                  percent: z.number().min(0).max(100).nullish(),
                  fraction: z
                    .looseObject({
                      numerator: z.int().min(0),
                      denominator: z.int().min(1).nullish(),
                    })
                    .nullish(),
                })
                .nullish(),
            }),
          )
          .nullish(),
        backendRefs: z
          .array(z.looseObject({ ...referenceFields, weight: z.int().min(0).nullish() }))
          .nullish(),
      }),
    )
    .nullish(),
})

type RuleSpec = NonNullable<z.infer<typeof Spec>['rules']>[number]

/** Null when it is not sound; `problems` then says why. */
export function parseGatewayRoute(object: KubeObject, problems: string[]): GatewayRoute | null {
  const { namespace = '', name } = object.metadata
  const parsed = Spec.safeParse(object['spec'])
  if (!parsed.success) {
    const because = z.prettifyError(parsed.error)
    problems.push(`${object.kind} ${namespace}/${name} is ignored: ${because}`)
    return null
  }
  const { parentRefs, hostnames, rules } = parsed.data
  return {
    object,
    kind: object.kind === 'GRPCRoute' ? 'GRPCRoute' : 'HTTPRoute',
    namespace,
    name,
    parents: (parentRefs ?? []).map((parent) => parentOf(parent, namespace)),
    hostnames: hostnames ?? [],
    rules: (rules ?? []).map((rule) => ruleOf(rule, namespace)),
  }
}

/** Parents as the API server defaults them. */
export function parentOf(parent: z.infer<typeof Reference>, namespace: string): Parent {
  return {
    group: parent.group ?? 'gateway.networking.k8s.io',
    kind: parent.kind ?? 'Gateway',
    namespace: parent.namespace ?? namespace,
    name: parent.name,
    port: parent.port ?? null,
  }
}

function ruleOf(rule: RuleSpec, namespace: string): GatewayRule {
  const filters = rule.filters ?? []
  return {
    // Without a match a rule holds for every request.
    matches: rule.matches?.length ? rule.matches : [{}],
    backends: (rule.backendRefs ?? []).map((backend) => ({
      ...backendOf(backend, namespace),
      weight: backend.weight ?? 1,
    })),
    mirrors: filters.flatMap(({ requestMirror }) => {
      if (!requestMirror) return []
      const { backendRef, percent, fraction } = requestMirror
      const share = fraction ? (100 * fraction.numerator) / (fraction.denominator ?? 100) : 100
      return { to: backendOf(backendRef, namespace), percent: percent ?? share }
    }),
    filters: filters.map(({ type }) => type),
    fields: Object.keys(rule),
  }
}

function backendOf(backend: z.infer<typeof BackendSpec>, namespace: string): Backend {
  return {
    isService: (backend.group ?? '') === '' && (backend.kind ?? 'Service') === 'Service',
    namespace: backend.namespace ?? namespace,
    name: backend.name,
    port: backend.port ?? null,
  }
}
