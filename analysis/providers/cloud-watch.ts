// A CloudWatch check in, the newest point of its first query out.
import { z } from 'zod'
import { durationMs } from '../../crds/duration.ts'
import type { CloudWatchCheck } from '../../crds/provider-check.ts'
import type { Question } from '../ask/source.ts'
import type { Reading } from '../judge/reading.ts'
import { ProviderError } from '../provider.ts'
import { placeholdersOf, type Target } from '../query/query.ts'
import { signed } from './aws-signature.ts'
import { type SourceContext, withValues } from './context.ts'
import { askJson, soundValue } from './json-client.ts'

const Answer = z.object({
  MetricDataResults: z.array(
    z.object({
      Id: z.string(),
      StatusCode: z.string().optional(),
      Timestamps: z.array(z.number()).default([]),
      Values: z.array(z.number()).default([]),
    }),
  ),
})
const Failure = z.object({ message: z.string().optional(), Message: z.string().optional() })

export async function askCloudWatch(
  { check, target, atMs }: Question,
  { secret, addresses, now }: SourceContext,
): Promise<Reading> {
  const asked = check.cloudWatch
  if (!asked) return { kind: 'error', because: 'this is no CloudWatch check' }
  const key = (name: string) =>
    secret({ namespace: target.namespace, name: asked.secretRef.name, key: name })
  const [accessKeyId, secretAccessKey, sessionToken] = await Promise.all([
    key('access-key-id'),
    key('secret-access-key'),
    key('session-token').catch(() => undefined),
  ])
  const { region } = asked
  const url = new URL('/', addresses?.cloudWatch ?? `https://monitoring.${region}.amazonaws.com`)
  const body = JSON.stringify(bodyOf(asked, { target, atMs }))
  const headers = signed(
    {
      ...{ method: 'POST', url, body, region, service: 'monitoring', atMs: now() },
      headers: {
        'Content-Type': 'application/json',
        'Content-Encoding': 'amz-1.0',
        'X-Amz-Target': 'GraniteServiceVersion20100801.GetMetricData',
      },
    },
    { accessKeyId, secretAccessKey, sessionToken },
  )
  const answer = await askJson({ url, method: 'POST', headers, body })
  if (answer.status === 400) {
    const said = Failure.safeParse(answer.value)
    const why = said.success ? (said.data.message ?? said.data.Message) : undefined
    return { kind: 'error', because: `CloudWatch: ${(why ?? 'refuses the query').slice(0, 300)}` }
  }
  const found = Answer.safeParse(soundValue(answer, url.host))
  if (!found.success) {
    throw new ProviderError(`${url.host} does not answer as CloudWatch does`, {
      isAboutQuery: false,
    })
  }
  return readingOf(found.data, asked.queries[0]?.id ?? '')
}

function bodyOf(
  { queries, period }: CloudWatchCheck,
  { target, atMs }: { readonly target: Target; readonly atMs: number },
) {
  const values = placeholdersOf(target)
  const seconds = Math.max(1, Math.round(durationMs(period) / 1_000))
  return {
    StartTime: Math.floor((atMs - target.windowMs) / 1_000),
    EndTime: Math.floor(atMs / 1_000),
    ScanBy: 'TimestampDescending',
    MetricDataQueries: queries.map((query, i) => ({
      Id: query.id,
      ReturnData: i === 0,
      ...(query.expression === undefined
        ? {
            MetricStat: {
              Metric: {
                Namespace: query.namespace,
                MetricName: query.metricName,
                Dimensions: (query.dimensions ?? []).map(({ name, value }) => ({
                  Name: name,
                  Value: withValues(value, values),
                })),
              },
              Period: seconds,
              Stat: query.stat,
            },
          }
        : { Expression: withValues(query.expression, values), Period: seconds }),
    })),
  }
}

function readingOf({ MetricDataResults: results }: z.infer<typeof Answer>, id: string): Reading {
  const own = results.filter((result) => result.Id === id)
  const [first, ...more] = own
  if (more.length > 0) {
    return { kind: 'error', because: `query ${id} gave ${own.length} series: aggregate them` }
  }
  if (first?.StatusCode !== undefined && !['Complete', 'PartialData'].includes(first.StatusCode)) {
    return { kind: 'error', because: `query ${id} ended with ${first.StatusCode}` }
  }
  const newest = first?.Timestamps.reduce(
    (best, time, i, all) => (time > (all[best] ?? 0) ? i : best),
    0,
  )
  const value = first?.Values[newest ?? 0]
  return value === undefined
    ? { kind: 'inconclusive', because: `query ${id} found no points` }
    : { kind: 'value', value }
}
