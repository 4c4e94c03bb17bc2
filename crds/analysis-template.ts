// The analysis of a Rollout, and the templates that share checks between rollouts.
import { z } from 'zod'
import {
  argumentPatterns,
  argumentTypes,
  durationFields,
  isFieldOfType,
  isOfType,
  partOf,
  type SettableField,
  settableFields,
} from './argument.ts'
import { Checks, hasDistinctNames } from './check.ts'
import { type CelRule, hasKeysOfAtMost, isSized, keysOfAtMost, ObjectName } from './fields.ts'
import { metricSources } from './words.ts'

const Argument = z.string().max(256)

const Arguments = z
  .record(z.string(), Argument)
  .refine((args) => isSized(args, 0, 16), 'must have at most 16 arguments')
  .refine(hasKeysOfAtMost(63), 'must have keys of at most 63 characters')
  .meta({
    maxProperties: 16,
    cel: keysOfAtMost(63),
    description: 'Values for the arguments of the template, by name.',
  })

const templateKinds = ['AnalysisTemplate', 'ClusterAnalysisTemplate'] as const

const onMissing = z.enum(['pause', 'abort']).default('pause')

export const Analysis = z
  .strictObject({
    checks: Checks.optional(),
    templateRef: z
      .strictObject({
        kind: z.enum(templateKinds).default('AnalysisTemplate').meta({
          description: 'ClusterAnalysisTemplate for one that all namespaces share.',
        }),
        name: ObjectName.meta({ description: 'Name of the template.' }),
        args: Arguments.optional(),
      })
      .optional()
      .meta({
        description:
          'Checks of an AnalysisTemplate in the same namespace, or of a ClusterAnalysisTemplate.',
      }),
    metrics: z.enum(metricSources).optional().meta({
      description:
        'Whose metrics built-in checks read. Without it those of the mesh: istio, linkerd, or openmetrics without one.',
    }),
    minRequests: z.int().min(1).max(1_000_000).default(100).meta({
      description: 'Requests to the canary below which a built-in check stays Inconclusive.',
    }),
    onInconclusive: onMissing.meta({
      description:
        'After progressDeadline without enough evidence. Until then the step holds; it is never promoted.',
    }),
    onError: onMissing.meta({
      description:
        'After progressDeadline with a metrics provider that does not answer. Until then the step holds.',
    }),
  })
  .refine((analysis) => (analysis.checks?.length ?? 0) > 0 || analysis.templateRef, {
    message: 'needs checks, a templateRef or both: an analysis without checks has no evidence',
  })
  .meta({
    description: 'Checks that run from the first request of the canary and gate each step.',
    cel: [
      {
        rule: '(has(self.checks) && self.checks.size() > 0) || has(self.templateRef)',
        message: 'needs checks, a templateRef or both: an analysis without checks has no evidence',
      },
    ] satisfies CelRule[],
  })
export type Analysis = z.infer<typeof Analysis>

const wrongDefault = 'the default must be of the type of the argument'
const wrongFields =
  'must be numbers, such as successRate.min, for type number, and times, such as latency.max, for type duration'

const SetField = z
  .strictObject({
    check: z.string().min(1).max(63).meta({ description: 'Name of a check of the template.' }),
    field: z.enum([...settableFields.number, ...settableFields.duration]).meta({
      description: 'Field of that check.',
    }),
  })
  .meta({ description: 'A field that takes the value of the argument.' })

