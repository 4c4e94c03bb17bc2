// Messages to people outside of the cluster in, what reached them out: a receiver that is slow, fails, or loses its
// own answers. It keeps all it ever got.
import type { Message } from '../../controller/notify/message.ts'
import type { Answer } from '../../controller/notify/post.ts'
import type { KubeObject } from '../../kube/api.ts'
import type { Choices } from './choices.ts'
import type { Kernel, Process } from './kernel.ts'
import { namespace } from './scenario.ts'
import type { Trace } from './trace.ts'

/** One message that the receiver got. */
export interface Told {
  readonly id: string
  readonly reason: string
  /** When that happened which it tells. */
  readonly at: number
  /** The process that sent it heard that it arrived. */
  readonly isAnswered: boolean
  readonly process: string
}

export interface Receiver {
  postOf(process: Process): (message: Message) => Promise<Answer>
  told(): readonly Told[]
}

const usualMs = 20
const longestMs = 10_000

export function createReceiver(parts: {
  readonly kernel: Kernel
  readonly choices: Choices
  readonly trace: Trace
}): Receiver {
  const { kernel, choices, trace } = parts
  const told: Told[] = []
  return {
    told: () => told,
    postOf: (process) => (message) =>
      new Promise((resolve) => {
        const strike = choices.at('N1')
        const kind = strike?.unit(0) ?? 1
        const ms = kind < 0.5 ? longestMs : usualMs
        kernel.after(
          ms,
          () => {
            // Half of those who are too slow have read it all the same.
            if (kind >= 0.25) {
              const one = { ...readTold(message), isAnswered: !strike, process: process.name }
              if (!strike || kind < 0.5) told.push(one)
              trace.note(() => `the receiver ${strike ? 'fails at' : 'is told'} ${one.reason}`)
            }
            const because = 'the receiver failed'
            resolve(strike ? { kind: 'later', because, retryAfterMs: 0 } : { kind: 'delivered' })
          },
          process,
        )
      }),
  }
}

function readTold({ body }: Message): Pick<Told, 'id' | 'reason' | 'at'> {
  const { id, data } = body as { id: string; data: { reason: string; at: string } }
  return { id, reason: data.reason, at: Date.parse(data.at) }
}

/** Somebody wants to be told of the Rollouts of this world. */
export const notification: KubeObject = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Notification',
  metadata: { name: 'people', namespace },
  spec: {
    webhook: { url: 'https://people.example/sluice' },
    reasons: ['Started', 'Promoted', 'Aborted', 'Restored', 'Superseded', 'RevertCommitted'],
  },
}
