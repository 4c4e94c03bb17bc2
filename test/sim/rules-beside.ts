// Routes and Services that the controller writes in; what reaches a revision beside its weight, and should not, out:
// requests with a header, copies of requests, a preview.
import { label } from '../../crds/names.ts'
import type { KubeObject } from '../../kube/api.ts'
import { rollouts, services } from '../../kube/resources.ts'
import type { Change } from './api-server.ts'
import { previewName } from './routers.ts'
import { type Aside, asideOf } from './routes.ts'
import { routerOf, subsetLog } from './routing.ts'
import { namespace, rolloutKey } from './scenario.ts'
import {
  type Rule,
  rolloutAt,
  rolloutOf,
  staleMs,
  statusOf,
  type View,
  wasTouched,
} from './view.ts'

/** What this write adds beside the weights. */
function added({ object, previous }: Change): Aside | null {
  const [before, after] = [asideOf(previous), asideOf(object)]
  if (!after) return null
  const isMore =
    before?.revision !== after.revision ||
    (after.isMatched && !before.isMatched) ||
    after.mirrorPercent > before.mirrorPercent
  return isMore ? after : null
}

/** The Rollout when the write was sent, and now: either may have been decided on. */
const rolloutsOf = (view: View, change: Change) => [
  rolloutAt(view, change.by.sentAt),
  rolloutOf(view),
]

function isAskedFor(rollout: KubeObject | null, aside: Aside): boolean {
  const { phase, canary, step = 0 } = statusOf(rollout)
  const steps: { match?: unknown; mirror?: number }[] = rollout?.['spec'].canary?.steps ?? []
  const now = steps[Math.min(step, steps.length - 1)]
  return (
    phase === 'Progressing' &&
    canary?.revision === aside.revision &&
    aside.isMatched === (now?.match !== undefined) &&
    aside.mirrorPercent === (now?.mirror ?? 0)
  )
}

export const besideRules: readonly Rule<Change>[] = [
  {
    name: 'T4-beside',
    says: 'headers and copies lead to the canary of the step that asks for them, while it progresses',
    check(view, change) {
      const aside = added(change)
      const isPlanned =
        aside === null || rolloutsOf(view, change).some((rollout) => isAskedFor(rollout, aside))
      return isPlanned ? null : `${JSON.stringify(aside)} is in no step of now`
    },
  },
  {
    name: 'T3-beside',
    says: 'no header leads to a revision without pods or without a subset',
    check(view, change) {
      const aside = added(change)
      if (!aside) return null
      const since = view.kernel.now() - staleMs(view)
      if (view.pods.mostReadySince(aside.revision, since) === 0) return `dead ${aside.revision}`
      const isThere =
        routerOf(view.scenario).subsets === null ||
        view.mesh.subsets().has(aside.revision) ||
        wasTouched(subsetLog(view), since)
      return isThere ? null : `${aside.revision} has no subset`
    },
  },
  {
    name: 'V2-beside',
    says: 'no header and no copy leads to a revision that failed',
    check(view, change) {
      const aside = added(change)
      const isBad = rolloutsOf(view, change).every((rollout) => {
        const { quarantine, stable } = statusOf(rollout)
        const isListed = quarantine?.some(({ revision }) => revision === aside?.revision)
        return isListed === true && stable?.revision !== aside?.revision
      })
      return aside && isBad ? `${aside.revision} is in quarantine` : null
    },
  },
]

/** Asked of a Service that splits by pods. */
export const selectorRules: readonly Rule<Change>[] = [
  {
    name: 'H4-pods',
    says: 'a selector opens to all pods only when there are none but those of stable and of the canary',
    check(view, { object, previous }) {
      const pinnedTo = (one: KubeObject | null) => one?.['spec'].selector?.[label.revision]
      const isOpened = pinnedTo(previous) !== undefined && pinnedTo(object) === undefined
      if (object.kind !== 'Service' || !isOpened || !rolloutOf(view)) return null
      const { stable, canary } = statusOf(rolloutOf(view))
      // Who had all of it may keep a part until stable can bear more.
      const known = [stable?.revision, canary?.revision, pinnedTo(previous)]
      const stray = view.pods
        .revisions()
        .find((revision) => !known.includes(revision) && view.pods.readyOf(revision) > 0)
      return stray === undefined ? null : `pods of ${stray} serve, too`
    },
  },
]

export const previewRules: readonly Rule<Change>[] = [
  {
    name: 'T7-preview',
    says: 'a preview leads to one revision, and to one that has pods',
    check(view, { object, type }) {
      if (type === 'DELETED') return null
      const revision: string | undefined = object['spec'].selector?.[label.revision]
      if (revision === undefined) return 'it leads to pods of any revision'
      const since = view.kernel.now() - staleMs(view)
      return view.pods.mostReadySince(revision, since) > 0 ? null : `it leads to dead ${revision}`
    },
  },
]

/** At rest nothing is left beside the weights, and a preview leads to stable; null, or what is not so. */
export function besideAtRest({ server, scenario }: View, stable: string): string | null {
  const router = routerOf(scenario)
  const aside = asideOf(server.get(router.route, { namespace, name: router.routeName }))
  if (aside) return `${JSON.stringify(aside)} is left beside the weights`
  // Whoever takes the preview out of the spec keeps a Service that nobody leads anywhere any more.
  const isAsked = server.get(rollouts, rolloutKey)?.['spec'].blueGreen?.preview !== undefined
  const preview = isAsked ? server.get(services, { namespace, name: previewName }) : null
  const revision = preview?.['spec'].selector?.[label.revision]
  return preview && revision !== stable ? `the preview leads to ${revision}` : null
}
