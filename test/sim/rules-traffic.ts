// Invariants of traffic (T, V2, H3, H4): asked at each route, subset and fleet that the controller writes,
// against the pods that are there and the weights that proxies use.
import { durationMs } from '../../crds/duration.ts'
import { label } from '../../crds/names.ts'
import type { KubeObject } from '../../kube/api.ts'
import { destinationRules, replicaSets, rollouts } from '../../kube/resources.ts'
import type { Change } from './api-server.ts'
import { podsFor, stepAt } from './plan.ts'
import { decisionOn, editorsOf, foreignIn, isOurs, weightsOf, writtenOf } from './routes.ts'
import { isRoute, routeLog, routerOf, subsetLog } from './routing.ts'
import {
  type Rule,
  replicasSince,
  rolloutAt,
  rolloutOf,
  staleMs,
  statusOf,
  type View,
  wasTouched,
} from './view.ts'

function rises({ object, previous }: Change): [string, number][] {
  const before = weightsOf(previous)
  return Object.entries(weightsOf(object)).filter(([r, weight]) => weight > (before[r] ?? 0))
}

const stableOf = (view: View) => statusOf(rolloutOf(view) ?? lastRollout(view)).stable?.revision

/**
 * Statuses under which a write may have been decided: when it was sent, and now. Whoever makes a route has no
 * version to make it on; whoever begins with a list of the past knows no better until the watch tells.
 */
const statusesOf = (view: View, change: Change) => [
  rolloutAt(view, change.by.sentAt),
  rolloutOf(view) ?? lastRollout(view),
  ...(mayBeStale(view, change) ? statusesSince(view, change.by.sentAt - staleMs(view)) : []),
]

const mayBeStale = ({ choices }: View, { type }: Change) =>
  type === 'ADDED' || choices.made.some((key) => key.startsWith('K7#'))

const statusesSince = ({ server }: View, since: number) =>
  server.log(rollouts).flatMap(({ at, object }) => (at >= since ? [object] : []))

/** Of one that is gone, what it said last. */
const lastRollout = ({ server }: View) => server.log(rollouts).at(-1)?.object ?? null

