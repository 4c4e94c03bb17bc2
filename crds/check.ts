// A check: one question about the canary with its bound, and how often it is measured.
import { z } from 'zod'
import { Compare } from './compare.ts'
import { type CelRule, Duration, exactlyOne } from './fields.ts'
import {
  Bounded,
  boundsOf,
  CloudWatchCheck,
  DatadogCheck,
  JobCheck,
  WebhookCheck,
} from './provider-check.ts'

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

const PrometheusCheck = boundsOf({
  query: z.string().min(1).max(4096).meta({
    description:
      'PromQL that yields one number. {{revision}}, {{stable}}, {{namespace}}, {{name}}, {{host}}, {{window}} and {{args.NAME}} are filled in.',
  }),
})
  .refine(Bounded.isMet, Bounded.message)
  .meta({ description: 'Your own query with its bounds.', cel: Bounded.cel })

const Limit = z.int().min(0).max(1_000)

const measured = {
  interval: Duration.optional().meta({
    description:
      'Measure so often, and count successes and failures. Without it the whole step is judged as one.',
  }),
  window: Duration.optional().meta({
    description: 'Time that one measurement looks back. Default: the interval.',
  }),
  initialDelay: Duration.optional().meta({
    description: 'Time after the step is live before the first window begins.',
  }),
  count: z.int().min(1).max(1_000).optional().meta({
    description: 'Successful measurements that a pass needs. Default: 1.',
  }),
  consecutiveSuccessLimit: z.int().min(1).max(1_000).optional().meta({
    description: 'A pass needs so many successful measurements in a row, the last ones.',
  }),
  failureLimit: Limit.optional().meta({
    description: 'Failed measurements that are forgiven; one more fails the check. Default: 0.',
  }),
  inconclusiveLimit: Limit.optional().meta({
    description:
      'Inconclusive measurements that are forgiven; after one more the check can not pass in this step. Default: any number.',
  }),
  consecutiveErrorLimit: Limit.optional().meta({
    description:
      'Measurements in a row that the provider may not answer; after one more the check errs. Default: 4.',
  }),
}

const kindsOfCheck = [
  'successRate',
  'latency',
  'compare',
  'prometheus',
  'datadog',
  'cloudWatch',
  'webhook',
  'job',
] as const
const oneKind = exactlyOne(kindsOfCheck)
const limits = [
  'window',
  'initialDelay',
  'count',
  'consecutiveSuccessLimit',
  'failureLimit',
  'inconclusiveLimit',
  'consecutiveErrorLimit',
] as const
const needsInterval = `${limits.slice(0, -1).join(', ')} and ${limits.at(-1)} need an interval`
const notMeasured = 'a compare check judges every scrape: it takes no interval'

export const Check = z
  .strictObject({
    name: CheckName,
    successRate: SuccessRate.optional(),
    latency: Latency.optional(),
    compare: Compare.optional(),
    prometheus: PrometheusCheck.optional(),
    datadog: DatadogCheck.optional(),
    cloudWatch: CloudWatchCheck.optional(),
    webhook: WebhookCheck.optional(),
    job: JobCheck.optional(),
    ...measured,
  })
  .refine(oneKind.isMet, oneKind.message)
  .refine(
    (check) => check.interval !== undefined || limits.every((one) => check[one] === undefined),
    {
      message: needsInterval,
    },
  )
  .refine((check) => !check.compare || check.interval === undefined, { message: notMeasured })
  .meta({
    description: 'One question about the canary, with its bound.',
    ...oneKind.meta,
    cel: [
      ...oneKind.meta.cel,
      {
        rule: `has(self.interval) || !(${limits.map((one) => `has(self.${one})`).join(' || ')})`,
        message: needsInterval,
      },
      { rule: '!has(self.compare) || !has(self.interval)', message: notMeasured },
    ] satisfies CelRule[],
  })
export type Check = z.infer<typeof Check>

export const Checks = z
  .array(Check)
  .max(16)
  .refine(hasDistinctNames, 'names of checks must differ')
  .meta({
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    description: 'Checks, all of which must pass. Names must differ.',
  })

export function hasDistinctNames(items: readonly { readonly name: string }[]): boolean {
  return new Set(items.map((item) => item.name)).size === items.length
}
