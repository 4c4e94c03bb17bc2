// News in, whether the same wait was told a moment ago out: what comes and goes is told once in ten minutes.
import type { NewsReason } from '../../crds/news-words.ts'
import type { Clock } from '../../kube/clock.ts'
import type { News } from './news.ts'

const quietMs = 10 * 60_000
const maxKnown = 4_096

/** Reasons that come and go by themselves, without anybody having done something. */
const flapping: ReadonlySet<NewsReason> = new Set([
  'Stalled',
  'Contested',
  'NotOurs',
  'MissingKind',
  'Rejected',
  'Claimed',
  'Unsplittable',
  'ConfigMissing',
  'WorkloadMissing',
  'Inconclusive',
  'MetricsUnavailable',
  'Invalid',
])

export function createFlapGuard(clock: Pick<Clock, 'monotonic'>): (news: News) => boolean {
  const toldAt = new Map<string, number>()
  return ({ object, reason, status }) => {
    if (!flapping.has(reason)) return false
    const key = [object.metadata.uid, reason, status.attempt, status.step].join('\n')
    const last = toldAt.get(key)
    const now = clock.monotonic()
    if (last !== undefined && now - last < quietMs) return true
    toldAt.delete(key)
    toldAt.set(key, now)
    const oldest = toldAt.keys().next()
    if (toldAt.size > maxKnown && !oldest.done) toldAt.delete(oldest.value)
    return false
  }
}
