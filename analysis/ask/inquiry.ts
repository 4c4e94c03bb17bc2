// Queries of one round in, samples or the reason why not out. It stops asking a provider that is down.

import {
  type AnswerSize,
  givesRaw,
  type Provider,
  ProviderError,
  type RawSamples,
  type Sample,
} from '../provider.ts'
import type { Limiter } from './limiter.ts'

export interface Unanswered {
  readonly kind: 'error'
  readonly because: string
}

export type Answer = { readonly samples: readonly Sample[] } | Unanswered
export type RawAnswer = { readonly rows: readonly RawSamples[] } | Unanswered

export interface Inquiry {
  /** At an instant, or now. */
  ask(query: string, size: AnswerSize, atMs?: number): Promise<Answer>
  /** Samples as they were scraped, of a range that ends at `atMs`, or now. */
  askRaw(selector: string, size: AnswerSize, atMs?: number): Promise<RawAnswer>
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
  const guarded = <Found>(ask: () => Promise<Found>) =>
    limit(async (): Promise<Found | Unanswered> => {
      if (unanswered >= maxUnanswered) return { kind: 'error', because: last }
      try {
        const found = await ask()
        unanswered = 0
        return found
      } catch (error) {
        last = error instanceof Error ? error.message : String(error)
        unanswered = error instanceof ProviderError && error.isAboutQuery ? 0 : unanswered + 1
        return { kind: 'error', because: last }
      }
    })
  return {
    ask: (query, size, instantMs = atMs) =>
      guarded(async () => ({ samples: await provider.query(query, instantMs, size) })),
    async askRaw(selector, size, rangeEndMs = atMs) {
      if (!givesRaw(provider)) {
        return { kind: 'error', because: 'the metrics provider gives no samples as scraped' }
      }
      return guarded(async () => ({ rows: await provider.raw(selector, rangeEndMs, size) }))
    },
  }
}
