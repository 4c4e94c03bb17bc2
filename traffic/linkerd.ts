// Linkerd: a route with the Service as its parent, and a Service per revision. Linkerd never says of which
// generation it speaks, and drops whole routes for filters that it does not know.
import type { RolloutSpec } from '../crds/rollout.ts'
import { linkerdController, routeAcceptance } from './acceptance.ts'
import { ownedRoute, type RouteKind } from './gateway-route.ts'
import type { Features, Router } from './router.ts'

const features: Features = {
  match: true,
  mirror: false,
  tcp: false,
  tls: false,
  zeroWeights: true,
  weights: 'exact',
  liveness: 'status-without-generation',
}

export function linkerd(kind: RouteKind): Router {
  return ownedRoute({
    kind,
    features,
    name: ({ owner, spec }) => linkerdOf(spec).route ?? owner.name,
    binding: ({ spec }) => {
      const { host, port } = linkerdOf(spec)
      return { parentRefs: [{ group: '', kind: 'Service', name: host, port }] }
    },
    acceptance: (object) => routeAcceptance(object, linkerdController),
  })
}

function linkerdOf({ traffic }: RolloutSpec): NonNullable<RolloutSpec['traffic']['linkerd']> {
  if (!traffic.linkerd) throw new Error('traffic is not split by Linkerd')
  return traffic.linkerd
}
