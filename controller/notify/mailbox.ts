// One Notification as it is worked on: its news that wait, in their order, and what its status says of those before.
// Pure but for its own fields; times come from outside.
import type { Condition } from '../../crds/fields.ts'
import {
  type Delivery,
  type NotificationSpec,
  NotificationStatus,
} from '../../crds/notification.ts'
import type { KubeObject } from '../../kube/api.ts'
import { keyOf } from '../../kube/store.ts'
import type { News } from './news.ts'
import type { Answer } from './post.ts'

export interface Mailbox {
  readonly key: string
  object: KubeObject
  /** Null while the spec can not be read. */
  spec: NotificationSpec | null
  readonly letters: Letter[]
  recent: readonly Delivery[]
  /** Everything until then was told or given up, ms since epoch. */
  toldUntilMs: number
  standing: Standing
  /** The stored status says something else. */
  isStale: boolean
}

export interface Letter {
  readonly news: News
  attempts: number
  /** Monotonic ms. */
  readonly arrivedAtMs: number
  /** Monotonic ms. */
  notBeforeMs: number
}

export interface Standing {
  readonly reason: 'Waiting' | 'Delivered' | 'Failing' | 'Dropped' | 'Invalid'
  readonly message: string
}

const maxLetters = 100
const maxRecent = 20
const firstRetryMs = 2_000
const slowRetryMs = 60_000
const longestRetryMs = 5 * 60_000
const giveUpMs = 60 * 60_000

export const waiting: Standing = { reason: 'Waiting', message: 'there was nothing to tell yet' }

/** A mailbox that goes on where the stored status ends. */
export function openMailbox(key: string, object: KubeObject, nowMs: number): Mailbox {
  const { recent = [], toldUntil, conditions } = statusBefore(object)
  const ready = conditions?.find(({ type }) => type === 'Ready')
  const isQuiet = ready === undefined || ready.reason === 'Failing' || ready.reason === 'Invalid'
  const [last] = recent
  return {
    key,
    object,
    spec: null,
    letters: [],
    recent,
    toldUntilMs: toldUntil ? Date.parse(toldUntil) : nowMs,
    standing: isQuiet || !last ? waiting : { reason: last.outcome, message: ready.message },
    isStale: conditions === undefined,
  }
}

export function statusBefore(object: KubeObject): NotificationStatus {
  const parsed = NotificationStatus.safeParse(object['status'] ?? {})
  return parsed.success ? parsed.data : {}
}

/** Puts news last; gives the news that had to go, because newer ones matter more. */
export function put(box: Mailbox, news: News, nowMs: number): News | null {
  const isKnown =
    box.letters.some((letter) => letter.news.id === news.id) ||
    box.recent.some(({ id }) => id === news.id)
  if (isKnown) return null
  box.letters.push({ news, attempts: 0, arrivedAtMs: nowMs, notBeforeMs: nowMs })
  if (box.letters.length <= maxLetters) return null
  // The first one may be on its way.
  const [late] = box.letters.splice(1, 1)
  if (!late) return null
  close(box, late, { outcome: 'Dropped', because: `more than ${maxLetters} messages waited` })
  return late.news
}

/** What somebody else told meanwhile, while this process did not lead. */
export function heed(box: Mailbox, { recent = [], toldUntil }: NotificationStatus): void {
  const own = box.recent.filter(({ id }) => !recent.some((other) => other.id === id))
  box.recent = [...own, ...recent].toSorted((a, b) => (a.at < b.at ? 1 : -1)).slice(0, maxRecent)
  box.toldUntilMs = Math.max(box.toldUntilMs, toldUntil ? Date.parse(toldUntil) : 0)
}

/** What an answer means for the first letter. */
export function settle(
  box: Mailbox,
  letter: Letter,
  told: { readonly answer: Answer; readonly nowMs: number; readonly random: number },
): 'delivered' | 'failed' | 'dropped' {
  const { answer, nowMs, random } = told
  letter.attempts += 1
  if (answer.kind === 'delivered') {
    close(box, letter, { outcome: 'Delivered' })
    return 'delivered'
  }
  const waitedMs = nowMs - letter.arrivedAtMs
  if (answer.kind === 'never' || waitedMs >= giveUpMs) {
    const tries = letter.attempts === 1 ? '' : `; given up after ${letter.attempts} attempts`
    close(box, letter, { outcome: 'Dropped', because: `${answer.because}${tries}` })
    return 'dropped'
  }
  const baseMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(letter.attempts - 1, 10))
  const leastMs = answer.kind === 'later' ? answer.retryAfterMs : slowRetryMs
  letter.notBeforeMs = nowMs + Math.max(leastMs, baseMs * (0.5 + random / 2))
  stand(box, { reason: 'Failing', message: `${answer.because}; it is tried again` })
  return 'failed'
}

/** News that this receiver has no use for, such as a release without a commit. */
export function pass(box: Mailbox, letter: Letter): void {
  remove(box, letter)
}

function close(
  box: Mailbox,
  letter: Letter,
  end: Pick<Delivery, 'outcome'> & { readonly because?: string },
): void {
  remove(box, letter)
  const { id, reason, at, object } = letter.news
  const about = `${object.kind} ${keyOf(object.metadata)}`
  const because = end.because?.slice(0, 1_024)
  const delivery: Delivery = {
    id,
    about,
    reason,
    at: new Date(at).toISOString(),
    outcome: end.outcome,
    ...(because !== undefined && { because }),
  }
  box.recent = [delivery, ...box.recent].slice(0, maxRecent)
  const message = because ?? `the last message: ${reason} of ${about}`
  stand(box, { reason: end.outcome, message })
  box.isStale = true
}

function remove(box: Mailbox, letter: Letter): void {
  const index = box.letters.indexOf(letter)
  if (index >= 0) box.letters.splice(index, 1)
  const waiting = box.letters.map(({ news }) => news.at - 1)
  box.toldUntilMs = Math.max(box.toldUntilMs, Math.min(letter.news.at, ...waiting))
}

export function stand(box: Mailbox, standing: Standing): void {
  if (standing.reason === box.standing.reason && standing.message === box.standing.message) return
  box.standing = standing
  box.isStale = true
}

/** What the status should say; `at` is now. */
export function statusOf(box: Mailbox, before: NotificationStatus, at: string): NotificationStatus {
  const { reason, message } = box.standing
  const generation = box.object.metadata.generation ?? 0
  const isReady = reason === 'Waiting' || reason === 'Delivered'
  const condition = (type: string, isTrue: boolean): Condition => {
    const status = isTrue ? 'True' : 'False'
    const old = before.conditions?.find((one) => one.type === type)
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : at
    const about = { reason, message: message.slice(0, 4_096), observedGeneration: generation }
    return { type, status, ...about, lastTransitionTime }
  }
  return {
    observedGeneration: generation,
    toldUntil: new Date(box.toldUntilMs).toISOString(),
    recent: [...box.recent],
    conditions: [condition('Ready', isReady), condition('Stalled', reason === 'Invalid')],
  }
}
