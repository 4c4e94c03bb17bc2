// Other people's objects in; those that outrank or disturb a Rollout's route out, each as a sentence. A mesh
// says nothing of them: traffic simply does not follow the weights.
import type { KubeObject } from '../kube/api.ts'
import { fullName, hostName, istioOf } from './istio.ts'
import { type At, hostOf } from './router.ts'
import { routerOf } from './routers.ts'

type Json = KubeObject['spec']

/** `others` are VirtualServices, HTTPRoutes, GRPCRoutes and ServiceProfiles, of all namespaces. */
export function shadowsOf(at: At, others: readonly KubeObject[]): readonly string[] {
  const { traffic } = at.spec
  const router = routerOf(at.spec)
  const names = router.routeNames(at)
  const foreign = others.filter(
    ({ kind, metadata }) =>
      kind !== router.route.kind ||
      metadata.namespace !== at.owner.namespace ||
      !names.includes(metadata.name),
  )
  if (traffic.istio) return foreign.flatMap((object) => besideOnMesh(object, at))
  if (traffic.linkerd) return foreign.flatMap((object) => onService(object, at))
  return []
}

/** Two VirtualServices for one host are merged at a gateway; in the mesh nobody knows which one wins. */
function besideOnMesh({ kind, metadata, spec }: KubeObject, at: At): string[] {
  if (kind !== 'VirtualService' || istioOf(at.spec).delegate || !bindsMesh(spec)) return []
  const { host, hosts = [host], gateways, virtualServices } = istioOf(at.spec)
  if (!virtualServices && !bindsMesh({ gateways })) return []
  const ours = new Set(hosts.map((name) => fullName(name, at.owner.namespace)))
  ours.add(hostName(at.owner, at.spec))
  const shared = (spec?.hosts ?? []).find((name: string) =>
    ours.has(fullName(name, metadata.namespace ?? '')),
  )
  const isEdited = virtualServices?.some(({ name }) => name === metadata.name) ?? false
  return shared && !isEdited
    ? [
        `VirtualService ${idOf(metadata)} is for host ${shared} in the mesh too: which one wins is undefined`,
      ]
    : []
}

function bindsMesh(spec: Json): boolean {
  return spec?.gateways === undefined || spec.gateways.includes('mesh')
}

function onService({ kind, metadata, spec }: KubeObject, at: At): string[] {
  const host = hostOf(at.spec)
  const { namespace } = at.owner
  if (kind === 'ServiceProfile') {
    const isOurs = metadata.name === `${host}.${namespace}.svc.cluster.local`
    return isOurs && spec?.dstOverrides?.length > 0
      ? [
          `ServiceProfile ${idOf(metadata)} has dstOverrides: while it does, Linkerd ignores every route`,
        ]
      : []
  }
  const isAttached = (spec?.parentRefs ?? []).some(
    (parent: Json) =>
      parent.kind === 'Service' &&
      parent.name === host &&
      (parent.namespace ?? metadata.namespace) === namespace,
  )
  if (!isAttached || !['HTTPRoute', 'GRPCRoute'].includes(kind)) return []
  if (kind !== at.spec.traffic.linkerd?.kind) {
    return [
      `${kind} ${idOf(metadata)} has the same Service as parent: a GRPCRoute makes HTTPRoutes conflict`,
    ]
  }
  return metadata.namespace === namespace
    ? [
        `${kind} ${idOf(metadata)} has the same Service as parent: the older and the more specific wins`,
      ]
    : [
        `${kind} ${idOf(metadata)} takes callers of namespace ${metadata.namespace} away from the weights`,
      ]
}

function idOf({ namespace, name }: KubeObject['metadata']): string {
  return `${namespace ?? ''}/${name}`
}
