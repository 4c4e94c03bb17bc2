// Versions of fleets in as they come, since when each can serve out: its own fields say only that it can.
import type { KubeObject } from '../../kube/api.ts'

export interface FleetWatch {
  /** The first list is complete: what comes now happens now. */
  listed(): void
  changed(object: KubeObject | null, previous: KubeObject | undefined): void
  /** When the first pod was seen available, ms since epoch; undefined when that was before this process. */
  servingSince(object: KubeObject): number | undefined
}

export function createFleetWatch(now: () => number): FleetWatch {
  const since = new Map<string, number>()
  let isFollowing = false
  return {
    listed() {
      isFollowing = true
    },
    changed(object, previous) {
      const uid = (object ?? previous)?.metadata.uid ?? ''
      const isNews = canServe(object) && !canServe(previous)
      if (!canServe(object)) since.delete(uid)
      else if (isNews && isFollowing) since.set(uid, now())
    },
    servingSince: ({ metadata }) => since.get(metadata.uid ?? ''),
  }
}

function canServe(object: KubeObject | null | undefined): boolean {
  return (object?.['status']?.availableReplicas ?? 0) > 0
}
