// The Rollout, written once. Types, CRD, JSON Schema and field reference all come from here.
import { z } from 'zod'
import { Analysis } from './analysis-template.ts'
import { durationMs, isDuration } from './duration.ts'
import {
  type CelRule,
  Duration,
  exactlyOne,
  Labels,
  ObjectName,
  Percent,
  RolloutName,
} from './fields.ts'
import { Revert } from './revert.ts'
import { RolloutStatus } from './rollout-status.ts'
import { hasMatch, hasMirror, StepMatch } from './step-match.ts'
import { Traffic } from './traffic.ts'

export const group = 'sluice.dev'
export const version = 'v1alpha1'
export const apiVersion = `${group}/${version}`

const oneConfig = exactlyOne(['configMap', 'secret'])

/** Kept opaque: the API server of the cluster, not Sluice, knows what a pod may contain. */
export const PodTemplate = z
  .strictObject({
    metadata: z.looseObject({}).optional().meta({ description: 'Labels and annotations of pods.' }),
    spec: z.looseObject({}).meta({ description: 'The pod, as in a Deployment.' }),
  })
  .meta({ description: 'The pod template, kept opaque. Its digest is the revision.' })
export type PodTemplate = z.infer<typeof PodTemplate>

const ConfigObject = z
  .strictObject({
    configMap: ObjectName.optional().meta({ description: 'Name of a ConfigMap.' }),
    secret: ObjectName.optional().meta({ description: 'Name of a Secret.' }),
  })
  .refine(oneConfig.isMet, oneConfig.message)
  .meta({
    ...oneConfig.meta,
    description: 'A ConfigMap or a Secret in the namespace of the Rollout.',
  })

/** RFC 3339, as the API server writes times; a day that its month does not have counts on. */
const Time = z
  .string()
  .max(40)
  .regex(
    /^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$/,
    'must be a time such as 2026-01-31T12:00:00Z',
  )

const WorkloadRef = z
  .strictObject({
    kind: z.literal('Deployment').meta({ description: 'Deployment.' }),
    name: ObjectName.meta({ description: 'Its name, in the namespace of the Rollout.' }),
  })
  .meta({
    description:
      'A Deployment that runs already: its template is what runs, its pods are taken over and, when the Rollout is deleted, given back.',
  })

export const CanaryStep = z
  .strictObject({
    weight: Percent.meta({ description: 'Percent of traffic for the canary in this step.' }),
    // Without defaults: in an atomic list they would make two ways of applying disagree for ever.
    hold: Duration.optional().meta({
      description: 'Least time at this step once it is live. Without it, as long as checks take.',
    }),
    approval: z.boolean().optional().meta({
      description: 'Leave this step only after a person says promote.',
    }),
    scale: z.int().min(1).max(100).optional().meta({
      description:
        'Percent of spec.replicas that the canary has in this step, where that is more than its traffic needs.',
    }),
    match: StepMatch.optional(),
    mirror: z.int().min(1).max(100).optional().meta({
      description: 'Percent of requests that the canary gets as copies, whose answers nobody sees.',
    }),
  })
  .meta({ description: 'One step of a canary.' })
export type CanaryStep = z.infer<typeof CanaryStep>

const maxSteps = 32
// A literal list, because comprehensions over index and item, and the cost of isSorted(), are unknown to older
// servers (the rule is accepted from 1.28 on).
const stepIndices = Array.from({ length: maxSteps - 1 }, (_, i) => i).join(', ')

const Canary = z
  .strictObject({
    steps: z
      .array(CanaryStep)
      .min(1)
      .max(maxSteps)
      .meta({ 'x-kubernetes-list-type': 'atomic', description: 'Steps, in order.' }),
    dynamicStableScale: z.boolean().default(false).meta({
      description:
        'Let stable shrink as its traffic leaves. An abort then waits for its pods to start again.',
    }),
  })
  .refine((canary) => rises(canary.steps), {
    path: ['steps'],
    message: 'weights must not fall from one step to the next',
  })
  .meta({
    description: 'Shift traffic in steps.',
    cel: [
      {
        rule: `[${stepIndices}].all(i, i + 1 >= size(self.steps) || self.steps[i].weight <= self.steps[i + 1].weight)`,
        message: 'weights must not fall from one step to the next',
        fieldPath: '.steps',
      },
    ] satisfies CelRule[],
  })

const Preview = z
  .strictObject({
    service: ObjectName.max(63).meta({
      description:
        'Name of the Service that Sluice keeps for the revision under trial; between trials for stable. Its ports are those of the Service of traffic.',
    }),
    checks: z.boolean().default(false).meta({
      description:
        'Checks must pass on the preview before the switch, too. They need requests there, or are Jobs or web hooks.',
    }),
    hold: Duration.optional().meta({
      description: 'Least time on the preview before the switch.',
    }),
  })
  .meta({ description: 'A way to the new revision before it has traffic.' })

const BlueGreen = z
  .strictObject({
    hold: Duration.default('0s').meta({
      description: 'Least time at full traffic, with checks, before the old revision may go.',
    }),
    approval: z.boolean().default(false).meta({
      description: 'Switch only after a person says promote.',
    }),
    preview: Preview.optional(),
    keep: Duration.default('0s').meta({
      description:
        'Time the old revision keeps its pods after the switch was promoted, for a way back without a start.',
    }),
  })
  .meta({ description: 'Start the whole new revision without traffic, then switch in one write.' })

