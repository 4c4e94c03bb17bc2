// A Rollout in, the router that splits its traffic out. A literal table: a mesh more is a line more.
import { editedGatewayApi, ownedGatewayApi } from './gateway-api.ts'
import { type IstioVersion, ownedIstio } from './istio.ts'
import { editedIstio } from './istio-in-place.ts'
import { linkerd } from './linkerd.ts'
import { type At, Refused, type Router } from './router.ts'
import { service } from './service.ts'

export const routers = {
  istio: ownedIstio('v1'),
  istioInPlace: editedIstio('v1'),
  istioBeta: ownedIstio('v1beta1'),
  istioBetaInPlace: editedIstio('v1beta1'),
  linkerdHttp: linkerd('HTTPRoute'),
  linkerdGrpc: linkerd('GRPCRoute'),
  gatewayHttp: ownedGatewayApi('HTTPRoute'),
  gatewayGrpc: ownedGatewayApi('GRPCRoute'),
  gatewayHttpInPlace: editedGatewayApi('HTTPRoute'),
  gatewayGrpcInPlace: editedGatewayApi('GRPCRoute'),
  service,
} as const satisfies Record<string, Router>

/** `istioVersion` is what the cluster serves: `v1beta1` where it knows no `v1`. */
export function routerOf({ traffic }: At['spec'], istioVersion: IstioVersion = 'v1'): Router {
  const { istio, linkerd: mesh, gatewayApi: api } = traffic
  if (istio?.virtualServices) {
    return istioVersion === 'v1' ? routers.istioInPlace : routers.istioBetaInPlace
  }
  if (istio) return istioVersion === 'v1' ? routers.istio : routers.istioBeta
  if (mesh) return mesh.kind === 'HTTPRoute' ? routers.linkerdHttp : routers.linkerdGrpc
  if (api?.routes) {
    return api.kind === 'HTTPRoute' ? routers.gatewayHttpInPlace : routers.gatewayGrpcInPlace
  }
  if (api) return api.kind === 'HTTPRoute' ? routers.gatewayHttp : routers.gatewayGrpc
  return routers.service
}

/** Throws `Refused` when two Rollouts of one namespace claim the same rule; the message names both. */
export function assertUnclaimed(at: At, others: readonly At[]): void {
  const mine = new Set(routerOf(at.spec).claims(at))
  for (const other of others) {
    if (other.owner.reference.uid === at.owner.reference.uid) continue
    const shared = routerOf(other.spec)
      .claims(other)
      .find((claim) => mine.has(claim))
    if (shared) {
      throw new Refused(
        `${shared} is split by Rollouts ${at.owner.name} and ${other.owner.name}: it can be by one`,
      )
    }
  }
}
