// Queries of one round in, samples or the reason why not out. It stops asking a provider that is down.
import type { Limiter } from './limiter.ts'
import { type AnswerSize, type Provider, ProviderError, type Sample } from './provider.ts'

export type Answer =
  | { readonly samples: readonly Sample[] }
  | { readonly kind: 'error'; readonly because: string }

export interface Inquiry {
  ask(query: string, size: AnswerSize): Promise<Answer>
}

/** Queries in a row without any answer after which the rest of the round is not asked. */
const maxUnanswered = 16

/** One round: a provider that hangs costs a few timeouts, not one for each of thousands of subjects. */
export function createInquiry(options: {
  provider: Provider
  limit: Limiter
  atMs: number
}): Inquiry {
  const { provider, limit, atMs } = options
  let unanswered = 0
  let last = ''
  return {
    ask: (query, size) =>
      limit(async (): Promise<Answer> => {
        if (unanswered >= maxUnanswered) return { kind: 'error', because: last }
        try {
          const samples = await provider.query(query, atMs, size)
          unanswered = 0
          return { samples }
        } catch (error) {
          last = error instanceof Error ? error.message : String(error)
          unanswered = error instanceof ProviderError && error.isAboutQuery ? 0 : unanswered + 1
          return { kind: 'error', because: last }
        }
      }),
  }
}
