// Versions of routes in as they come, what their own fields do not tell out: when this process first saw a
// set of weights, when the mesh took it, and who else writes it.
import { canonicalJson } from '../../crds/revision.ts'
import type { KubeObject } from '../../kube/api.ts'
import { type Key, slim } from '../../kube/store.ts'
import type { At, Router, StoredRoute } from '../../traffic/router.ts'
import { Refused, unwritten } from '../../traffic/router.ts'
import type { Contest } from '../rollout/snapshot.ts'

export interface RouteWatch {
  /** The first list is complete: what comes now happens now. */
  listed(): void
  /** A version of a route that `reader` reads for one Rollout; a null object was deleted. */
  changed(reader: Reader, object: KubeObject | null, previous: KubeObject | undefined): void
  /**
   * When the stored weights took effect at the latest, ms since epoch: when this process saw them come, since
   * the stamp on the route is older while the write lies on its way, or saw that the mesh took them. For what
   * was there before this process the longest flight of a request is assumed. Null when the stamp says all.
   */
  seenAt(rollout: Key, object: KubeObject): number | null
  contest(rollout: Key, object: KubeObject): Contest
}

/** One Rollout's part of a route. */
export interface Reader {
  readonly rollout: Key
  readonly router: Router
  readonly at: At
}

/** Longest time from the stamp to the write, ms: what a slow API server takes at most. */
const longestFlightMs = 60_000
const contestMs = 10 * 60_000
const rememberedEdits = 20

interface Seen {
  readonly since: number | null
  readonly at: number | null
  readonly isTaken: boolean
  /** Times of foreign changes, oldest first. */
  readonly edits: readonly number[]
  readonly manager: string | null
}

export function createRouteWatch(now: () => number): RouteWatch {
  const seen = new Map<string, Seen>()
  let isFollowing = false
  const keyOf = (rollout: Key, object: KubeObject) => `${object.metadata.uid ?? ''} ${rollout}`
  return {
    listed() {
      isFollowing = true
    },
    changed(reader, object, previous) {
      if (!object) {
        if (previous) seen.delete(keyOf(reader.rollout, previous))
        return
      }
      const known = seen.get(keyOf(reader.rollout, object))
      const change = { previous, known, at: now(), isFollowing }
      seen.set(keyOf(reader.rollout, object), nextSeen(reader, object, change))
    },
    seenAt: (rollout, object) => seen.get(keyOf(rollout, object))?.at ?? null,
    contest(rollout, object) {
      const { edits = [], manager = null } = seen.get(keyOf(rollout, object)) ?? {}
      const recent = edits.filter((at) => at > now() - contestMs)
      return { edits: recent.length, lastAt: recent.at(-1) ?? null, manager }
    },
  }
}

interface Change {
  readonly previous: KubeObject | undefined
  readonly known: Seen | undefined
  readonly at: number
  readonly isFollowing: boolean
}

function nextSeen(reader: Reader, object: KubeObject, change: Change): Seen {
  const { previous, known, at, isFollowing } = change
  const { stored, isTaken, content } = versionOf(reader, object)
  const { since } = stored
  const came = isFollowing ? at : landedBy(since, at)
  const isTakenNow = known?.isTaken === false && isTaken
  const before = isTakenNow ? at : (known?.at ?? null)
  const after = { stored, isTaken, content }
  const isForeign = previous !== undefined && isForeignChange(versionOf(reader, previous), after)
  const edits = isForeign ? [...(known?.edits ?? []), at] : (known?.edits ?? [])
  return {
    since,
    at: known?.since === since ? before : came,
    isTaken,
    edits: edits.slice(-rememberedEdits),
    manager: isForeign ? managerOf(object) : (known?.manager ?? null),
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

function landedBy(since: number | null, now: number): number | null {
  return since === null ? null : Math.min(now, since + longestFlightMs)
}

interface Version {
  readonly stored: StoredRoute
  /** What Sluice would write again if it differed. */
  readonly content: string
  readonly isTaken: boolean
}

function versionOf({ router, at }: Reader, object: KubeObject): Version {
  const stored = readSafely(router, object, at)
  // In an object of somebody else only the part that is split is ours to care about.
  const ours = router.ownership === 'owned' ? object['spec'] : [stored.weights, stored.aside]
  const isTaken = router.acceptance(object, at).kind === 'accepted'
  return { stored, content: canonicalJson(ours), isTaken }
}

/** The observer tells people of a route that can not be read; here there is only nothing known of it. */
function readSafely(router: Router, object: KubeObject, at: At): StoredRoute {
  try {
    return router.readRoute(object, at)
  } catch (error) {
    if (error instanceof Refused) return unwritten
    throw error
  }
}

/** The route changed and our stamps did not, or they are gone: we change one never without the other. */
function isForeignChange({ stored: before, content }: Version, after: Version): boolean {
  if (before.decision > 0 && after.stored.decision === 0) return true
  const isStampedAnew =
    before.decision !== after.stored.decision || before.since !== after.stored.since
  return !isStampedAnew && content !== after.content
}
