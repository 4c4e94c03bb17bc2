// What Sluice writes about a Rollout: its own write-ahead log and the story people read. Objects here are
// not strict: after a downgrade, fields of a newer Sluice are dropped rather than refused.
import { z } from 'zod'
import { authorLimit } from './author.ts'
import { CommitId, Conditions, Percent, RevisionHash, Sentence, Timestamp } from './fields.ts'
import { abortReasons, outcomes, phases, revertStates, trendLimit } from './words.ts'

const atomic = { 'x-kubernetes-list-type': 'atomic' }

/** A revision and the commit that brought it. */
export const Release = z.object({
  revision: RevisionHash.meta({ description: 'Digest of the pod template.' }),
  commit: CommitId.optional().meta({
    description: 'Commit that brought this revision, when Git did.',
  }),
  author: z.string().max(authorLimit).optional().meta({
    description: 'Author of that commit, when a GitSource applied it.',
  }),
})
export type Release = z.infer<typeof Release>

const Trend = z.array(z.number()).max(trendLimit)

/** What one check said, with the numbers it used. */
export const Evidence = z.object({
  check: z.string().max(63).meta({ description: 'Name of the check.' }),
  outcome: z.enum(outcomes).meta({ description: 'What the check said.' }),
  because: Sentence.meta({ description: 'Why, in one sentence.' }),
  query: z.string().max(4096).optional().meta({ description: 'Query that was asked.' }),
  value: z
    .number()
    .optional()
    .meta({ description: 'Canary. Percent for rates, seconds for latency.' }),
  stable: z.number().optional().meta({ description: 'The same number for the stable revision.' }),
  min: z.number().optional().meta({ description: 'Least value that passes.' }),
  max: z.number().optional().meta({ description: 'Greatest value that passes.' }),
  samples: z.number().optional().meta({ description: 'Requests to the canary in the window.' }),
  windowSeconds: z.number().optional().meta({ description: 'Length of the window of the query.' }),
  at: Timestamp.meta({ description: 'End of the window.' }),
  trend: Trend.optional().meta({
    ...atomic,
    description: 'Values of the canary in this trial, one for each step and pause, oldest first.',
  }),
  stableTrend: Trend.optional().meta({
    ...atomic,
    description: 'The same for the stable revision.',
  }),
})
export type Evidence = z.infer<typeof Evidence>

/** What is kept of evidence when its trial has ended. */
const Verdict = z.object({
  check: z.string().max(63).meta({ description: 'Name of the check.' }),
  outcome: z.enum(outcomes).meta({ description: 'What the check said.' }),
})

export const RevertState = z.object({
  state: z.enum(revertStates).meta({
    description:
      'Committed: the last good release is on the branch. Proposed: a pull request waits to be merged. Superseded: somebody changed it first, no commit. Nothing: there was nothing to restore.',
  }),
  bad: Release.meta({ description: 'The release that failed.' }),
  good: Release.optional().meta({ description: 'The release that is restored.' }),
  commit: CommitId.optional().meta({ description: 'The commit that restored the release.' }),
  pullRequest: z
    .object({
      number: z.int().min(0).meta({ description: 'Its number at the host.' }),
      url: z.string().max(2048).meta({ description: 'Where people find it.' }),
    })
    .optional()
    .meta({
      description: 'The pull request that restores the release, or that was left to a person.',
    }),
  because: Sentence.meta({ description: 'Why, in one sentence.' }),
  at: Timestamp.meta({ description: 'When this state was reached.' }),
})
export type RevertState = z.infer<typeof RevertState>

const CommandId = z
  .string()
  .max(64)
  .exactOptional()
  .meta({ description: 'Identity of the last command of this verb.' })

