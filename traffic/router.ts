// Weights by revision ⇄ mesh objects. A router is a pure codec: it edits the object it is given,
// keeps every field that is not its own, and never talks to the cluster.
import type { Hash } from '../crds/revision.ts'
import type { RolloutSpec } from '../crds/rollout.ts'
import type { KubeObject, OwnerReference, Resource } from '../kube/api.ts'

export interface Owner {
  readonly namespace: string
  readonly name: string
  readonly reference: OwnerReference
}

/** What a route says, as stored. `since` is when its weights last changed, ms since epoch. */
export interface StoredRoute {
  readonly weights: Readonly<Record<Hash, number>>
  readonly decision: number
  readonly since: number | null
}

export interface RouteChange {
  readonly owner: Owner
  readonly spec: RolloutSpec
  readonly weights: Readonly<Record<Hash, number>>
  readonly decision: number
  /** Time of the write, ms since epoch. */
  readonly now: number
}

export interface SubsetChange {
  readonly owner: Owner
  readonly spec: RolloutSpec
  readonly revisions: readonly Hash[]
  readonly decision: number
}

export interface Router {
  /** The object that holds the weights. */
  readonly route: Resource
  /** The object that tells the revisions apart. */
  readonly subsets: Resource
  /** Names of both objects. */
  names(owner: Owner, spec: RolloutSpec): { readonly route: string; readonly subsets: string }
  renderRoute(current: KubeObject | null, change: RouteChange): KubeObject
  renderSubsets(current: KubeObject | null, change: SubsetChange): KubeObject
  readRoute(current: KubeObject | null): StoredRoute
  readSubsets(current: KubeObject | null): readonly Hash[]
}

/** The Service whose traffic is split, as the Rollout names it. */
export function hostOf({ traffic }: Pick<RolloutSpec, 'traffic'>): string {
  const mesh = traffic.istio ?? traffic.linkerd ?? traffic.gatewayApi ?? traffic.service
  if (!mesh) throw new Error('traffic names no mesh')
  return mesh.host
}
