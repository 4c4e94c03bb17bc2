// Checks that ask somebody else than the metrics of the mesh: a number with its bounds, or a Job that succeeds.
import { z } from 'zod'
import { type CelRule, Duration, exactlyOne, ObjectName } from './fields.ts'

const message = 'needs min, max or both: a query without a bound can not fail'

/** Says of a check with `min` and `max` that it has one of them. */
export const Bounded = {
  isMet: (check: { min?: unknown; max?: unknown }) =>
    check.min !== undefined || check.max !== undefined,
  message: { message },
  cel: [{ rule: 'has(self.min) || has(self.max)', message }] satisfies CelRule[],
}

/** Fields of a check that yields one number, with the bounds of that number. */
export function boundsOf<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject({
    ...shape,
    min: z.number().optional().meta({ description: 'Least value that passes.' }),
    max: z.number().optional().meta({ description: 'Greatest value that passes.' }),
  })
}

const SecretRef = z.strictObject({
  name: ObjectName.meta({ description: 'Name of a Secret in the namespace of the Rollout.' }),
})

const SecretKeyRef = SecretRef.extend({
  key: z
    .string()
    .min(1)
    .max(253)
    .regex(/^[-._a-zA-Z0-9]+$/, 'must be a key of a Secret')
    .meta({ description: 'Key of the Secret.' }),
}).meta({ description: 'A key of a Secret in the namespace of the Rollout.' })

export const DatadogCheck = boundsOf({
  query: z.string().min(1).max(4096).meta({
    description:
      'Metrics query that yields one series; its last point counts. Placeholders as in PromQL.',
  }),
  site: z
    .enum([
      'datadoghq.com',
      'us3.datadoghq.com',
      'us5.datadoghq.com',
      'datadoghq.eu',
      'ap1.datadoghq.com',
      'ap2.datadoghq.com',
      'ddog-gov.com',
    ])
    .default('datadoghq.com')
    .meta({ description: 'Site of the account.' }),
  secretRef: SecretRef.meta({ description: 'Secret with "api-key" and "app-key".' }),
})
  .refine(Bounded.isMet, Bounded.message)
  .meta({ description: 'A Datadog metrics query with its bounds.', cel: Bounded.cel })
export type DatadogCheck = z.infer<typeof DatadogCheck>

const word = z.string().min(1).max(255)
const oneQuery = exactlyOne(['expression', 'metricName'])
const wholeMetric = 'a metricName needs its namespace; an expression has no namespace'

const CloudWatchQuery = z
  .strictObject({
    id: z
      .string()
      .max(63)
      .regex(/^[a-z][a-zA-Z0-9_]*$/, 'must be letters, digits and underscores')
      .meta({ description: 'Name by which expressions speak of it.' }),
    expression: z.string().min(1).max(2048).optional().meta({ description: 'Metric math.' }),
    namespace: word.optional().meta({ description: 'Namespace of the metric.' }),
    metricName: word.optional().meta({ description: 'Name of the metric.' }),
    dimensions: z
      .array(
        z.strictObject({
          name: word.meta({ description: 'Name of the dimension.' }),
          value: z.string().min(1).max(1024).meta({ description: 'Its value.' }),
        }),
      )
      .max(30)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'atomic', description: 'Dimensions of the metric.' }),
    stat: word.default('Average').meta({ description: 'Statistic, such as Sum or p99.' }),
  })
  .refine(oneQuery.isMet, oneQuery.message)
  .refine((one) => (one.metricName === undefined) === (one.namespace === undefined), wholeMetric)
  .meta({
    ...oneQuery.meta,
    description: 'A metric, or an expression over others.',
    cel: [
      ...oneQuery.meta.cel,
      { rule: 'has(self.metricName) == has(self.namespace)', message: wholeMetric },
    ] satisfies CelRule[],
  })

export const CloudWatchCheck = boundsOf({
  region: z
    .string()
    .max(32)
    .regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/, 'must be a region such as eu-central-1')
    .meta({ description: 'Region that is asked.' }),
  secretRef: SecretRef.meta({
    description: 'Secret with "access-key-id", "secret-access-key" and maybe "session-token".',
  }),
  period: Duration.default('1m').meta({ description: 'Length of one point.' }),
  queries: z.array(CloudWatchQuery).min(1).max(8).meta({
    'x-kubernetes-list-type': 'atomic',
    description:
      'The first one is the value, its newest point counts; others serve its expression.',
  }),
})
  .refine(Bounded.isMet, Bounded.message)
  .meta({ description: 'A CloudWatch metric with its bounds.', cel: Bounded.cel })
export type CloudWatchCheck = z.infer<typeof CloudWatchCheck>

const oneSource = exactlyOne(['value', 'secretRef'])

const Header = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(64)
      .regex(/^[-A-Za-z0-9_]+$/, 'must be the name of a header')
      .meta({ description: 'Name of the header.' }),
    value: z.string().max(1024).optional().meta({ description: 'Its value.' }),
    secretRef: SecretKeyRef.optional(),
  })
  .refine(oneSource.isMet, oneSource.message)
  .meta({ ...oneSource.meta, description: 'A header of the request.' })

export const WebhookCheck = boundsOf({
  url: z
    .string()
    .max(2048)
    .regex(/^https?:\/\/[^\s@]+$/, 'must be an https or http URL without credentials')
    .meta({
      description:
        'Address that is asked; its host must be among those that the operator allows. Placeholders as in PromQL.',
    }),
  method: z.enum(['GET', 'POST']).default('GET').meta({ description: 'Method of the request.' }),
  body: z.string().max(4096).optional().meta({
    description:
      'JSON that is posted, with placeholders. Default for POST: what is known of the rollout.',
  }),
  headers: z
    .array(Header)
    .max(16)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic', description: 'Headers of the request.' }),
  path: z
    .string()
    .max(256)
    .regex(
      /^\$([.][A-Za-z_][A-Za-z0-9_-]*|\[[0-9]{1,4}\])*$/,
      'must be a path such as $.data[0].value',
    )
    .default('$.value')
    .meta({ description: 'Where the number, true or false stands in the JSON of the answer.' }),
})
  .refine(Bounded.isMet, Bounded.message)
  .meta({ description: 'A number in a JSON answer, with its bounds.', cel: Bounded.cel })
export type WebhookCheck = z.infer<typeof WebhookCheck>

export const JobCheck = z
  .strictObject({
    spec: z.looseObject({}).meta({
      description:
        'A Job, as batch/v1 has it. $SLUICE_REVISION and the like tell what is on trial.',
    }),
  })
  .meta({ description: 'A Job in the namespace of the Rollout; it passes when it succeeds.' })
export type JobCheck = z.infer<typeof JobCheck>
