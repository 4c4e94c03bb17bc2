// Versions of routes in as they come, what their own fields do not tell out: when this process first saw a
// set of weights, and who else writes them.
import { annotation } from '../crds/names.ts'
import { canonicalJson } from '../crds/revision.ts'
import type { KubeObject } from '../kube/api.ts'
import { slim } from '../kube/store.ts'
import type { Contest } from './rollout/snapshot.ts'

export interface RouteWatch {
  /** The first list is complete: what comes now happens now. */
  listed(): void
  changed(object: KubeObject | null, previous: KubeObject | undefined): void
  /**
   * When the stored weights took effect at the latest, ms since epoch: when this process saw them come, since
   * the stamp on the route is older while the write lies on its way. For what was there before this process
   * the longest flight of a request is assumed. Null when the stamp says all.
   */
  seenAt(object: KubeObject): number | null
  contest(object: KubeObject): Contest
}

/** Longest time from the stamp to the write, ms: what a slow API server takes at most. */
const longestFlightMs = 60_000
const contestMs = 10 * 60_000
const rememberedEdits = 20

interface Seen {
  stamp: string
  at: number | null
  /** Times of foreign changes, oldest first. */
  edits: number[]
  manager: string | null
}

export function createRouteWatch(now: () => number): RouteWatch {
  const seen = new Map<string, Seen>()
  let isFollowing = false
  const keyOf = (object: KubeObject) => object.metadata.uid ?? ''
  return {
    listed() {
      isFollowing = true
    },
    changed(object, previous) {
      if (!object) {
        if (previous) seen.delete(keyOf(previous))
        return
      }
      const stamp = object.metadata.annotations?.[annotation.weightsSince] ?? ''
      const known = seen.get(keyOf(object))
      const at = known?.stamp === stamp ? known.at : isFollowing ? now() : landedBy(stamp, now())
      const isForeign = previous !== undefined && isForeignChange(previous, object)
      const edits = known?.edits ?? []
      if (isForeign) edits.push(now())
      const manager = isForeign ? managerOf(object) : (known?.manager ?? null)
      seen.set(keyOf(object), { stamp, at, edits: edits.slice(-rememberedEdits), manager })
    },
    seenAt: (object) => seen.get(keyOf(object))?.at ?? null,
    contest(object) {
      const { edits = [], manager = null } = seen.get(keyOf(object)) ?? {}
      return { edits: edits.filter((at) => at > now() - contestMs).length, manager }
    },
  }
}

/** What the store keeps of a route: managers without their fields, to name who else writes it. */
export function slimRoute(object: KubeObject): KubeObject {
  const managers: { manager?: string; time?: string }[] = object.metadata['managedFields'] ?? []
  const slimmed = slim(object)
  if (managers.length === 0) return slimmed
  const kept = managers.map(({ manager, time }) => ({ manager, time }))
  return { ...slimmed, metadata: { ...slimmed.metadata, [managersField]: kept } }
}

const managersField = 'managers'

/** The manager that wrote last and is not Sluice. */
function managerOf(object: KubeObject): string | null {
  const managers: { manager?: string; time?: string }[] = object.metadata[managersField] ?? []
  const others = managers.filter(({ manager }) => manager && !manager.startsWith('sluice'))
  const [last] = others.toSorted((a, b) => ((a.time ?? '') < (b.time ?? '') ? 1 : -1))
  return last?.manager ?? null
}

function landedBy(stamp: string, now: number): number | null {
  const written = Date.parse(stamp)
  return Number.isNaN(written) ? null : Math.min(now, written + longestFlightMs)
}

/** The route changed and our stamps did not: we change one never without the other. */
function isForeignChange(before: KubeObject, after: KubeObject): boolean {
  const isStampedAnew = [annotation.weightsSince, annotation.decision].some(
    (name) => before.metadata.annotations?.[name] !== after.metadata.annotations?.[name],
  )
  return !isStampedAnew && canonicalJson(before['spec']) !== canonicalJson(after['spec'])
}