const DeclaredArgument = z
  .strictObject({
    name: z.string().min(1).max(63).meta({
      description: 'Name of the argument; checks write it as {{args.NAME}}.',
    }),
    type: z.enum(argumentTypes).default('string').meta({
      description: 'What its value must be. Values are written as text: "0.5", "5m", "true".',
    }),
    value: Argument.optional().meta({
      description:
        'Default. Without it the argument is required, unless it sets fields: these stay as they are written.',
    }),
    sets: z.array(SetField).min(1).max(16).optional().meta({
      'x-kubernetes-list-type': 'atomic',
      description:
        'Numbers and times in checks that take its value. The template is whole without it: what is written there is the default.',
    }),
  })
  .refine(({ type, value }) => value === undefined || isOfType(type, value), {
    path: ['value'],
    message: wrongDefault,
  })
  .refine(({ type, sets = [] }) => sets.every(({ field }) => isFieldOfType(type, field)), {
    path: ['sets'],
    message: wrongFields,
  })
  .meta({
    description: 'An argument.',
    cel: [
      {
        rule: `!has(self.value) || ((!has(self.type) || self.type == 'string') || (self.type == 'number' && self.value.matches('${argumentPatterns.number}')) || (self.type == 'duration' && self.value.matches('${argumentPatterns.duration}')) || (self.type == 'boolean' && self.value.matches('${argumentPatterns.boolean}')))`,
        message: wrongDefault,
        fieldPath: '.value',
      },
      {
        rule: `!has(self.sets) || (has(self.type) && ((self.type == 'number' && self.sets.all(one, !one.field.matches('${durationFields}'))) || (self.type == 'duration' && self.sets.all(one, one.field.matches('${durationFields}')))))`,
        message: wrongFields,
        fieldPath: '.sets',
      },
    ] satisfies CelRule[],
  })

const nowhere =
  'must set fields of checks of the template in which the kind of the field, or the interval, is written'

/** What a check must have written so that a field in it can be set. */
const parts = [...new Set([...settableFields.number, ...settableFields.duration].map(partOf))]
const fitsCheck = parts.map((part) => {
  const fields = part === 'interval' ? '^[a-zA-Z]+$' : `^${part}[.]`
  return `(!one.field.matches('${fields}') || has(check.${part}))`
})

interface Settings {
  readonly args?: readonly {
    readonly sets?: readonly { readonly check: string; readonly field: SettableField }[] | undefined
  }[]
  readonly checks: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[]
}

function isSetSomewhere({ args = [], checks }: Settings): boolean {
  const fields = args.flatMap(({ sets = [] }) => sets)
  return fields.every(({ check, field }) =>
    checks.some((one) => one.name === check && one[partOf(field)] !== undefined),
  )
}

export const AnalysisTemplateSpec = z
  .strictObject({
    args: z
      .array(DeclaredArgument)
      .max(16)
      .refine(hasDistinctNames, 'names of arguments must differ')
      .meta({
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        description: 'Arguments that a Rollout may or must give.',
      })
      .optional(),
    checks: Checks.min(1),
  })
  .refine(({ args, checks }) => isSetSomewhere({ ...(args && { args }), checks }), {
    path: ['args'],
    message: nowhere,
  })
  .meta({
    description: 'Checks that several Rollouts share.',
    cel: [
      {
        rule: `!has(self.args) || self.args.all(arg, !has(arg.sets) || arg.sets.all(one, !self.checks.all(check, check.name != one.check || !(${fitsCheck.join(' && ')}))))`,
        message: nowhere,
        fieldPath: '.args',
      },
    ] satisfies CelRule[],
  })
export type AnalysisTemplateSpec = z.infer<typeof AnalysisTemplateSpec>

export const AnalysisTemplate = z
  .looseObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('AnalysisTemplate'),
    metadata: z.looseObject({ name: ObjectName, namespace: ObjectName.optional() }),
    spec: AnalysisTemplateSpec,
  })
  .meta({ description: 'Checks that the Rollouts of a namespace share by reference.' })
export type AnalysisTemplate = z.infer<typeof AnalysisTemplate>

export const ClusterAnalysisTemplate = z
  .looseObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('ClusterAnalysisTemplate'),
    metadata: z.looseObject({ name: ObjectName }),
    spec: AnalysisTemplateSpec,
  })
  .meta({ description: 'Checks that the Rollouts of all namespaces share by reference.' })
export type ClusterAnalysisTemplate = z.infer<typeof ClusterAnalysisTemplate>
