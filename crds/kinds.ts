// The kinds: how the API server names them, and what `kubectl get` shows of them.
import type { z } from 'zod'
import { AnalysisTemplate, ClusterAnalysisTemplate } from './analysis-template.ts'
import { GitSource } from './git-source.ts'
import { Notification } from './notification.ts'
import { Rollout } from './rollout.ts'

interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date'
  readonly jsonPath: string
  readonly description: string
  /** Above 0: only with `-o wide`. */
  readonly priority?: number
}

export interface Kind {
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortName: string
  /** Belongs to no namespace. */
  readonly isClusterWide?: boolean
  readonly schema: z.ZodObject
  readonly columns: readonly Column[]
  readonly scale?: {
    readonly specReplicasPath: string
    readonly statusReplicasPath: string
    readonly labelSelectorPath: string
  }
}

const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was created.',
}

const text = (name: string, jsonPath: string, description: string): Column => ({
  name,
  type: 'string',
  jsonPath,
  description,
})

/** Short names keep clear of those of Argo Rollouts, which may run in the same cluster. */
export const kinds: readonly Kind[] = [
  {
    kind: 'Rollout',
    plural: 'rollouts',
    singular: 'rollout',
    shortName: 'slr',
    schema: Rollout,
    columns: [
      text('Phase', '.status.phase', 'Stable, Progressing, Paused or Aborted.'),
      text('Step', '.status.progress', 'Step of steps.'),
      {
        name: 'Weight',
        type: 'integer',
        jsonPath: '.status.weight',
        description: 'Percent of traffic for the revision under trial.',
      },
      text('Stable', '.status.stable.revision', 'The revision promoted last.'),
      text('Canary', '.status.canary.revision', 'The revision under trial, or the one aborted.'),
      text('Blocked-By', '.status.blockedBy.reason', 'What it waits for, if it may need a person.'),
      age,
      {
        ...text('Because', '.status.because', 'Why the last decision was taken.'),
        priority: 1,
      },
    ],
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  {
    kind: 'AnalysisTemplate',
    plural: 'analysistemplates',
    singular: 'analysistemplate',
    shortName: 'slat',
    schema: AnalysisTemplate,
    columns: [text('First-Check', '.spec.checks[0].name', 'Name of the first check.'), age],
  },
  {
    kind: 'ClusterAnalysisTemplate',
    plural: 'clusteranalysistemplates',
    singular: 'clusteranalysistemplate',
    shortName: 'slcat',
    isClusterWide: true,
    schema: ClusterAnalysisTemplate,
    columns: [text('First-Check', '.spec.checks[0].name', 'Name of the first check.'), age],
  },
  {
    kind: 'GitSource',
    plural: 'gitsources',
    singular: 'gitsource',
    shortName: 'slgs',
    schema: GitSource,
    columns: [
      text('Branch', '.spec.branch', 'Branch that is followed.'),
      text('Commit', '.status.commit', 'Commit that was read last.'),
      {
        name: 'Rollouts',
        type: 'integer',
        jsonPath: '.status.rollouts',
        description: 'Rollouts found at that commit.',
      },
      text('Ready', '.status.conditions[?(@.type=="Ready")].status', 'Whether it is up to date.'),
      age,
      {
        ...text(
          'Message',
          '.status.conditions[?(@.type=="Ready")].message',
          'Why it is ready or not.',
        ),
        priority: 1,
      },
    ],
  },
  {
    kind: 'Notification',
    plural: 'notifications',
    singular: 'notification',
    shortName: 'slnt',
    schema: Notification,
    columns: [
      text('Ready', '.status.conditions[?(@.type=="Ready")].status', 'Whether messages get there.'),
      text('Last', '.status.recent[0].reason', 'What was told last.'),
      text('About', '.status.recent[0].about', 'Of whom it was told.'),
      age,
      {
        ...text('Message', '.status.conditions[?(@.type=="Ready")].message', 'How it stands.'),
        priority: 1,
      },
    ],
  },
]