export const RolloutStatus = z
  .object({
    observedGeneration: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Generation of the spec that was decided on last.' }),
    decision: z.int().min(0).default(0).meta({
      description:
        'Number of the last decision. Every object Sluice writes carries it, and none goes back.',
    }),
    fence: z.int().min(0).default(0).meta({
      description:
        'Decision that began this phase. Every fleet in use carries at least this number.',
    }),
    phase: z.enum(phases).optional().meta({ description: 'Where this Rollout stands.' }),
    canary: Release.optional().meta({
      description: 'The revision under trial, or the one aborted.',
    }),
    stable: Release.optional().meta({ description: 'The revision promoted last.' }),
    target: RevisionHash.optional().meta({ description: 'The revision that is asked for.' }),
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
      .enum(abortReasons)
      .optional()
      .meta({ description: 'Why the rollout is paused or aborted.' }),
    because: Sentence.optional().meta({ description: 'Why the last decision was taken.' }),
    blockedBy: z
      .object({
        reason: z.string().max(64).meta({ description: 'One word for programs.' }),
        message: Sentence.meta({ description: 'A sentence for people.' }),
        since: Timestamp.meta({ description: 'Since when.' }),
      })
      .optional()
      .meta({ description: 'The one thing this Rollout waits for, when it may need a person.' }),
    weights: z
      .array(
        z.object({
          revision: RevisionHash.meta({ description: 'Revision.' }),
          weight: Percent.meta({ description: 'Percent.' }),
        }),
      )
      .max(8)
      .optional()
      .meta({ ...atomic, description: 'Percent of traffic by revision, as decided.' }),
    weight: Percent.optional().meta({ description: 'Percent for the revision under trial.' }),
    evidence: z
      .array(Evidence)
      .max(17)
      .optional()
      .meta({ ...atomic, description: 'What each check said last.' }),
    quarantine: z
      .array(
        z.object({
          ...Release.shape,
          because: Sentence.meta({ description: 'Why it failed.' }),
          at: Timestamp.meta({ description: 'When it failed.' }),
        }),
      )
      .max(10)
      .optional()
      .meta({
        ...atomic,
        description: 'Revisions that failed. They are not tried again until retried.',
      }),
    commands: z
      .object({
        promote: CommandId,
        pause: CommandId,
        resume: CommandId,
        abort: CommandId,
        retry: CommandId,
      })
      .optional()
      .meta({ description: 'Identity of the last command consumed, by verb.' }),
    revert: RevertState.optional().meta({
      description: 'How far the restoring of the last good release in Git is.',
    }),
    former: z
      .array(Release)
      .max(3)
      .optional()
      .meta({
        ...atomic,
        description: 'Revisions that were stable before, newest first. A way back to one is short.',
      }),
    history: z
      .array(
        z.object({
          ...Release.shape,
          outcome: z
            .enum(['Promoted', 'Aborted', 'Superseded'])
            .meta({ description: 'How its trial ended.' }),
          progress: z
            .string()
            .max(16)
            .optional()
            .meta({ description: 'How far it came: step of steps, such as 2/4.' }),
          because: Sentence.meta({ description: 'Why it ended so.' }),
          verdicts: z
            .array(Verdict)
            .max(17)
            .optional()
            .meta({ ...atomic, description: 'What each check said last in its trial.' }),
          startedAt: Timestamp.meta({ description: 'When its trial began.' }),
          endedAt: Timestamp.meta({ description: 'When its trial ended.' }),
        }),
      )
      .max(10)
      .optional()
      .meta({ ...atomic, description: 'The last releases, newest first.' }),
    restart: z
      .object({
        at: Timestamp.meta({ description: 'Value of spec.restartAt that this is about.' }),
        left: z.int().min(0).meta({ description: 'Pods that are older.' }),
        endedAt: Timestamp.optional().meta({ description: 'When the last of them was replaced.' }),
      })
      .optional()
      .meta({ description: 'How far the restart that spec.restartAt asks for is.' }),
    replicas: z.int().min(0).optional().meta({ description: 'Pods, over all revisions.' }),
    readyReplicas: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Ready pods, over all revisions.' }),
    selector: z
      .string()
      .max(4096)
      .optional()
      .meta({ description: 'Label selector, for autoscalers.' }),
    conditions: Conditions.optional(),
  })
  .meta({ description: 'Written by Sluice.' })
export type RolloutStatus = z.infer<typeof RolloutStatus>
