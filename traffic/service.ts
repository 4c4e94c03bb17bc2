// No mesh: the selector of the user's Service. Pinned to a revision it is a switch in one write; with
// several revisions it selects all pods, and shares are those of ready pods, not of weights.
import { label } from '../crds/names.ts'
import { isEqual } from '../crds/weights.ts'
import type { KubeObject } from '../kube/api.ts'
import { services } from '../kube/resources.ts'
import { editsOf, isByName, withEdits } from './records.ts'
import {
  type At,
  assertWeights,
  hostOf,
  Refused,
  type RouteChange,
  type Router,
  type StoredRoute,
  unwritten,
  type Weights,
} from './router.ts'

const key = 'selector'

export const service: Router = {
  route: services,
  subsets: services,
  apart: 'labels',
  ownership: 'in-place',
  features: {
    match: false,
    mirror: false,
    tcp: true,
    tls: true,
    zeroWeights: true,
    weights: 'by-pods',
    liveness: 'none',
  },
  routeNames: ({ spec }) => [hostOf(spec)],
  subsetNames: () => [],
  renderRoute,
  renderSubsets: () => {
    throw new Error('a plain Service tells revisions apart by labels of pods alone')
  },
  restoreRoute,
  readRoute,
  readSubsets: () => [],
  acceptance: () => ({ kind: 'accepted' }),
  guards: () => ['/spec/selector'],
  claims: ({ spec }) => [`Service/${hostOf(spec)}`],
}

function renderRoute(current: KubeObject | null, change: RouteChange): KubeObject {
  assertWeights(change.weights)
  const { owner, spec, weights, decision, now, aside } = change
  if (!current) throw new Refused(`Service ${hostOf(spec)} does not exist`)
  if (aside) throw new Refused('a plain Service knows neither headers nor mirrors')
  const edits = editsOf(current)
  const edit = edits[key]
  if (edit && !isByName(edit, owner)) {
    throw new Refused(`Service ${hostOf(spec)} is switched by Rollout ${edit.rollout} already`)
  }
  assertSelects(current, change)
  const positive = Object.keys(weights).filter((revision) => (weights[revision] ?? 0) > 0)
  const before = readRoute(current, change)
  const since = isEqual(before.weights, weights) ? (before.since ?? now) : now
  const [only = ''] = positive
  const selector = withoutRevision(current['spec'].selector)
  const pinned = positive.length === 1 ? { ...selector, [label.revision]: only } : selector
  const { uid } = owner.reference
  const written = { uid, rollout: owner.name, decision, since, weights, original: [] }
  const next = { ...current, spec: { ...current['spec'], selector: pinned } }
  return withEdits(next, { ...edits, [key]: written })
}

function restoreRoute(current: KubeObject, { owner }: At): KubeObject {
  const { [key]: edit, ...others } = editsOf(current)
  if (!edit || !isByName(edit, owner)) return current
  const selector = withoutRevision(current['spec'].selector)
  return withEdits({ ...current, spec: { ...current['spec'], selector } }, others)
}

function readRoute(current: KubeObject | null, { owner }: At): StoredRoute {
  const edit = current ? editsOf(current)[key] : undefined
  if (!current || edit?.uid !== owner.reference.uid) return unwritten
  const { decision, since } = edit
  return { weights: weightsIn(current, edit.weights), decision, since, aside: null }
}

/** A selector that somebody changed says something else than what was written. */
function weightsIn(current: KubeObject, written: Weights): Weights {
  const pinned: string | undefined = current['spec']?.selector?.[label.revision]
  const positive = Object.keys(written).filter((revision) => (written[revision] ?? 0) > 0)
  if (pinned === undefined) return positive.length > 1 ? written : {}
  return positive.length === 1 && positive[0] === pinned ? written : { [pinned]: 100 }
}

/** Nothing of the Rollout's pods may be left out, or the switch would lead to no pod. */
function assertSelects({ spec: stored, metadata }: KubeObject, { spec }: At): void {
  const labels = spec.selector.matchLabels
  const selector = Object.entries(withoutRevision(stored.selector))
  const isWithin = selector.every(([name, value]) => labels[name] === value)
  if (selector.length === 0 || !isWithin) {
    throw new Refused(
      `Service ${metadata.name} must select pods by labels of spec.selector.matchLabels alone`,
    )
  }
}

function withoutRevision(selector: Readonly<Record<string, string>> | undefined) {
  const { [label.revision]: _, ...others } = selector ?? {}
  return others
}
