// Weights by revision ⇄ mesh objects. A router is a pure codec: it edits the object it is given,
// keeps every field that is not its own, and never talks to the cluster.
import { canonicalJson, type Hash } from '../crds/revision.ts'
import type { RolloutSpec } from '../crds/rollout.ts'
import type { StepMatch } from '../crds/step-match.ts'
import { isEqual } from '../crds/weights.ts'
import type { KubeObject, OwnerReference, Resource } from '../kube/api.ts'

export interface Owner {
  readonly namespace: string
  readonly name: string
  readonly reference: OwnerReference
  /** It is being deleted: what bears its label and belongs to nobody any more is still its own. */
  readonly isGoing?: boolean | undefined
}

/** Which Rollout is spoken of. */
export interface At {
  readonly owner: Owner
  readonly spec: RolloutSpec
}

/** Percent by revision; whole numbers that sum to 100. */
export type Weights = Readonly<Record<Hash, number>>

/** What a step asks for beside weights. Weight changes never touch it; without it, it is cleaned up. */
export interface Aside {
  readonly revision: Hash
  readonly match?: StepMatch | undefined
  readonly mirrorPercent?: number | undefined
}

/** What a route says, as stored. `since` is when its weights last changed, ms since epoch. */
export interface StoredRoute {
  /** Empty for a route that Sluice never wrote. An entry of no revision has the key that it carries. */
  readonly weights: Weights
  readonly decision: number
  readonly since: number | null
  /** What stands beside the weights; null for nothing, or when somebody removed it. */
  readonly aside: Aside | null
}

export const unwritten: StoredRoute = { weights: {}, decision: 0, since: null, aside: null }

export interface RouteChange extends At {
  readonly weights: Weights
  readonly decision: number
  /** Time of the write, ms since epoch. */
  readonly now: number
  readonly aside?: Aside | undefined
}

export interface SubsetChange extends At {
  readonly revisions: readonly Hash[]
  readonly decision: number
  /** The Service whose traffic is split, for routers that copy its ports. */
  readonly apex?: KubeObject | undefined
}

/** What the mesh says of an object as it is stored now. */
export type Acceptance =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'pending'; readonly because: string }
  | { readonly kind: 'rejected'; readonly because: string }

export interface Features {
  /** Header and cookie routes. */
  readonly match: boolean
  readonly mirror: boolean
  readonly tcp: boolean
  readonly tls: boolean
  /** Listed beside a positive weight, a weight of 0 gets nothing. */
  readonly zeroWeights: boolean
  /** Whether weights hold by themselves, or only as near as numbers of pods allow. */
  readonly weights: 'exact' | 'by-pods' | 'switch'
  /** What an object says after the mesh took it; nothing means that only time can tell. */
  readonly liveness: 'status' | 'status-without-generation' | 'none'
}

export interface Router {
  /** Kind of the objects that hold the weights. */
  readonly route: Resource
  /** Kind of the objects that tell revisions apart. */
  readonly subsets: Resource
  /** Whether revisions are entries of one object, an object each, or told apart by labels of pods alone. */
  readonly apart: 'entries' | 'objects' | 'labels'
  /** Whether the routes belong to the Rollout, or to somebody who may have Git write them back. */
  readonly ownership: 'owned' | 'in-place'
  readonly features: Features
  /** Names of the routes, all in the namespace of the Rollout; each gets the same weights. */
  routeNames(at: At): readonly string[]
  /** Names of the objects that tell these revisions apart: one of them, one each, or none. */
  subsetNames(at: At, revisions: readonly Hash[]): readonly string[]
  /** The object to store. Throws `Refused` when the route given can not be split. */
  renderRoute(current: KubeObject | null, change: RouteChange): KubeObject
  /** With an object per revision, `revisions` names the one. */
  renderSubsets(current: KubeObject | null, change: SubsetChange): KubeObject
  /** The route without any trace of Sluice; null when it is Sluice's own, to be deleted. */
  restoreRoute(current: KubeObject, at: At): KubeObject | null
  readRoute(current: KubeObject | null, at: At): StoredRoute
  readSubsets(current: KubeObject | null): readonly Hash[]
  acceptance(current: KubeObject, at: At): Acceptance
  /** JSON pointers of what an edit relies on: the names of rules and their destinations. */
  guards(current: KubeObject, at: At): readonly string[]
  /** What this Rollout alone may split. Two Rollouts of one namespace with a claim in common are refused. */
  claims(at: At): readonly string[]
}

/** A route that can not be split as asked. Only a person can mend it. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** The Service whose traffic is split, as the Rollout names it. */
export function hostOf({ traffic }: Pick<RolloutSpec, 'traffic'>): string {
  const mesh = traffic.istio ?? traffic.linkerd ?? traffic.gatewayApi ?? traffic.service
  if (!mesh) throw new Error('traffic names no mesh')
  return mesh.host
}

/**
 * What several routes say together. All must say the same: of those that differ the one written longest
 * ago speaks, because it is the one that still has to follow.
 */
export function together(routes: readonly StoredRoute[]): StoredRoute {
  if (routes.length === 0) return unwritten
  const sorted = routes.toSorted((a, b) => (a.since ?? 0) - (b.since ?? 0))
  const [first = unwritten] = sorted
  const isSame = sorted.every(({ weights }) => isEqual(weights, first.weights))
  const since = isSame ? (sorted.at(-1)?.since ?? null) : first.since
  return { ...first, since, decision: Math.min(...routes.map(({ decision }) => decision)) }
}

/** Whether two steps ask for the same beside their weights. */
export function isSameAside(a: Aside | null, b: Aside | null): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

/** Envoy refuses a route whose weights are all zero and keeps the old one in force, unseen. */
export function assertWeights(weights: Weights): void {
  const values = Object.values(weights)
  const isWhole = values.every((weight) => Number.isInteger(weight) && weight >= 0 && weight <= 100)
  const sum = values.reduce((total, weight) => total + weight, 0)
  if (!isWhole || sum !== 100) {
    throw new Error(`weights ${JSON.stringify(weights)} are not whole percents that sum to 100`)
  }
}
