// What providers other than Prometheus need of their surroundings: Secrets, hosts that may be asked, Jobs.
import type { LookupFunction } from 'node:net'

export interface SourceContext {
  /** One value of a Secret. Rejects with a sentence for people. */
  readonly secret: (of: {
    readonly namespace: string
    readonly name: string
    readonly key: string
  }) => Promise<string>
  /** Which hosts webhooks may be sent to. */
  readonly hosts: {
    /** The sentence why this URL may not be called, or null. */
    refusal(url: URL): string | null
    lookupFor(url: URL): LookupFunction
  }
  readonly jobs: Jobs
  /** Ms since epoch: what is signed is signed for now. */
  readonly now: () => number
  /** Other addresses than those of the services themselves. */
  readonly addresses?: { readonly datadog?: string; readonly cloudWatch?: string }
}

export type JobState =
  | { readonly kind: 'absent' | 'running' | 'succeeded' }
  | { readonly kind: 'failed'; readonly because: string }

/** What is wanted of the cluster. */
export interface Jobs {
  state(namespace: string, name: string): Promise<JobState>
  /** Starts a Job that belongs to the Rollout; does nothing when there is one of this name. */
  start(job: {
    readonly namespace: string
    readonly name: string
    readonly rollout: string
    readonly spec: Readonly<Record<string, unknown>>
    readonly env: Readonly<Record<string, string>>
  }): Promise<void>
}

/** A text with its placeholders filled in, where it is a value of its own and nothing can break out of it. */
export function withValues(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? '') : whole,
  )
}