export const routeRules: readonly Rule<Change>[] = [
  {
    name: 'T1',
    says: 'weights are whole percents that sum to 100',
    check(_, { object }) {
      const written = writtenOf(JSON.parse(JSON.stringify(object)))
      // Pods of any revision: nothing is split.
      if ('' in written) return null
      const weights: unknown[] = Object.values(written)
      const isWhole = weights.every((w) => typeof w === 'number' && Number.isInteger(w) && w >= 0)
      const sum = weights.reduce<number>((total, w) => total + Number(w), 0)
      return isWhole && sum === 100 ? null : `weights ${JSON.stringify(weights)}`
    },
  },
  {
    name: 'T2',
    says: 'weight rises only on pods that were ready a moment ago, or on the last there were',
    check(view, change) {
      const since = view.kernel.now() - staleMs(view)
      const replicas = Math.min(...replicasSince(view, since))
      for (const [revision, weight] of rises(change)) {
        const ready = view.pods.mostReadySince(revision, since)
        const others = Object.keys(weightsOf(change.previous)).filter((one) => one !== revision)
        const isLast = others.every((one) => view.pods.leastReadySince(one, since) === 0)
        if (ready < podsFor(weight, replicas) && !isLast) {
          return `${weight} % for ${revision} with ${ready} ready of ${replicas}`
        }
      }
      return null
    },
  },
  {
    name: 'T3',
    says: 'no weight rises on a revision without pods or without a subset',
    check(view, change) {
      const since = view.kernel.now() - staleMs(view)
      for (const [revision, weight] of rises(change)) {
        if (view.pods.mostReadySince(revision, since) === 0)
          return `${weight} % for dead ${revision}`
        const isThere =
          routerOf(view.scenario).subsets === null || view.mesh.subsets().has(revision)
        if (!isThere && !wasTouched(subsetLog(view), since)) {
          return `${weight} % for ${revision}, which has no subset`
        }
      }
      return null
    },
  },
  {
    name: 'T4',
    says: 'the weight of a canary rises only to that of its step, while it progresses',
    check(view, change) {
      for (const [revision, weight] of rises(change)) {
        const isPlanned = statusesOf(view, change).some((object) => {
          const { stable, canary, phase, step = 0 } = statusOf(object)
          if (stable?.revision === revision) return true
          if (phase !== 'Progressing' || canary?.revision !== revision || !object) return false
          return weight <= stepAt(object['spec'], step).weight
        })
        if (!isPlanned) return `${weight} % for ${revision} is in no step of now`
      }
      return null
    },
  },
  {
    name: 'T7',
    says: 'a blue-green switch is one write, all or nothing',
    check(view, change) {
      if (!rolloutOf(view)?.['spec'].blueGreen) return null
      const part = rises(change).find(([, weight]) => weight !== 100)
      const isBack = part && statusOf(null).stable?.revision === part[0]
      return part && !isBack && weightsOf(change.previous)[part[0]] === undefined
        ? `${part[1]} % for ${part[0]}`
        : null
    },
  },
  {
    name: 'V2',
    says: 'no weight rises on a revision that failed, until a person allows another try',
    check(view, change) {
      for (const [revision] of rises(change)) {
        const isBad = statusesOf(view, change).every((object) => {
          const { quarantine, stable } = statusOf(object)
          const isListed = quarantine?.some((entry) => entry.revision === revision)
          return isListed === true && stable?.revision !== revision
        })
        if (isBad) return `${revision} is in quarantine`
      }
      return null
    },
  },
  {
    name: 'H3',
    says: 'while paused, weights of a canary never rise',
    check(view, change) {
      const isHeld = statusesOf(view, change).every((object) =>
        ['Paused', 'Aborted'].includes(statusOf(object).phase ?? ''),
      )
      const stable = stableOf(view)
      const up = rises(change).find(([revision]) => revision !== stable)
      return isHeld && up ? `${up[0]} rises to ${up[1]} %` : null
    },
  },
  {
    name: 'H4',
    says: 'besides stable one revision has weight, and the next only when no proxy serves the one before',
    check(view, change) {
      const stable = stableOf(view)
      const next = Object.entries(weightsOf(change.object)).filter(
        ([r, w]) => w > 0 && r !== stable,
      )
      if (next.length > 1) return `weights ${JSON.stringify(weightsOf(change.object))}`
      const [canary] = next
      if (!canary || !rises(change).some(([revision]) => revision === canary[0])) return null
      if (wasTouched(routeLog(view), view.kernel.now() - staleMs(view))) return null
      const other = view.scenario.releases.find(
        ({ revision }) =>
          revision !== stable && revision !== canary[0] && view.mesh.reaches(revision),
      )
      return other ? `${canary[0]} rises while proxies still serve ${other.revision}` : null
    },
  },
]

const sizeOf = (object: KubeObject): number => object['spec'].replicas ?? 1
const revisionOf = (object: KubeObject) => object.metadata.labels?.[label.revision] ?? ''

/** Drain, and after a switch that was promoted the time that the old revision is kept. */
function leastQuietMs(rollout: KubeObject | null): number {
  const { traffic, blueGreen } = rollout?.['spec'] ?? {}
  const isKept = statusOf(rollout).phase === 'Stable'
  const keepMs = isKept ? durationMs(blueGreen?.keep ?? '0s') : 0
  return Math.max(durationMs(traffic?.drain ?? '0s'), keepMs)
}

