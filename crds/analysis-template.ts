// Checks, and the AnalysisTemplate that shares them between rollouts.
import { z } from 'zod'
import { type CelRule, Duration, ObjectName } from './fields.ts'

const CheckName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits and dashes')

const SuccessRate = z
  .strictObject({
    min: z.number().min(0).max(100).meta({ description: 'Least percent of requests without 5xx.' }),
  })
  .meta({ description: 'Share of requests that did not fail, measured at the caller.' })

const Latency = z
  .strictObject({
    quantile: z.number().gt(0).lt(1).default(0.99),
    max: Duration.meta({ description: 'Longest time at that quantile.' }),
  })
  .meta({ description: 'A quantile of request duration.' })

const PrometheusCheck = z
  .strictObject({
    query: z.string().min(1).max(4096).meta({
      description:
        'PromQL that yields one number. {{revision}}, {{stable}}, {{namespace}}, {{name}}, {{host}}, {{window}} and {{args.NAME}} are filled in.',
    }),
    min: z.number().optional(),
    max: z.number().optional(),
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

const kinds = ['successRate', 'latency', 'prometheus'] as const

export const Check = z
  .strictObject({
    name: CheckName,
    successRate: SuccessRate.optional(),
    latency: Latency.optional(),
    prometheus: PrometheusCheck.optional(),
  })
  .refine((check) => kinds.filter((kind) => check[kind] !== undefined).length === 1, {
    message: 'exactly one of successRate, latency and prometheus must be set',
  })
  .meta({
    description: 'One question about the canary, with its bound.',
    cel: [
      {
        rule: '[has(self.successRate), has(self.latency), has(self.prometheus)].filter(x, x).size() == 1',
        message: 'exactly one of successRate, latency and prometheus must be set',
      },
    ] satisfies CelRule[],
  })
export type Check = z.infer<typeof Check>

const Checks = z
  .array(Check)
  .max(16)
  .refine((checks) => new Set(checks.map((check) => check.name)).size === checks.length, {
    message: 'names of checks must differ',
  })
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })

const Argument = z.string().max(256)

const onMissing = z.enum(['pause', 'abort']).default('pause')

export const Analysis = z
  .strictObject({
    checks: Checks.optional(),
    templateRef: z
      .strictObject({
        name: ObjectName,
        args: z.record(z.string().max(63), Argument).optional(),
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

export const AnalysisTemplateSpec = z.strictObject({
  args: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(63),
        value: Argument.optional().meta({
          description: 'Default. Without it the argument is required.',
        }),
      }),
    )
    .max(16)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
  checks: Checks,
})
export type AnalysisTemplateSpec = z.infer<typeof AnalysisTemplateSpec>

export const AnalysisTemplate = z.looseObject({
  apiVersion: z.literal('sluice.dev/v1alpha1'),
  kind: z.literal('AnalysisTemplate'),
  metadata: z.looseObject({ name: ObjectName, namespace: ObjectName.optional() }),
  spec: AnalysisTemplateSpec,
})
export type AnalysisTemplate = z.infer<typeof AnalysisTemplate>
