// Objects and logs of a world in; which of them are routes and subsets of its router out.
import { services } from '../../kube/resources.ts'
import type { ApiServer, Change } from './api-server.ts'
import { previewName, type RouterPart, routerParts } from './routers.ts'
import type { Scenario } from './scenario.ts'

export const routerOf = ({ shape }: Scenario): RouterPart => routerParts[shape.router ?? 'istio']

type Told = Pick<Change, 'resource' | 'object'>

export const isRoute = ({ route, routeName }: RouterPart, { resource, object }: Told): boolean =>
  resource.plural === route.plural && object.metadata.name === routeName

export const isSubsets = (router: RouterPart, told: Told): boolean =>
  told.resource.plural === router.subsets?.plural &&
  !router.users.some(isSame(told)) &&
  !isPreview(told)

export const isPreview = ({ resource, object }: Told): boolean =>
  resource.plural === services.plural && object.metadata.name === previewName

const isSame =
  ({ object }: Told) =>
  ({ kind, metadata }: Told['object']) =>
    kind === object.kind && metadata.name === object.metadata.name

interface Watched {
  readonly scenario: Scenario
  readonly server: ApiServer
}

/** Changes of the route, oldest first. */
export function routeLog({ scenario, server }: Watched): readonly Change[] {
  const router = routerOf(scenario)
  const log = server.log(router.route)
  return router.route === router.subsets || router.subsets === null
    ? log.filter((change) => isRoute(router, change))
    : log
}

/** Changes of what tells revisions apart, oldest first. */
export function subsetLog({ scenario, server }: Watched): readonly Change[] {
  const router = routerOf(scenario)
  return router.subsets ? server.log(router.subsets) : []
}
