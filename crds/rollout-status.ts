// What Sluice writes about a Rollout: its own write-ahead log and the story people read. Objects here are
// not strict: after a downgrade, fields of a newer Sluice are dropped rather than refused.
import { z } from 'zod'
import { CommitId, Conditions, Percent, RevisionHash, Sentence, Timestamp } from './fields.ts'

const atomic = { 'x-kubernetes-list-type': 'atomic' }

/** A revision and the commit that brought it. */
export const Release = z.object({
  revision: RevisionHash,
  commit: CommitId.optional().meta({
    description: 'Commit that brought this revision, when Git did.',
  }),
})
export type Release = z.infer<typeof Release>

export const outcomes = ['Passed', 'Failed', 'Inconclusive', 'Error'] as const

/** What one check said, with the numbers it used. */
export const Evidence = z.object({
  check: z.string().max(63),
  outcome: z.enum(outcomes),
  because: Sentence,
  query: z.string().max(4096).optional(),
  value: z
    .number()
    .optional()
    .meta({ description: 'Canary. Percent for rates, seconds for latency.' }),
  stable: z.number().optional().meta({ description: 'The same number for the stable revision.' }),
  min: z.number().optional(),
  max: z.number().optional(),
  samples: z.number().optional().meta({ description: 'Requests to the canary in the window.' }),
  windowSeconds: z.number().optional(),
  at: Timestamp,
})
export type Evidence = z.infer<typeof Evidence>

export const RevertState = z.object({
  state: z.enum(['Requested', 'Committed', 'Superseded', 'Nothing', 'NeedsHuman', 'Off']).meta({
    description:
      'Committed: the last good release is on the branch. Superseded: somebody changed it first, no commit. Nothing: there was nothing to restore.',
  }),
  bad: Release,
  good: Release.optional(),
  commit: CommitId.optional().meta({ description: 'The commit that restored the release.' }),
  because: Sentence,
  at: Timestamp,
})
export type RevertState = z.infer<typeof RevertState>

export const phases = ['Stable', 'Progressing', 'Paused', 'Aborted'] as const
/** Why progress stands still. */
export const pauseReasons = ['person', 'inconclusive', 'error'] as const
/** Why traffic went back. Only `failed`, `pods` and `person` say that the revision is bad and may write Git. */
export const abortReasons = ['failed', 'pods', 'person', 'inconclusive', 'error'] as const
export const verbs = ['promote', 'pause', 'resume', 'abort', 'retry'] as const
export type Verb = (typeof verbs)[number]

export const RolloutStatus = z
  .object({
    observedGeneration: z.int().min(0).optional(),
    decision: z.int().min(0).default(0).meta({
      description:
        'Number of the last decision. Every object Sluice writes carries it, and none goes back.',
    }),
    fence: z.int().min(0).default(0).meta({
      description:
        'Decision that began this phase. Every fleet in use carries at least this number.',
    }),
    phase: z.enum(phases).optional(),
    canary: Release.optional().meta({
      description: 'The revision under trial, or the one aborted.',
    }),
    stable: Release.optional().meta({ description: 'The revision promoted last.' }),
    step: z.int().min(0).optional().meta({ description: 'Index of the step, from 0.' }),
    progress: z.string().max(16).optional().meta({ description: 'Step of steps, such as 2/4.' }),
    attempt: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Trials so far; a retry starts a new one.' }),
    since: Timestamp.optional().meta({ description: 'When this phase and step began.' }),
    startedAt: Timestamp.optional().meta({ description: 'When this attempt began.' }),
    reason: z
      .enum(['failed', 'pods', 'person', 'inconclusive', 'error'])
      .optional()
      .meta({ description: 'Why the rollout is paused or aborted.' }),
    because: Sentence.optional().meta({ description: 'Why the last decision was taken.' }),
    blockedBy: z
      .object({ reason: z.string().max(64), message: Sentence, since: Timestamp })
      .optional()
      .meta({ description: 'The one thing this Rollout waits for, when it may need a person.' }),
    weights: z
      .array(z.object({ revision: RevisionHash, weight: Percent }))
      .max(8)
      .optional()
      .meta({ ...atomic, description: 'Percent of traffic by revision, as decided.' }),
    weight: Percent.optional().meta({ description: 'Percent for the revision under trial.' }),
    evidence: z.array(Evidence).max(17).optional().meta(atomic),
    quarantine: z
      .array(z.object({ ...Release.shape, because: Sentence, at: Timestamp }))
      .max(10)
      .optional()
      .meta({
        ...atomic,
        description: 'Revisions that failed. They are not tried again until retried.',
      }),
    commands: z
      .partialRecord(z.enum(verbs), z.string().max(64))
      .optional()
      .meta({ description: 'Identity of the last command consumed, by verb.' }),
    revert: RevertState.optional(),
    history: z
      .array(
        z.object({
          ...Release.shape,
          outcome: z.enum(['Promoted', 'Aborted', 'Superseded']),
          because: Sentence,
          startedAt: Timestamp,
          endedAt: Timestamp,
        }),
      )
      .max(10)
      .optional()
      .meta({ ...atomic, description: 'The last releases, newest first.' }),
    replicas: z.int().min(0).optional().meta({ description: 'Pods, over all revisions.' }),
    readyReplicas: z.int().min(0).optional(),
    selector: z
      .string()
      .max(4096)
      .optional()
      .meta({ description: 'Label selector, for autoscalers.' }),
    conditions: Conditions.optional(),
  })
  .meta({ description: 'Written by Sluice.' })
export type RolloutStatus = z.infer<typeof RolloutStatus>
