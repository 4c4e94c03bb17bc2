// Questions for others than Prometheus in, readings out: which source a check asks, and how many at once.
import { createLimiter } from '../ask/limiter.ts'
import type { Question, Sources } from '../ask/source.ts'
import type { Reading } from '../judge/reading.ts'
import { type SourceKind, sourceOf } from '../query/source-kind.ts'
import { askCloudWatch } from './cloud-watch.ts'
import type { SourceContext } from './context.ts'
import { askDatadog } from './datadog.ts'
import { askJob } from './job.ts'
import { askWebhook } from './webhook.ts'

const askers: Readonly<
  Record<SourceKind, (question: Question, context: SourceContext) => Promise<Reading>>
> = { datadog: askDatadog, cloudWatch: askCloudWatch, webhook: askWebhook, job: askJob }

/** Each of them asked so often at once: their quotas are small. */
const mostAtOnce = 4

export function createSources(context: SourceContext): Sources {
  const limits = new Map(Object.keys(askers).map((kind) => [kind, createLimiter(mostAtOnce)]))
  return {
    async ask(question) {
      const kind = sourceOf(question.check)
      const limit = kind === null ? undefined : limits.get(kind)
      if (kind === null || limit === undefined) {
        return { kind: 'error', because: 'nobody can answer this check' }
      }
      try {
        return await limit(() => askers[kind](question, context))
      } catch (error) {
        return { kind: 'error', because: error instanceof Error ? error.message : String(error) }
      }
    },
  }
}
