// A decision, or a stored status after a restart, in; what is worth telling people outside of the cluster out. Pure.
// The identity of news is made of what is stored, so that a restart finds the same one and nobody is told twice.
import { createHash } from 'node:crypto'
import { type NewsReason, newsReasons, type Placeholder } from '../../crds/news-words.ts'
import { type Release, RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeObject } from '../../kube/api.ts'

export interface News {
  /** The same after a restart: of whom, what and when. */
  readonly id: string
  readonly reason: NewsReason
  /** When it happened, ms since epoch. */
  readonly at: number
  readonly because: string
  readonly object: KubeObject
  /** As it was stored with the news; empty for what is no Rollout. */
  readonly status: RolloutStatus
}

interface Told {
  readonly reason: string
  readonly note: string
}

/** News of an announcement; null when its reason is of no interest outside. */
export function newsOf(
  object: KubeObject,
  { reason, note }: Told,
  after: { readonly status?: RolloutStatus | null | undefined; readonly at: number },
): News | null {
  if (!isNewsReason(reason)) return null
  const status = after.status ?? readStatus(object)
  return news(object, { reason, because: note, at: after.at, status })
}

/** What a stored status says for certain, and of which nobody knows whether it was told. */
export function newsOfStatus(object: KubeObject): News[] {
  const status = readStatus(object)
  const { blockedBy, revert } = status
  const found = [phaseNews(status)]
  if (revert && revert.state !== 'Requested' && revert.state !== 'Off') {
    found.push({ reason: `Revert${revert.state}`, because: revert.because, at: revert.at })
  }
  if (blockedBy) {
    const { reason, message, since } = blockedBy
    found.push({ reason, because: message, at: since })
  }
  return found.flatMap((one) => {
    const at = Date.parse(one?.at ?? '')
    if (!one || Number.isNaN(at) || !isNewsReason(one.reason)) return []
    return [news(object, { reason: one.reason, because: one.because, at, status })]
  })
}

interface Stored {
  readonly reason: string
  readonly because: string
  readonly at: string | undefined
}

function phaseNews({
  phase,
  reason,
  since,
  because = '',
  ...status
}: RolloutStatus): Stored | null {
  switch (phase) {
    case 'Aborted':
      return { reason: 'Aborted', because, at: since }
    case 'Paused':
      return { reason: reason === 'person' ? 'Paused' : 'Stalled', because, at: since }
    case 'Progressing':
      return since === status.startedAt ? { reason: 'Started', because, at: since } : null
    default: {
      const last = status.history?.[0]
      if (!last) return null
      return { reason: last.outcome, because: last.because, at: last.endedAt }
    }
  }
}

function news(
  object: KubeObject,
  { reason, because, at, status }: Pick<News, 'reason' | 'because' | 'at' | 'status'>,
): News {
  const text = `${object.metadata.uid ?? ''}\n${reason}\n${at}`
  const id = createHash('sha256').update(text).digest('hex').slice(0, 32)
  return { id, reason, because, at, object, status }
}

/** The release that the news are about. */
export function releaseOf({ reason, status }: News): Release | undefined {
  const { stable, canary, revert, history } = status
  if (reason === 'Promoted' || reason === 'Created' || reason === 'Restored') return stable
  if (reason === 'Superseded') return history?.[0]
  if (reason.startsWith('Revert')) return revert?.bad
  return canary ?? stable
}

/** What the placeholders of a text stand for. */
export function wordsOf(news: News): Readonly<Record<Placeholder, string>> {
  const { object, status, reason, because, at } = news
  const release = releaseOf(news)
  return {
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    reason,
    because,
    phase: status.phase ?? '',
    step: status.progress ?? '',
    weight: status.weight === undefined ? '' : `${status.weight} %`,
    revision: release?.revision ?? '',
    commit: release?.commit ?? '',
    author: release?.author ?? '',
    stable: status.stable?.revision ?? '',
    at: new Date(at).toISOString(),
  }
}

/** A text with `{{name}}` for values; each value passes `escaped` first, the text itself does not. */
export function filled(text: string, news: News, escaped: (value: string) => string): string {
  const words = wordsOf(news)
  const isWord = (name: string): name is Placeholder => Object.hasOwn(words, name)
  return text.replaceAll(/\{\{([a-z]+)\}\}/g, (whole, name: string) =>
    isWord(name) ? escaped(words[name]) : whole,
  )
}

function readStatus(object: KubeObject): RolloutStatus {
  const parsed = RolloutStatus.safeParse(object.kind === 'Rollout' ? (object['status'] ?? {}) : {})
  return parsed.success ? parsed.data : RolloutStatus.parse({})
}

function isNewsReason(reason: string): reason is NewsReason {
  return newsReasons.some((known) => known === reason)
}