export const fleetRules: readonly Rule<Change>[] = [
  {
    name: 'T5',
    says: 'no fleet shrinks below what its weight needs, stored or in effect',
    check(view, { object, previous, type }) {
      const revision = revisionOf(object)
      const next = type === 'DELETED' ? 0 : sizeOf(object)
      if (!previous || next >= sizeOf(previous)) return null
      const since = view.kernel.now() - staleMs(view)
      if (wasTouched(routeLog(view), since)) return null
      const least = view.mesh.reaches(revision) ? 1 : 0
      const weight = Math.max(
        ...[least, view.mesh.stored()[revision] ?? 0, view.mesh.effective(revision)],
      )
      const need = podsFor(weight, Math.min(...replicasSince(view, since)))
      return next < need ? `${revision} to ${next} with ${weight} % of traffic` : null
    },
  },
  {
    name: 'T5-drain',
    says: 'a fleet is removed only when no proxy used it for the drain time',
    check(view, { object, type }) {
      if (type !== 'DELETED') return null
      const since = view.kernel.now() - staleMs(view)
      if (wasTouched(routeLog(view), since)) return null
      const quietMs = view.kernel.now() - view.mesh.lastServed(revisionOf(object))
      const drainMs = leastQuietMs(rolloutOf(view))
      const slackMs = view.choices.made.some((key) => key.startsWith('C4')) ? 4_000 : 0
      return quietMs + slackMs < drainMs
        ? `${revisionOf(object)} served ${quietMs} ms ago, drain is ${drainMs} ms`
        : null
    },
  },
  {
    name: 'T6',
    says: 'during a trial stable keeps its full size',
    check(view, { object, previous, type }) {
      const rollout = rolloutOf(view)
      const { phase, stable } = statusOf(rollout)
      // Without a mesh a share is a share of pods: stable gives some of its own.
      if (routerOf(view.scenario).subsets === null && rollout?.['spec'].canary) return null
      // Asked for: then it keeps what its traffic needs, which T5 looks at.
      if (rollout?.['spec'].canary?.dynamicStableScale) return null
      // Its pods are given back.
      if (rollout?.metadata.deletionTimestamp) return null
      if (!rollout || (phase !== 'Progressing' && phase !== 'Paused') || !previous) return null
      if (revisionOf(object) !== stable?.revision) return null
      const next = type === 'DELETED' ? 0 : sizeOf(object)
      if (next >= sizeOf(previous)) return null
      const least = Math.min(...replicasSince(view, view.kernel.now() - staleMs(view)))
      return next < least ? `stable shrinks to ${next} of ${least}` : null
    },
  },
  {
    name: 'A7',
    says: 'nothing of another owner is removed or resized',
    check(view, { object, previous }) {
      const uid = previous?.metadata.ownerReferences?.[0]?.uid
      if (!previous || uid === object.metadata.uid) return null
      const since = view.kernel.now() - staleMs(view)
      const log = view.server.log(rollouts)
      const isOurs = log.some((change, i) => {
        const isOver = change.type === 'DELETED' || (log[i + 1]?.at ?? since) < since
        return change.object.metadata.uid === uid && (!isOver || change.at >= since)
      })
      return isOurs ? null : `its owner is ${uid}`
    },
  },
]

/** For routes, subsets and fleets alike. */
export const objectRules: readonly Rule<Change>[] = [
  {
    name: 'A2',
    says: 'the number of the decision on an object never falls',
    check(view, { object, previous, type, resource }) {
      if (!previous || type === 'DELETED') return null
      const [before, after] = [previous, object].map(decisionOn)
      // Taken over from one of the same name that left it behind: its numbers begin anew.
      if (editorsOf(previous) !== editorsOf(object)) return null
      // Given back: it carries none any more.
      if (after === 0 && isRoute(routerOf(view.scenario), { object, resource })) return null
      return (after ?? 0) < (before ?? 0) ? `from ${before} to ${after}` : null
    },
  },
  {
    name: 'T8',
    says: 'fields of others stay as they are',
    check({ scenario }, { object, previous, type, resource }) {
      if (!previous || type === 'DELETED') return null
      const isSplit = isRoute(routerOf(scenario), { object, resource })
      const [before, after] = [previous, object].map((one) =>
        foreign(one, isSplit ? 'route' : resource.plural),
      )
      return before === after ? null : `${resource.plural}: ${before} became ${after}`
    },
  },
]

function foreign(object: KubeObject, plural: string): string {
  const { metadata } = object
  const { labels, ownerReferences, finalizers } = metadata
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => !key.startsWith('sluice.dev/'),
  )
  const spec = plural === 'route' ? foreignIn(object) : { ...object['spec'] }
  if (plural === replicaSets.plural) delete spec.replicas
  if (plural === destinationRules.plural) {
    spec.subsets = spec.subsets?.filter((one: { name: string }) => !isOurs(one))
  }
  return JSON.stringify({ labels, ownerReferences, finalizers, annotations, spec })
}
