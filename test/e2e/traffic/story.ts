// A namespace in, the story of its Rollout out: each status, and a promise of the one that is waited for.
import { setTimeout as sleep } from 'node:timers/promises'
import type { RolloutStatus } from '../../../crds/rollout-status.ts'
import type { KubeApi } from '../../../kube/api.ts'
import { systemClock } from '../../../kube/clock.ts'
import { createReflector } from '../../../kube/reflector.ts'
import { rollouts } from '../../../kube/resources.ts'
import { isSettled } from '../observer.ts'

export interface Story {
  status(): RolloutStatus | null
  /** Gives its revision once a release is on trial that is none of these. */
  trial(limitMs?: number): Promise<string>
  /** Of the release on trial, as stored. */
  until<T>(
    what: string,
    test: (status: RolloutStatus) => T | null | undefined | false,
    limitMs?: number,
  ): Promise<T>
  promoted(revision: string): Promise<void>
  close(): Promise<void>
}

const pollMs = 10

export function createStory(api: KubeApi, namespace: string): Story {
  const closing = new AbortController()
  let newest: RolloutStatus | null = null
  const seen = new Set<string>()
  const following = createReflector({
    ...{ api, resource: rollouts, query: { namespace }, clock: systemClock, random: Math.random },
    onChange: (_, object) => {
      newest = object?.['status'] ?? null
    },
  }).start(closing.signal)
  const story: Story = {
    status: () => newest,
    async until(what, test, limitMs = 30_000) {
      const deadlineAtMs = Date.now() + limitMs
      for (;;) {
        const value = newest && test(newest)
        if (value) return value
        if (Date.now() > deadlineAtMs) {
          throw new Error(`waited in vain until ${what}; status: ${JSON.stringify(newest)}`)
        }
        await sleep(pollMs)
      }
    },
    async trial(limitMs) {
      const revision = await story.until(
        'a new release is on trial',
        ({ phase, canary }) =>
          phase === 'Progressing' && canary && !seen.has(canary.revision) && canary.revision,
        limitMs,
      )
      seen.add(revision)
      return revision
    },
    async promoted(revision) {
      await story.until(
        `${revision} is promoted`,
        (status) => status.stable?.revision === revision && isSettled(status),
      )
    },
    async close() {
      closing.abort()
      await following
    },
  }
  return story
}
