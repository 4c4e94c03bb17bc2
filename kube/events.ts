// What happened to an object in, events.k8s.io/v1 Events out: repeated ones become one series.
// Events are for people; losing one never disturbs the loop.
import type { KubeApi, KubeObject } from './api.ts'
import type { Clock } from './clock.ts'
import { events } from './resources.ts'
import { rfc3339Micro } from './rfc3339.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

export interface EventRecord {
  readonly regarding: {
    readonly apiVersion: string
    readonly kind: string
    readonly namespace: string
    readonly name: string
    readonly uid: string
  }
  readonly type: 'Normal' | 'Warning'
  /** One word, such as `Aborted`. */
  readonly reason: string
  /** What was done about it, one word. */
  readonly action: string
  /** A sentence; cut at 1024 characters. */
  readonly note: string
}

export interface EventWriter {
  /** Returns at once and never throws; an event over a limit is counted and left out. */
  record(event: EventRecord): void
  /** Resolves when all that was recorded is written or given up. */
  flush(): Promise<void>
  /** Events that were never written, by refusal or by limit. */
  dropped(): number
}

interface Series {
  readonly namespace: string
  /** Set once the Event exists. */
  name: string | null
  count: number
  lastAtMs: number
  isQueued: boolean
  readonly event: EventRecord
}

const noteLimit = 1024
const wordLimit = 128
const seriesLimit = 4096
const objectLimit = 8192
const queueLimit = 2048
const writers = 4
// As long as the API server's own clients take repetitions for one series.
const seriesMs = 6 * 60_000
// Per object: 25 at once, then one in 10 s.
const burst = 25
const perSecond = 0.1

export function createEventWriter(options: {
  readonly api: KubeApi
  readonly clock: Clock
  readonly reportingController: string
  /** The process, such as the name of its pod. */
  readonly reportingInstance: string
}): EventWriter {
  const { clock } = options
  const known = new Map<string, Series>()
  const buckets = new Map<string, TokenBucket>()
  const queue: Series[] = []
  const idle: (() => void)[] = []
  let writing = 0
  let dropped = 0
  let sequence = 0

  const bucketOf = (uid: string): TokenBucket => {
    const bucket = buckets.get(uid) ?? createTokenBucket({ clock, perSecond, burst })
    return keepNewest(buckets, uid, bucket, objectLimit)
  }

  const write = async (series: Series): Promise<void> => {
    const count = series.count
    const time = rfc3339Micro(series.lastAtMs)
    if (series.name === null) {
      sequence += 1
      const name = eventName(series.event.regarding.name, clock.now(), sequence)
      await options.api.create(events, eventObject(options, { name, time, event: series.event }))
      series.name = name
      return
    }
    const key = { namespace: series.namespace, name: series.name }
    await options.api.patch(events, key, 'merge', { series: { count, lastObservedTime: time } })
  }

  const drain = async (): Promise<void> => {
    writing += 1
    for (let series = queue.shift(); series; series = queue.shift()) {
      try {
        await write(series)
      } catch {
        // The Event may have been deleted, or the namespace may be ending: the next one starts anew.
        dropped += 1
        series.lastAtMs = Number.NEGATIVE_INFINITY
      }
      // Not before the answer, or a repetition would create the Event a second time.
      series.isQueued = false
    }
    writing -= 1
    if (writing === 0) for (const resolve of idle.splice(0)) resolve()
  }

  return {
    record(event) {
      const now = clock.now()
      const { uid } = event.regarding
      const key = [uid, event.type, event.reason, event.action, event.note].join('\0')
      const last = known.get(key)
      const isRepeated = last !== undefined && now - last.lastAtMs < seriesMs
      const series: Series = isRepeated
        ? last
        : {
            namespace: event.regarding.namespace,
            name: null,
            count: 0,
            lastAtMs: now,
            isQueued: false,
            event,
          }
      series.count += 1
      series.lastAtMs = now
      keepNewest(known, key, series, seriesLimit)
      if (series.isQueued) return
      // A repetition that finds no token is not lost: the next write of its series carries the count.
      const hasRoom = queue.length < queueLimit && bucketOf(uid).tryTake()
      if (!hasRoom) {
        if (!isRepeated) {
          dropped += 1
          known.delete(key)
        }
        return
      }
      series.isQueued = true
      queue.push(series)
      if (writing < writers) void drain()
    },
    flush: () =>
      writing === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idle.push(resolve)
          }),
    dropped: () => dropped,
  }
}

function eventObject(
  reporter: { readonly reportingController: string; readonly reportingInstance: string },
  given: { readonly name: string; readonly time: string; readonly event: EventRecord },
): KubeObject {
  const { event } = given
  return {
    apiVersion: events.apiVersion,
    kind: events.kind,
    metadata: { name: given.name, namespace: event.regarding.namespace },
    eventTime: given.time,
    type: event.type,
    reason: event.reason.slice(0, wordLimit),
    action: event.action.slice(0, wordLimit),
    note: event.note.slice(0, noteLimit),
    regarding: event.regarding,
    reportingController: reporter.reportingController.slice(0, wordLimit),
    reportingInstance: reporter.reportingInstance.slice(0, wordLimit),
  }
}

/** Unique over restarts by its time, and within one process by its sequence. */
function eventName(regarding: string, nowMs: number, sequence: number): string {
  const start = regarding.slice(0, 200).replace(/[^a-z0-9]+$/, '')
  return `${start}.${Math.trunc(nowMs).toString(16)}.${sequence.toString(16)}`
}

function keepNewest<K, V>(map: Map<K, V>, key: K, value: V, limit: number): V {
  map.delete(key)
  map.set(key, value)
  const oldest = map.keys().next()
  if (map.size > limit && !oldest.done) map.delete(oldest.value)
  return value
}
