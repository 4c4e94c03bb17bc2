// A snapshot and the decision made from it in, the rules it breaks out. Asserted before every write,
// in production as in simulation: a broken rule stops the write, never the controller.
import type { Hash } from '../../crds/revision.ts'
import type { Decision } from './decide.ts'
import { isOpen } from './restoring.ts'
import { isFormer, isQuarantined } from './revision.ts'
import { hasTraffic } from './seen.ts'
import type { Fleet, Snapshot, Weights } from './snapshot.ts'
import { type Phase, readState, type State } from './state.ts'
import { podsFor, stepsOf } from './steps.ts'

/** A rule with its name in docs/reference/invariants.md. */
interface Invariant {
  readonly name: string
  readonly says: string
  readonly holds: (snapshot: Snapshot, decision: Decision) => boolean
}

export const invariants: readonly Invariant[] = [
  {
    name: 'T1',
    says: 'weights are whole percents that sum to 100',
    holds: (_, decision) => routes(decision).every(isWhole),
  },
  {
    name: 'T2',
    says: 'weight rises only on a revision with the ready pods it needs, or with the only ones there are',
    holds: (snapshot, decision) =>
      rises(snapshot, decision).every(
        ([revision, weight]) =>
          readyOf(snapshot, revision) >= podsFor(weight, snapshot.spec.replicas) ||
          isLastHope(snapshot, revision),
      ),
  },
  {
    name: 'T3',
    says: 'no weight goes to a revision without a subset or without a ready pod',
    holds: (snapshot, decision) =>
      rises(snapshot, decision).every(
        ([revision]) =>
          readyOf(snapshot, revision) > 0 && snapshot.route.subsets.includes(revision),
      ),
  },
  {
    name: 'T5',
    says: 'a fleet is removed only without weight, and never shrunk below what its weight needs',
    holds: ({ route, spec, fleets }, decision) =>
      decision.actions.every((action) => {
        if (action.kind === 'remove') return !hasTraffic(route, action.revision)
        if (action.kind !== 'scale') return true
        const before = fleets.find(({ revision }) => revision === action.revision)
        const needed = podsFor(route.weights[action.revision] ?? 0, spec.replicas)
        return action.replicas >= Math.min(before?.desired ?? 0, needed)
      }),
  },
  {
    name: 'T6',
    says: 'a subset goes only when no route names it',
    holds: ({ route }, decision) =>
      decision.actions.every(
        (action) =>
          action.kind !== 'subsets' ||
          Object.keys(route.weights).every((revision) => action.revisions.includes(revision)),
      ),
  },
  {
    name: 'V1',
    says: 'a revision becomes stable only with evidence, by a person, without checks, or as the first',
    holds: (snapshot, decision) => hasGroundsToPromote(snapshot, decision),
  },
  {
    name: 'V2',
    says: 'no weight rises on a revision that failed, until a person allows another try',
    holds: (snapshot, decision) =>
      rises(snapshot, decision).every(
        ([revision]) =>
          snapshot.status.stable?.revision === revision ||
          !isQuarantined(snapshot.status, { revision }),
      ),
  },
  {
    name: 'V4',
    says: 'phases follow the diagram and steps rise one by one',
    holds: (snapshot, decision) =>
      decision.status === null ||
      isAllowed(readState(snapshot.status), readState(decision.status), snapshot),
  },
  {
    name: 'H3',
    says: 'while paused or aborted, the weight of the canary never rises',
    holds: (snapshot, decision) => {
      const { phase } = readState(snapshot.status)
      if (phase.kind !== 'Paused' && phase.kind !== 'Aborted') return true
      return !rises(snapshot, decision).some(([revision]) => revision === phase.canary.revision)
    },
  },
  {
    name: 'H4',
    says: 'besides stable, one revision at most has weight',
    holds: ({ status }, decision) =>
      routes(decision).every(
        (weights) =>
          Object.entries(weights).filter(
            ([revision, weight]) => weight > 0 && revision !== status.stable?.revision,
          ).length <= 1,
      ),
  },
  {
    name: 'G6',
    says: 'Git is written only after the verdict was stored',
    holds: ({ status }, decision) =>
      decision.actions.every((action) => action.kind !== 'revert' || isOpen(status)),
  },
  {
    name: 'A2',
    says: 'decisions are numbered upwards',
    holds: ({ status }, decision) =>
      decision.status === null || decision.status.decision >= status.decision,
  },
  {
    name: 'R2',
    says: 'a tick either advances the phase or converges the world',
    holds: (_, decision) => decision.status === null || decision.actions.length === 0,
  },
  {
    name: 'W1',
    says: 'a Deployment that is taken over loses pods only where ready ones have taken their place',
    holds: (snapshot, decision) =>
      decision.actions.every(
        (action) =>
          action.kind !== 'workload' ||
          action.replicas >= (snapshot.workload?.desired ?? 0) ||
          action.replicas + readyOf(snapshot, snapshot.status.stable?.revision ?? '') >=
            snapshot.spec.replicas,
      ),
  },
  {
    name: 'W2',
    says: 'a ready pod is evicted only beside enough others, and never in a trial',
    holds: ({ pods, spec, status }, decision) =>
      decision.actions.every((action) => {
        if (action.kind !== 'evict') return true
        const ready = pods.filter((pod) => pod.isReady && !pod.isGoing)
        const isReady = ready.some(({ uid }) => uid === action.uid)
        return status.phase === 'Stable' && (!isReady || ready.length > spec.replicas)
      }),
  },
]

