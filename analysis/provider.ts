// What analysis wants of a metrics provider: a query at a time in, samples out.

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Time of the evaluation, ms since epoch. */
  readonly atMs: number
}

/** One series over a range, as it was scraped. */
export interface RawSamples {
  readonly labels: Readonly<Record<string, string>>
  /** Ascending in time. */
  readonly samples: readonly { readonly atMs: number; readonly value: number }[]
}

/** `grouped`: the answer speaks for many rollouts and is worth compressing. */
export type AnswerSize = 'single' | 'grouped'

export interface Provider {
  /**
   * Evaluates a query at one instant. A scalar is one sample without labels.
   * Rejects with a `ProviderError` when there is no answer, or one that is not a vector or a scalar.
   */
  query(promql: string, atMs: number, size?: AnswerSize): Promise<readonly Sample[]>
}

/** A provider that also gives samples as they were scraped: what a comparison needs. */
export interface RawProvider {
  /** Evaluates a range selector, such as `metric[2m]`. Rejects as `query` does. */
  raw(selector: string, atMs: number, size?: AnswerSize): Promise<readonly RawSamples[]>
}

export function givesRaw(provider: Provider): provider is Provider & RawProvider {
  return 'raw' in provider && typeof provider.raw === 'function'
}

/**
 * The provider gave no usable answer. `isAboutQuery`: it answered, and refused or could not hold this
 * query, so that another query may well succeed.
 */
export class ProviderError extends Error {
  readonly isAboutQuery: boolean

  constructor(message: string, options: { isAboutQuery: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.name = 'ProviderError'
    this.isAboutQuery = options.isAboutQuery
  }
}
