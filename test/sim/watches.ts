// Changes of the API server in, watch events out: each watch at its own pace, with what goes wrong on the
// way. A watch that is dead says nothing until somebody closes it.
import { ApiError, type KubeObject, type Resource, type WatchEvent } from '../../kube/api.ts'
import type { ApiServer, Change } from './api-server.ts'
import { failure } from './api-server.ts'
import type { Choices } from './choices.ts'
import type { Kernel, Process } from './kernel.ts'

export interface WatchHub {
  /** A change was committed: tell those who watch its kind. */
  announce(change: Change): void
  watch(process: Process, request: WatchRequest): AsyncIterable<WatchEvent>
  /** All that is silently dead works again. */
  heal(): void
}

export interface WatchRequest {
  readonly resource: Resource
  readonly selects: (object: KubeObject) => boolean
  readonly from: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

interface Watch {
  readonly process: Process
  readonly request: WatchRequest
  readonly queue: (WatchEvent | Error | null)[]
  wake: (() => void) | null
  /** Place in the log of its kind. */
  cursor: number
  isDead: boolean
  isOver: boolean
  isPlanned: boolean
}

const latencyMs = 5
const bookmarkMs = 60_000

export function createWatchHub(parts: {
  readonly kernel: Kernel
  readonly server: ApiServer
  readonly choices: Choices
}): WatchHub {
  const { kernel, server, choices } = parts
  const open = new Set<Watch>()

  const say = (watch: Watch, event: WatchEvent | Error | null) => {
    if (watch.isOver) return
    if (event === null || event instanceof Error) close(watch)
    watch.queue.push(event)
    watch.wake?.()
  }

  const close = (watch: Watch) => {
    watch.isOver = true
    open.delete(watch)
  }

  const deliver = (watch: Watch) => {
    watch.isPlanned = false
    if (watch.isDead || watch.isOver) return
    const log = server.log(watch.request.resource)
    for (; watch.cursor < log.length; watch.cursor += 1) {
      const change = log[watch.cursor]
      const event = change && eventOf(change, watch.request.selects)
      if (!event) continue
      if (choices.at('K12')) return say(watch, garbled())
      say(watch, event)
      if (choices.at('K8')) say(watch, event)
    }
  }

  const plan = (watch: Watch) => {
    if (watch.isPlanned || watch.isOver) return
    watch.isPlanned = true
    const late = choices.at('K8')
    const ms = late ? late.between(0, 100, lagMs) : latencyMs
    kernel.after(ms, () => deliver(watch), watch.process)
  }

  const beat = () => {
    kernel.after(bookmarkMs, beat)
    const resourceVersion = String(server.version())
    for (const watch of open) {
      const { process, request } = watch
      const isDeaf = !process.isAlive || process.pausedUntil > kernel.now()
      if (watch.isDead || watch.isPlanned || isDeaf) continue
      const { apiVersion, kind } = request.resource
      const object = { apiVersion, kind, metadata: { name: '', resourceVersion } }
      say(watch, { type: 'BOOKMARK', object })
    }
  }
  kernel.after(bookmarkMs, beat)

  const start = (watch: Watch) => {
    const { request, process } = watch
    const gone = choices.at('K6')
    if (gone) {
      const status = { code: 410, reason: 'Expired', message: 'too old resource version' }
      const isEvent = gone.unit(0) < 0.5
      say(watch, isEvent ? { type: 'ERROR', status } : new ApiError(status))
      return
    }
    watch.isDead = choices.at('K5') !== null
    open.add(watch)
    kernel.after(request.timeoutMs, () => say(watch, null), process)
    const closes = choices.at('K5')
    if (closes) kernel.after(closes.between(0, 100, 60_000), () => say(watch, null), process)
    plan(watch)
  }

  return {
    announce(change) {
      for (const watch of open) {
        if (watch.request.resource.plural === change.resource.plural) plan(watch)
      }
    },
    heal() {
      for (const watch of open) if (watch.isDead) say(watch, null)
    },
    watch(process, request) {
      const log = server.log(request.resource)
      let cursor = log.length
      while (cursor > 0 && (log[cursor - 1]?.version ?? 0) > request.from) cursor -= 1
      const watch: Watch = {
        process,
        request,
        queue: [],
        wake: null,
        cursor,
        isDead: false,
        isOver: false,
        isPlanned: false,
      }
      return { [Symbol.asyncIterator]: () => iterate(watch, { start, close }) }
    },
  }
}

/** An event comes at most so late, ms. */
export const lagMs = 20_000

function iterate(
  watch: Watch,
  hub: { start: (watch: Watch) => void; close: (watch: Watch) => void },
): AsyncIterator<WatchEvent> {
  const { signal } = watch.request
  const end = () => {
    hub.close(watch)
    watch.queue.push(null)
    watch.wake?.()
  }
  let isStarted = false
  return {
    async next() {
      if (!isStarted) {
        isStarted = true
        if (signal.aborted) return { done: true, value: undefined }
        signal.addEventListener('abort', end, { once: true })
        hub.start(watch)
      }
      while (watch.queue.length === 0) {
        await new Promise<void>((resolve) => {
          watch.wake = resolve
        })
      }
      const event = watch.queue.shift() ?? null
      if (event instanceof Error) throw event
      return event === null ? { done: true, value: undefined } : { done: false, value: event }
    },
    async return() {
      signal.removeEventListener('abort', end)
      hub.close(watch)
      return { done: true, value: undefined }
    },
  }
}

function eventOf(change: Change, selects: WatchRequest['selects']): WatchEvent | null {
  const { type, object, previous } = change
  const isIn = selects(object)
  const wasIn = previous !== null && selects(previous)
  if (type === 'DELETED') return wasIn ? { type, object } : null
  if (isIn) return { type: wasIn ? 'MODIFIED' : 'ADDED', object }
  return wasIn ? { type: 'DELETED', object } : null
}

const garbled = () => failure(0, 'BadAnswer', 'watch: a line is not JSON')
