// What begins: the first phase of a new Rollout or of one whose status was lost, and every trial.
import type { Command } from '../../crds/command.ts'
import type { Hash } from '../../crds/revision.ts'
import { stepAt } from './desired.ts'
import { command, said } from './person.ts'
import { isFormer, isQuarantined, isSame, nameOf } from './revision.ts'
import type { Snapshot } from './snapshot.ts'
import type { Advance, State, Trial } from './state.ts'
import { stepsOf } from './steps.ts'
import { trafficOf } from './traffic-words.ts'

export function begin(snapshot: Snapshot): Advance {
  const { target } = snapshot
  const serving = servingNow(snapshot)
  if (serving !== null && serving !== target.revision) {
    return {
      phase: { kind: 'Stable' },
      stable: { revision: serving },
      because: `the status was lost: revision ${serving} serves most traffic, so it counts as stable`,
      isNewAttempt: false,
    }
  }
  return {
    phase: { kind: 'Stable' },
    stable: target,
    because: `revision ${nameOf(target)} is the first, so there is nothing to compare it with`,
    isNewAttempt: false,
  }
}

/** The revision with most traffic, of equal ones not the target: what a lost status must have called stable. */
function servingNow({ route, fleets, target }: Snapshot): Hash | null {
  const served = Object.entries(route.weights).filter(
    ([revision, weight]) => weight > 0 && fleets.some((fleet) => fleet.revision === revision),
  )
  const rank = ([revision, weight]: [Hash, number]) =>
    weight - (revision === target.revision ? 0.5 : 0)
  const [most] = served.toSorted((a, b) => rank(b) - rank(a))
  return most?.[0] ?? null
}

/** Git asks for another revision than the one at rest. */
export function fromStable(snapshot: Snapshot, state: State): Advance | null {
  const { target } = snapshot
  if (state.stable?.revision === target.revision) return null
  const retry = command(snapshot, 'retry', { canary: target })
  if (isQuarantined(snapshot.status, target) && !retry) return null
  if (!hasEverServed(snapshot, state)) {
    return {
      phase: { kind: 'Stable' },
      stable: target,
      because: `revision ${state.stable?.revision ?? ''} never served, so ${nameOf(target)} replaces it without steps`,
      isNewAttempt: false,
    }
  }
  if (snapshot.spec.replicas === 0) return null
  return start(snapshot, state, retry)
}

/** After an abort: Git is back at stable, asks for something new, or a person allows another try. */
export function fromAborted(snapshot: Snapshot, state: State, phase: Trial): Advance | null {
  const { target } = snapshot
  const isBack = state.stable?.revision === target.revision
  if (isBack) {
    return {
      phase: { kind: 'Stable' },
      stable: target,
      because: `Git asks for the stable revision ${nameOf(target)} again`,
      isNewAttempt: false,
    }
  }
  const retry = command(snapshot, 'retry', { canary: target })
  if (
    retry ||
    (target.revision !== phase.canary.revision && !isQuarantined(snapshot.status, target))
  ) {
    return start(snapshot, state, retry)
  }
  return null
}

/** A trial from its first step; of a revision that was stable not long ago, at its last one. */
export function start(snapshot: Snapshot, state: State, retry: Command | null): Advance {
  const { target, now, spec } = snapshot
  const isBack = isFormer(snapshot.status, target)
  const step = isBack ? stepsOf(spec).length - 1 : 0
  const who = retry ? `${said(retry, 'allowed another try')}: ` : ''
  const how = isBack ? 'was stable before and goes straight to its last step with' : 'starts with'
  const traffic = trafficOf(stepAt(spec, step), spec)
  return {
    phase: { kind: 'Progressing', canary: target, step, since: now, startedAt: now },
    stable: state.stable,
    because: `${who}revision ${nameOf(target)} ${how} ${traffic} of traffic`,
    isNewAttempt: true,
    ...(retry ? { release: target } : {}),
  }
}

/** Whether stable has anything to lose. One without a route and without ready pods may be replaced. */
function hasEverServed({ route, fleets }: Snapshot, { stable }: State): boolean {
  return (
    Object.keys(route.weights).length > 0 ||
    fleets.some((fleet) => isSame(stable, fleet.revision) && fleet.ready > 0)
  )
}
