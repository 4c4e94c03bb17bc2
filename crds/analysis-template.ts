// Checks, and the AnalysisTemplate that shares them between rollouts.
import { z } from 'zod'
import { Compare } from './compare.ts'
import {
  type CelRule,
  Duration,
  exactlyOne,
  hasKeysOfAtMost,
  isSized,
  keysOfAtMost,
  ObjectName,
} from './fields.ts'

const CheckName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits and dashes')
  .meta({ description: 'Name of the check, unique in its list; evidence carries it.' })

const SuccessRate = z
  .strictObject({
    min: z.number().min(0).max(100).meta({ description: 'Least percent of requests without 5xx.' }),
  })
  .meta({ description: 'Share of requests that did not fail, measured at the caller.' })

const Latency = z
  .strictObject({
    quantile: z.number().gt(0).lt(1).default(0.99).meta({
      description: 'Quantile between 0 and 1, such as 0.99 for the slowest percent.',
    }),
    max: Duration.meta({ description: 'Longest time at that quantile.' }),
  })
  .meta({ description: 'A quantile of request duration.' })

const PrometheusCheck = z
  .strictObject({
    query: z.string().min(1).max(4096).meta({
      description:
        'PromQL that yields one number. {{revision}}, {{stable}}, {{namespace}}, {{name}}, {{host}}, {{window}} and {{args.NAME}} are filled in.',
    }),
    min: z.number().optional().meta({ description: 'Least value that passes.' }),
    max: z.number().optional().meta({ description: 'Greatest value that passes.' }),
  })
  .refine((check) => check.min !== undefined || check.max !== undefined, {
    message: 'needs min, max or both: a query without a bound can not fail',
  })
  .meta({
    description: 'Your own query with its bounds.',
    cel: [
      {
        rule: 'has(self.min) || has(self.max)',
        message: 'needs min, max or both: a query without a bound can not fail',
      },
    ] satisfies CelRule[],
  })

const oneKind = exactlyOne(['successRate', 'latency', 'compare', 'prometheus'])

export const Check = z
  .strictObject({
    name: CheckName,
    successRate: SuccessRate.optional(),
    latency: Latency.optional(),
    compare: Compare.optional(),
    prometheus: PrometheusCheck.optional(),
  })
  .refine(oneKind.isMet, oneKind.message)
  .meta({
    description: 'One question about the canary, with its bound.',
    ...oneKind.meta,
  })
export type Check = z.infer<typeof Check>

const Checks = z
  .array(Check)
  .max(16)
  .refine(hasDistinctNames, 'names of checks must differ')
  .meta({
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    description: 'Checks, all of which must pass. Names must differ.',
  })

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

const onMissing = z.enum(['pause', 'abort']).default('pause')

export const Analysis = z
  .strictObject({
    checks: Checks.optional(),
    templateRef: z
      .strictObject({
        name: ObjectName.meta({ description: 'Name of the AnalysisTemplate.' }),
        args: Arguments.optional(),
      })
      .optional()
      .meta({ description: 'Checks of an AnalysisTemplate in the same namespace.' }),
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

export const AnalysisTemplateSpec = z
  .strictObject({
    args: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(63).meta({
            description: 'Name of the argument; checks write it as {{args.NAME}}.',
          }),
          value: Argument.optional().meta({
            description: 'Default. Without it the argument is required.',
          }),
        }),
      )
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
  .meta({ description: 'Checks that several Rollouts share.' })
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

function hasDistinctNames(items: readonly { readonly name: string }[]): boolean {
  return new Set(items.map((item) => item.name)).size === items.length
}
