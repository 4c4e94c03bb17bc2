// Every machine-readable reason with its meaning: the words of events, `blockedBy` and conditions.
// docs/reference/reasons.md is generated from here.

/** What is told when something happened. */
export const announced = {
  Created: 'The first revision was taken as stable: there is nothing to compare it with.',
  Started: 'A revision is under trial from the first step.',
  StepAdvanced: 'A step passed its gate and the next one began.',
  Promoted: 'The revision under trial is the stable one now.',
  Superseded: 'Git asked for something else, and the trial ended without a verdict.',
  Resumed: 'A paused rollout goes on at the same step.',
  Aborted: 'Traffic goes back to stable, and the revision is quarantined.',
  Restored: 'Git asks for the stable revision again.',
  RevertCommitted: 'A commit restored the last good release on the branch.',
  RevertProposed: 'A pull request that restores the last good release waits to be merged.',
  RevertSuperseded: 'Somebody changed the release on the branch first, so there is no commit.',
  RevertNothing: 'The branch did not ask for the bad release, so there was nothing to restore.',
  RevertNeedsHuman: 'The release could not be restored by a commit; the sentence says why.',
  Shadowed: 'A route of somebody else outranks or disturbs the one that a trial uses.',
  NotRestored: 'The Rollout was deleted, and a route of a user could not be put back as it was.',
  CommandRefused: 'A command was meant for another revision, step or phase.',
} as const

/** What a rollout waits for. */
export const waits = {
  PodsNotReady: 'Pods of a revision are not ready yet.',
  Accepting: 'Weights are stored, and the mesh has not said yet that it took them.',
  Rejected: 'The mesh refuses the route as it is stored; its words are in the sentence.',
  Settling: 'Weights are stored and on their way to the proxies.',
  Holding: 'A step is live and is held for its time.',
  Checking: 'Checks have no verdict yet.',
  Draining: 'Requests of a revision without weight are finishing.',
  Reverting: 'The last good release is being restored in Git.',
  Proposed: 'A pull request restores the last good release, and waits to be merged.',
  Approval: 'A step passed its checks and waits for a person to promote it.',
  Paused: 'A person paused it: resume, promote or abort it.',
  Inconclusive: 'Checks do not have enough data: look at their evidence.',
  NotFollowed: 'Callers send the canary less than its weight: another route may outrank ours.',
  MetricsUnavailable: 'The metrics provider does not answer: look at its address and its health.',
  Quarantined: 'Git asks for a revision that failed: commit another one, or retry it.',
  ScaledToZero: 'Git asks for another revision, and no pod could try it: raise spec.replicas.',
  FleetGone: 'The ReplicaSet of a revision in use is gone: set the Rollout to that revision again.',
  ConfigMissing:
    'A ConfigMap or Secret that is part of the release can not be read; what runs goes on as it is.',
  WorkloadMissing:
    'The Deployment that says what runs can not be read; what runs goes on as it is.',
  Adopting: 'Pods of a Deployment are exchanged for pods of the Rollout, a few at a time.',
  AdoptionHeld:
    'The pods of a Deployment can not be taken over yet; the sentence says what to mend.',
  Restarting: 'Pods that are older than spec.restartAt are replaced, one at a time.',
  MissingKind: 'The cluster does not have the kinds of the mesh: install its CRDs.',
  Contested:
    'Somebody else keeps writing the weights; they are set again, after ten times only once it was quiet for a minute.',
  Claimed: 'Another Rollout splits the same route already.',
  Unsplittable: 'The route can not be split as it is; the sentence says what to mend.',
  NotOurs: 'An object of the name that Sluice would use belongs to somebody else.',
  WriteRefused:
    'A write that the release needs is not taken: by the API server, an admission webhook, or since something is in its way. It is tried again every 30 s.',
  Stalled: 'There was no evidence by the deadline, or only a person can go on.',
  Invalid:
    'The Rollout or its stored status can not be read; nothing is changed until it is mended.',
} as const

/** What is told of a GitSource. */
export const sources = {
  Applied: 'Everything that was read is applied.',
  Errors: 'Some definitions can not be used; those before them stay in force.',
  Unreachable: 'The repository or its branch can not be read; what was read before stays in force.',
  HistoryRewritten:
    'The branch was force-pushed; what runs goes on while its release is still what is asked for.',
  Unsigned:
    'A commit is not signed as spec.signatures asks; what was accepted before stays in force.',
  SecretMissing: 'A Secret that the GitSource names is missing or lacks a key.',
  RevertReady: 'A commit could be made, signed, pushed and removed again.',
  RevertNotReady: 'A release could not be restored now; the sentence says what to mend.',
} as const

export type Reason = keyof typeof sources | keyof typeof announced | keyof typeof waits
