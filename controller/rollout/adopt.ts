// Pods of a Deployment and pods of its Rollout in, the next size of each out: exchanged in small parts, so that
// there are never fewer ready pods than asked for and never many more. Both serve under one Service meanwhile.

/** A Deployment whose template a Rollout runs. */
export interface Workload {
  readonly name: string
  /** Pods asked for. */
  readonly desired: number
  /** Pods there are. */
  readonly pods: number
  readonly ready: number
  /** It runs one template, and all its pods are there: nothing is half done. */
  readonly isSettled: boolean
  /** Sluice has stopped it from rolling, so that its pods stay what they are. */
  readonly isHeld: boolean
  /** Why it can not be taken over; only a person can change that. */
  readonly problem: string | null
}

export interface Sizes {
  readonly fleet: number
  readonly workload: number
}

interface Side {
  readonly desired: number
  readonly ready: number
}

/** From the Deployment to the fleet of the revision it runs. */
export function adopt(replicas: number, workload: Workload, fleet: Side): Sizes {
  const { grown, shrunk } = exchange(replicas, { from: workload, to: fleet })
  return { fleet: grown, workload: shrunk }
}

/** From the fleet back to the Deployment. */
export function giveBack(replicas: number, workload: Workload, fleet: Side): Sizes {
  const from = { ...fleet, pods: fleet.desired }
  const { grown, shrunk } = exchange(replicas, { from, to: workload })
  return { fleet: shrunk, workload: grown }
}

/** Pods above those asked for while pods are exchanged: a quarter, as a Deployment has by default. */
export function surgeOf(replicas: number): number {
  return Math.max(1, Math.ceil(replicas / 4))
}

interface Exchange {
  readonly from: Side & { readonly pods: number }
  readonly to: Side
}

function exchange(replicas: number, { from, to }: Exchange): { grown: number; shrunk: number } {
  const room = replicas + surgeOf(replicas) - Math.max(from.desired, from.pods)
  const grown = Math.max(to.desired, Math.min(replicas, room))
  // Only what is ready on the other side is taken away on this one.
  const shrunk = Math.min(from.desired, Math.max(0, replicas - Math.min(to.ready, to.desired)))
  return { grown, shrunk }
}
