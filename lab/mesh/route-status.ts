// A route and the Services there are in, what the controllers of its parents say of it out. Pure.
//
// Linkerd says nothing of generations, and says the same of routes that differ in weights alone.
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { KubeObject } from '../../kube/api.ts'
import {
  type GatewayRoute,
  type Parent,
  parentOf,
  parseGatewayRoute,
  Reference,
} from './gateway-objects.ts'
import { controllers, linkerdProblem, type ServiceMesh } from './gateway-rules.ts'

export interface Surroundings {
  readonly mesh: ServiceMesh
  /** Of the namespace of the route. */
  readonly services: readonly KubeObject[]
  /** Of the same parent. */
  readonly hasGrpcRoute: boolean
}

const ParentStatus = z.looseObject({
  controllerName: z.string(),
  parentRef: Reference,
  conditions: z.array(z.looseObject({ type: z.string() })).catch([]),
})
const ParentStatuses = z.array(ParentStatus).catch([])
type ParentStatus = z.infer<typeof ParentStatus>

interface Said {
  readonly type: 'Accepted' | 'ResolvedRefs'
  readonly isTrue: boolean
  readonly reason: string
  readonly message: string
}

/** The whole list of parents to store; null when all of it is said already. */
export function statusOf(
  object: KubeObject,
  surroundings: Surroundings,
  now: string,
): readonly unknown[] | null {
  const route = parseGatewayRoute(object, [])
  if (!route) return null
  const stored = ParentStatuses.parse(object['status']?.parents ?? [])
  const all: { controllerName?: unknown }[] = object['status']?.parents ?? []
  const foreign = all.filter(({ controllerName }) => !isOurs(controllerName))
  const references: unknown[] = object['spec'].parentRefs ?? []
  const said = route.parents.map((parent, i) => {
    const controllerName = controllerOf(parent, surroundings.mesh)
    const before = stored.find((status) => isSaidOf(status, { parent, route, controllerName }))
    const conditions = judge(route, parent, surroundings).map((judged) =>
      conditionOf(judged, { before, now, generation: generationOf(object, controllerName) }),
    )
    return { parentRef: references[i], controllerName, conditions }
  })
  const next = [...foreign, ...said]
  return isDeepStrictEqual(next, object['status']?.parents ?? []) ? null : next
}

function isOurs(controllerName: unknown): boolean {
  return Object.values(controllers).some((name) => name === controllerName)
}

function controllerOf({ kind }: Parent, mesh: ServiceMesh): string {
  return kind === 'Service' ? controllers[mesh] : controllers.gateway
}

function generationOf({ metadata }: KubeObject, controllerName: string): number | null {
  return controllerName === controllers.linkerd ? null : (metadata.generation ?? 1)
}

function isSaidOf(
  { parentRef, controllerName }: ParentStatus,
  wanted: {
    readonly parent: Parent
    readonly route: GatewayRoute
    readonly controllerName: string
  },
): boolean {
  const said = parentOf(parentRef, wanted.route.namespace)
  const isSame = JSON.stringify(said) === JSON.stringify(wanted.parent)
  return isSame && controllerName === wanted.controllerName
}

function judge(route: GatewayRoute, parent: Parent, surroundings: Surroundings): Said[] {
  return [accepted(route, parent, surroundings), resolved(route, surroundings)]
}

function accepted(route: GatewayRoute, parent: Parent, surroundings: Surroundings): Said {
  const type = 'Accepted'
  const refuse = (reason: string, message: string) =>
    ({ type, isTrue: false, reason, message }) as const
  if (parent.kind === 'Service') {
    const service = surroundings.services.find(({ metadata }) => metadata.name === parent.name)
    const isLocal = parent.namespace === route.namespace
    if (isLocal && (!service || service['spec']?.clusterIP === 'None')) {
      return refuse('NoMatchingParent', `Service ${parent.name} has no address of its own`)
    }
    if (surroundings.mesh === 'linkerd') {
      const problem = linkerdProblem(route)
      if (problem !== null) return refuse('UnsupportedValue', problem)
      if (route.kind === 'HTTPRoute' && surroundings.hasGrpcRoute) {
        return refuse('RouteReasonConflicted', 'a GRPCRoute has the same parent')
      }
    }
  }
  return { type, isTrue: true, reason: 'Accepted', message: '' }
}

function resolved(route: GatewayRoute, { services }: Surroundings): Said {
  const type = 'ResolvedRefs'
  const backends = route.rules.flatMap((rule) => [
    ...rule.backends,
    ...rule.mirrors.map(({ to }) => to),
  ])
  const missing = backends.find(
    ({ name, port, namespace }) =>
      namespace === route.namespace &&
      !services.some(
        ({ metadata, spec }) =>
          metadata.name === name &&
          (spec?.ports ?? []).some((given: { port?: number }) => given.port === port),
      ),
  )
  if (missing) {
    const message = `backend ${missing.name}:${missing.port ?? ''} is not there`
    return { type, isTrue: false, reason: 'BackendNotFound', message }
  }
  const isForeign = backends.some(({ namespace }) => namespace !== route.namespace)
  return isForeign
    ? { type, isTrue: false, reason: 'RefNotPermitted', message: 'no grant for another namespace' }
    : { type, isTrue: true, reason: 'ResolvedRefs', message: '' }
}

interface Moment {
  readonly before: ParentStatus | undefined
  readonly now: string
  readonly generation: number | null
}

function conditionOf({ type, isTrue, reason, message }: Said, moment: Moment) {
  const { before, now, generation } = moment
  const status = isTrue ? 'True' : 'False'
  const known = before?.conditions.find((condition) => condition.type === type)
  const isKept = known?.['status'] === status
  return {
    lastTransitionTime: isKept ? known['lastTransitionTime'] : now,
    message,
    ...(generation === null ? {} : { observedGeneration: generation }),
    reason,
    status,
    type,
  }
}