export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation'
}

/** Throws when a decision breaks a rule; the caller writes nothing of it. */
export function assertInvariants(snapshot: Snapshot, decision: Decision): void {
  const broken = invariants.filter((invariant) => !invariant.holds(snapshot, decision))
  if (broken.length === 0) return
  const rules = broken.map(({ name, says }) => `${name} (${says})`).join('; ')
  throw new InvariantViolation(
    `the decision "${decision.because}" (${JSON.stringify(decision.actions)}) breaks ${rules}; nothing was written. This is a bug: please report it`,
  )
}

/** Which phase may follow which. The diagram in the README of this folder is checked against it. */
export const transitions: Readonly<Record<Phase['kind'], readonly Phase['kind'][]>> = {
  New: ['Stable'],
  Stable: ['Stable', 'Progressing'],
  Progressing: ['Progressing', 'Paused', 'Aborted', 'Stable'],
  Paused: ['Progressing', 'Aborted', 'Stable'],
  Aborted: ['Progressing', 'Stable'],
}

function isAllowed(before: State, after: State, snapshot: Snapshot): boolean {
  const from = before.phase
  const to = after.phase
  if (before.decision === after.decision || from.kind === to.kind) {
    // Facts were recorded, or the step moved on within the phase.
    if (from.kind !== 'Progressing' || to.kind !== 'Progressing') return from.kind === to.kind
    if (after.attempt > before.attempt) return isFirstStep(to.step, snapshot)
    return to.step === from.step || to.step === from.step + 1
  }
  return transitions[from.kind].includes(to.kind)
}

/** A trial begins at its first step, or at the last one of a revision that was stable before. */
function isFirstStep(step: number, { status, target, spec }: Snapshot): boolean {
  return step === 0 || (isFormer(status, target) && step === stepsOf(spec).length - 1)
}

function hasGroundsToPromote(
  { status, verdict, commands, spec, route }: Snapshot,
  decision: Decision,
) {
  const before = status.stable?.revision
  const after = decision.status?.stable?.revision
  if (after === undefined || after === before || before === undefined) return true
  if (Object.keys(route.weights).length === 0) return true
  const promoted = commands.some((command) => command.verb === 'promote')
  return verdict?.outcome === 'Passed' || promoted || spec.analysis === undefined
}

/** Pods of every other revision are dead, so that any ready pod is the better one. */
function isLastHope(snapshot: Snapshot, revision: Hash): boolean {
  const { weights } = snapshot.route
  return Object.keys(weights).every((other) => other === revision || readyOf(snapshot, other) === 0)
}

function routes(decision: Decision): Weights[] {
  return decision.actions.flatMap((action) => (action.kind === 'route' ? [action.weights] : []))
}

/** Revisions that would get more than they have, with their weight; 1 for requests beside the weights. */
function rises({ route }: Snapshot, decision: Decision): [Hash, number][] {
  return decision.actions.flatMap((action): [Hash, number][] => {
    if (action.kind !== 'route') return []
    const { weights, aside } = action
    const isNewAside = aside !== null && !hasTraffic(route, aside.revision)
    const heavier = Object.entries(weights).filter(
      ([revision, weight]) => weight > (route.weights[revision] ?? 0),
    )
    return isNewAside ? [...heavier, [aside.revision, 1]] : heavier
  })
}

function isWhole(weights: Weights): boolean {
  const values = Object.values(weights)
  const isInRange = values.every((w) => Number.isInteger(w) && w >= 0 && w <= 100)
  return isInRange && values.reduce((total, weight) => total + weight, 0) === 100
}

function readyOf(snapshot: Snapshot, revision: Hash): number {
  return snapshot.fleets.find((fleet: Fleet) => fleet.revision === revision)?.ready ?? 0
}