const oneStrategy = exactlyOne(['canary', 'blueGreen'])
const oneTemplate = exactlyOne(['template', 'workloadRef'])
const noTraffic =
  'the last step needs a weight above 0: without traffic its checks have no evidence'
const tooShort = 'must be longer than the longest hold, or no step can end in time'

export const RolloutSpec = z
  .strictObject({
    replicas: z.int().min(0).max(10_000).default(1).meta({
      description: 'Pods that serve all traffic together.',
    }),
    selector: z
      .strictObject({
        matchLabels: Labels.meta({ description: 'Label and value, all of which must match.' }),
      })
      .meta({ description: 'Labels that every pod of this Rollout carries.' }),
    template: PodTemplate.optional(),
    workloadRef: WorkloadRef.optional(),
    config: z.array(ConfigObject).max(16).optional().meta({
      'x-kubernetes-list-type': 'atomic',
      description:
        'ConfigMaps and Secrets that are part of the revision: each revision runs with its own immutable copy, and a change of one is a new revision.',
    }),
    restartAt: Time.optional().meta({
      description:
        'Pods of stable that were created before this time are replaced by new ones, one at a time and between trials.',
    }),
    minReadySeconds: z.int().min(0).max(3600).default(0).meta({
      description: 'Seconds a pod must be ready before it counts as available.',
    }),
    progressDeadline: Duration.default('30m').meta({
      description:
        'Longest time until a step is live, and from there until it is held and checked. Time spent waiting for a person does not count.',
    }),
    traffic: Traffic,
    canary: Canary.optional(),
    blueGreen: BlueGreen.optional(),
    analysis: Analysis.optional(),
    revert: Revert.prefault({}),
  })
  .refine(oneStrategy.isMet, oneStrategy.message)
  .refine(oneTemplate.isMet, oneTemplate.message)
  .refine((spec) => holds(spec).every((hold) => isShorter(hold, spec.progressDeadline)), {
    path: ['progressDeadline'],
    message: tooShort,
  })
  .refine((spec) => !spec.analysis || !spec.canary || lastWeight(spec.canary) > 0, {
    path: ['canary', 'steps'],
    message: noTraffic,
  })
  .refine(hasMirror.isMet, hasMirror.message)
  .refine(hasMatch.isMet, hasMatch.message)
  .meta({
    ...oneStrategy.meta,
    description: 'What runs and how a new revision of it takes over.',
    cel: [
      ...oneStrategy.meta.cel,
      ...oneTemplate.meta.cel,
      {
        rule: '!has(self.canary) || self.canary.steps.all(step, !has(step.hold) || duration(step.hold) < duration(self.progressDeadline))',
        message: tooShort,
        fieldPath: '.progressDeadline',
      },
      {
        rule: '!has(self.blueGreen) || duration(self.blueGreen.hold) < duration(self.progressDeadline)',
        message: tooShort,
        fieldPath: '.progressDeadline',
      },
      {
        rule: '!has(self.blueGreen) || !has(self.blueGreen.preview) || !has(self.blueGreen.preview.hold) || duration(self.blueGreen.preview.hold) < duration(self.progressDeadline)',
        message: tooShort,
        fieldPath: '.progressDeadline',
      },
      {
        rule: '!has(self.analysis) || !has(self.canary) || self.canary.steps[size(self.canary.steps) - 1].weight > 0',
        message: noTraffic,
        fieldPath: '.canary.steps',
      },
      { rule: hasMirror.cel, message: hasMirror.message },
      { rule: hasMatch.cel, message: hasMatch.message },
    ] satisfies CelRule[],
  })
export type RolloutSpec = z.infer<typeof RolloutSpec>

export const Rollout = z
  .looseObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal('Rollout'),
    metadata: z.looseObject({
      name: RolloutName,
      namespace: ObjectName.optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    }),
    spec: RolloutSpec,
    status: RolloutStatus.optional(),
  })
  .meta({
    description:
      'A workload whose new revisions take over step by step, and whose last good release is restored in Git when one fails.',
  })
export type Rollout = z.infer<typeof Rollout>

function rises(steps: readonly { weight: number }[]): boolean {
  return steps.every((step, i) => i === 0 || (steps[i - 1]?.weight ?? 0) <= step.weight)
}

// Total: a text that is no duration has been reported at its own field.
function isShorter(hold: string, deadline: string): boolean {
  return !isDuration(hold) || !isDuration(deadline) || durationMs(hold) < durationMs(deadline)
}

function lastWeight(canary: { steps: readonly { weight: number }[] }): number {
  return canary.steps.at(-1)?.weight ?? 0
}

function holds(spec: {
  canary?: { steps: readonly { hold?: string | undefined }[] } | undefined
  blueGreen?: { hold: string; preview?: { hold?: string | undefined } | undefined } | undefined
}): string[] {
  const { canary, blueGreen } = spec
  const steps = [
    ...(canary?.steps ?? []),
    ...(blueGreen ? [blueGreen, blueGreen.preview ?? {}] : []),
  ]
  return steps.flatMap(({ hold }) => (hold === undefined ? [] : [hold]))
}
