// Messages of a host in; an answer for each, and at most one hint for each delivery, out. The listener is the
// controller's: it reads at most `maxWebhookBytes` and answers before anything is done.
import { type Headers, type Hint, verifyWebhook, type WebhookKind } from './webhook.ts'

export interface WebhookOptions {
  readonly kind: WebhookKind
  /** Read for each message, because secrets rotate; empty switches the endpoint off. */
  readonly secret: () => string | Promise<string>
  /** Milliseconds since epoch. */
  readonly now: () => number
}

export interface WebhookAnswer {
  /** 202: look now. 200: fine, but nothing to do. The others say what is wrong with the message. */
  readonly status: 200 | 202 | 400 | 401 | 404 | 413 | 429
  /** For logs; never sent back. */
  readonly because: string
  readonly hint?: Hint
}

export type WebhookHandler = (headers: Headers, body: Buffer) => Promise<WebhookAnswer>

const replayWindowMs = 60 * 60_000
const maxDeliveries = 10_000
const maxPerMinute = 600

export function createWebhookHandler({ kind, secret, now }: WebhookOptions): WebhookHandler {
  /** When each delivery came, oldest first. */
  const deliveries = new Map<string, number>()
  let minute = 0
  let count = 0

  function isTooMany(nowMs: number): boolean {
    const current = Math.floor(nowMs / 60_000)
    count = current === minute ? count + 1 : 1
    minute = current
    return count > maxPerMinute
  }

  function isReplay(delivery: string, nowMs: number): boolean {
    for (const [id, atMs] of deliveries) {
      if (nowMs - atMs < replayWindowMs && deliveries.size <= maxDeliveries) break
      deliveries.delete(id)
    }
    if (deliveries.has(delivery)) return true
    deliveries.set(delivery, nowMs)
    return false
  }

  return async (headers, body) => {
    const nowMs = now()
    const verified = verifyWebhook({ kind, secret: await secret(), headers, body, nowMs })
    if (!verified.ok) return { status: verified.status, because: verified.because }
    // Only what is signed counts: nobody else can use up the allowance.
    if (isTooMany(nowMs)) return { status: 429, because: `more than ${maxPerMinute} a minute` }
    if (isReplay(verified.delivery, nowMs)) return { status: 200, because: 'it came before' }
    const { hint } = verified
    if (hint === null) return { status: 200, because: 'it names no repository' }
    return { status: 202, because: `look at ${hint.repositories[0]}`, hint }
  }
}
