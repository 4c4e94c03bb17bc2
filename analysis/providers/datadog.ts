// A Datadog check in, the newest point of its one series out.
import { z } from 'zod'
import type { Question } from '../ask/source.ts'
import type { Reading } from '../judge/reading.ts'
import { fill } from '../promql-text.ts'
import { ProviderError } from '../provider.ts'
import { placeholdersOf } from '../query/query.ts'
import type { SourceContext } from './context.ts'
import { askJson, soundValue } from './json-client.ts'

const Answer = z.object({
  status: z.string().optional(),
  error: z.string().optional(),
  series: z
    .array(z.object({ pointlist: z.array(z.tuple([z.number(), z.number().nullable()])) }))
    .optional(),
})

export async function askDatadog(
  { check, target, atMs }: Question,
  { secret, addresses }: SourceContext,
): Promise<Reading> {
  const asked = check.datadog
  if (!asked) return { kind: 'error', because: 'this is no Datadog check' }
  const values = placeholdersOf(target)
  const query = fill(asked.query, (name) =>
    Object.hasOwn(values, name) ? values[name] : undefined,
  )
  if ('problem' in query) return { kind: 'error', because: `query: ${query.problem}` }
  const key = (name: string) =>
    secret({ namespace: target.namespace, name: asked.secretRef.name, key: name })
  const [apiKey, appKey] = await Promise.all([key('api-key'), key('app-key')])
  const url = new URL('/api/v1/query', addresses?.datadog ?? `https://api.${asked.site}`)
  url.searchParams.set('from', String(Math.floor((atMs - target.windowMs) / 1_000)))
  url.searchParams.set('to', String(Math.floor(atMs / 1_000)))
  url.searchParams.set('query', query.text)
  const headers = { 'DD-API-KEY': apiKey, 'DD-APPLICATION-KEY': appKey }
  const answer = Answer.safeParse(
    soundValue(await askJson({ url, method: 'GET', headers }), url.host),
  )
  if (!answer.success) {
    throw new ProviderError(`${url.host} does not answer as Datadog does`, { isAboutQuery: false })
  }
  const { status, error, series = [] } = answer.data
  if (status === 'error' || error) {
    return { kind: 'error', because: `Datadog: ${(error ?? 'error').slice(0, 300)}` }
  }
  const [first, ...more] = series
  if (more.length > 0) {
    return { kind: 'error', because: `the query gave ${series.length} series: aggregate them` }
  }
  const point = first?.pointlist.findLast(([, value]) => value !== null)?.[1] ?? null
  return point === null
    ? { kind: 'inconclusive', because: 'the query found no points' }
    : { kind: 'value', value: point }
}
