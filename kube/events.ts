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

export interface EventWriterOptions {
  readonly api: KubeApi
  readonly clock: Clock
  readonly reportingController: string
  /** The process, such as the name of its pod. */
  readonly reportingInstance: string
}

interface Writer {
  readonly options: EventWriterOptions
  readonly known: Map<string, Series>
  readonly buckets: Map<string, TokenBucket>
  readonly queue: Series[]
  readonly idle: (() => void)[]
  writing: number
  dropped: number
  sequence: number
}

export function createEventWriter(options: EventWriterOptions): EventWriter {
  const writer: Writer = {
    options,
    known: new Map(),
    buckets: new Map(),
    queue: [],
    idle: [],
    writing: 0,
    dropped: 0,
    sequence: 0,
  }
  return {
    record: (event) => record(writer, event),
    flush: () =>
      writer.writing === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            writer.idle.push(resolve)
          }),
    dropped: () => writer.dropped,
  }
}

function record(writer: Writer, event: EventRecord): void {
  const now = writer.options.clock.now()
  const { uid, namespace } = event.regarding
  const key = [uid, event.type, event.reason, event.action, event.note].join('\0')
  const last = writer.known.get(key)
  const isRepeated = last !== undefined && now - last.lastAtMs < seriesMs
  const fresh = { namespace, name: null, count: 0, lastAtMs: now, isQueued: false, event }
  const series = keepNewest(writer.known, [key, isRepeated ? last : fresh], seriesLimit)
  series.count += 1
  series.lastAtMs = now
  if (series.isQueued) return
  if (writer.queue.length < queueLimit && bucketOf(writer, uid).tryTake()) {
    series.isQueued = true
    writer.queue.push(series)
    if (writer.writing < writers) void drain(writer)
  } else if (!isRepeated) {
    // A repetition is not lost: the next write of its series carries the count.
    writer.dropped += 1
    writer.known.delete(key)
  }
}

async function drain(writer: Writer): Promise<void> {
  writer.writing += 1
  for (let series = writer.queue.shift(); series; series = writer.queue.shift()) {
    try {
      await write(writer, series)
    } catch {
      // The Event may have been deleted, or the namespace may be ending: the next one starts anew.
      writer.dropped += 1
      series.lastAtMs = Number.NEGATIVE_INFINITY
    }
    // Not before the answer, or a repetition would create the Event a second time.
    series.isQueued = false
  }
  writer.writing -= 1
  if (writer.writing === 0) for (const resolve of writer.idle.splice(0)) resolve()
}

async function write(writer: Writer, series: Series): Promise<void> {
  const { api, clock } = writer.options
  const { count, event, namespace, name } = series
  const time = rfc3339Micro(series.lastAtMs)
  if (name !== null) {
    const body = { series: { count, lastObservedTime: time } }
    await api.patch(events, { namespace, name }, 'merge', body)
    return
  }
  writer.sequence += 1
  const fresh = eventName(event.regarding.name, clock.now(), writer.sequence)
  await api.create(events, eventObject(writer.options, { name: fresh, time, event }))
  series.name = fresh
}

function bucketOf({ buckets, options }: Writer, uid: string): TokenBucket {
  const { clock } = options
  const bucket = buckets.get(uid) ?? createTokenBucket({ clock, perSecond, burst })
  return keepNewest(buckets, [uid, bucket], objectLimit)
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

/** Puts an entry last and drops the one that was used least recently. */
function keepNewest<K, V>(map: Map<K, V>, [key, value]: [K, V], limit: number): V {
  map.delete(key)
  map.set(key, value)
  const oldest = map.keys().next()
  if (map.size > limit && !oldest.done) map.delete(oldest.value)
  return value
}
