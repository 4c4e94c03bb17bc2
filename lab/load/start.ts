// A mesh and a pace in, counts by revision and pod out. Open loop: a slow answer does not slow the callers.
import { type buildConnector, Pool } from 'undici'
import type { Clock } from '../../kube/clock.ts'
import {
  type Counts,
  createSamples,
  type RevisionCounts,
  type Samples,
  type Second,
  type WindowCounts,
} from './samples.ts'

export interface LoadOptions {
  /** Of the mesh's proxy. */
  readonly url: string
  readonly hosts: readonly { readonly host: string; readonly requestsPerSecond: number }[]
  readonly clock: Clock
  /** Default `/`. */
  readonly path?: string
  /** Sent with each request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Stops by itself after this time. Default 15 minutes. */
  readonly longestMs?: number
  /** Answers remembered one by one. Default 200,000. */
  readonly sampleLimit?: number
  /** Where connections count, not requests. Default: connections are kept as long as they hold. */
  readonly connections?: {
    /** New requests take a new one after this time. */
    readonly lifetimeMs: number
    /** For `https:` URLs: options of the handshake. */
    readonly tls?: buildConnector.BuildOptions
  }
}

export interface LoadSnapshot extends WindowCounts {
  /** Requests that were due and not sent, because too many were under way or the process was late. */
  readonly missed: number
  readonly underWay: number
  readonly byHost: Readonly<Record<string, Counts>>
  /** `unknown` when no pod answered. */
  readonly byRevision: Readonly<Record<string, RevisionCounts>>
  readonly latencyMs: ReturnType<Samples['latencies']>
  readonly timeline: readonly Second[]
}

export interface Failure {
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** What the answer said: its code and the proxy's flags; or the code of the error. */
  readonly what: string
  /** `unknown` when no pod answered. */
  readonly revision: string
}

export interface Load {
  /** All since the start. Failed are answers of 400 and above, and errors. */
  snapshot(): LoadSnapshot
  /** The counts of `snapshot` alone: cheap. */
  totals(): WindowCounts
  /** Of requests that started at or after a time, ms since epoch. */
  since(timeMs: number): WindowCounts
  /** The first hundred that no pod failed by itself, to be looked at. */
  failures(): readonly Failure[]
  /** Answers of a pod to requests that started after it was removed from the API. */
  servedByRemoved(removals: ReadonlyMap<string, number>): number
  /** Sends no more, and resolves when the last request has ended. */
  stop(): Promise<void>
  /** Resolves when it has stopped, also by itself. */
  readonly stopped: Promise<void>
}

const tickMs = 5
const connectionLimit = 256
// Of each generation: a server takes so many at once without losing one.
const shortLivedLimit = 32
const underWayLimit = 1_024
const timeoutMs = 30_000
const failureLimit = 100
// What a late process may catch up on at once.
const catchUpMs = 200

export function startLoad(options: LoadOptions): Load {
  const { clock, longestMs = 15 * 60_000, sampleLimit = 200_000, connections } = options
  const samples = createSamples(sampleLimit)
  let pool = createPool(options)
  const ends: Promise<void>[] = []
  const failures: Failure[] = []
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()
  const streams = options.hosts.map((stream) => ({ ...stream, due: 0 }))
  let missed = 0

  async function run(): Promise<void> {
    const startedMs = clock.monotonic()
    let beforeMs = startedMs
    let pooledMs = startedMs
    while (!stopping.signal.aborted && clock.monotonic() - startedMs < longestMs) {
      const nowMs = clock.monotonic()
      if (connections && nowMs - pooledMs > connections.lifetimeMs) {
        ends.push(pool.close())
        pool = createPool(options)
        pooledMs = nowMs
      }
      for (const stream of streams) {
        stream.due += ((nowMs - beforeMs) * stream.requestsPerSecond) / 1000
        missed += shed(stream)
        for (; stream.due >= 1; stream.due -= 1) launch(stream.host)
      }
      beforeMs = nowMs
      await clock.sleep(tickMs, stopping.signal)
    }
    await Promise.all(underWay)
    await Promise.all([...ends, pool.close()])
  }

  function launch(host: string): void {
    if (underWay.size >= underWayLimit) {
      missed += 1
      return
    }
    const sending = send({ ...options, pool, samples, failures }, host)
    underWay.add(sending)
    void sending.then(() => underWay.delete(sending))
  }

  const stopped = run()
  return {
    stopped,
    totals: samples.totals,
    since: samples.since,
    failures: () => failures,
    servedByRemoved: samples.servedByRemoved,
    snapshot: () => ({
      ...samples.totals(),
      missed,
      underWay: underWay.size,
      byHost: samples.byHost(),
      byRevision: samples.byRevision(),
      latencyMs: samples.latencies(),
      timeline: samples.timeline(),
    }),
    stop() {
      stopping.abort()
      return stopped
    },
  }
}

function createPool({ url, connections }: LoadOptions): Pool {
  return new Pool(url, {
    connections: connections ? shortLivedLimit : connectionLimit,
    pipelining: 1,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    ...(connections?.tls && { connect: connections.tls }),
  })
}

interface Sender extends LoadOptions {
  readonly pool: Pool
  readonly samples: Samples
  readonly failures: Failure[]
}

/** Never rejects: what fails is counted. */
async function send(sender: Sender, host: string): Promise<void> {
  const { clock, pool, samples, failures, path = '/' } = sender
  const startedAtMs = clock.now()
  const startedMs = clock.monotonic()
  const add = (what: string | null, revision = 'unknown', pod = '') => {
    const isFailed = what !== null
    const durationMs = clock.monotonic() - startedMs
    samples.add({ startedAtMs, durationMs, host, revision, pod, isFailed })
    if (isFailed && pod === '' && failures.length < failureLimit) {
      failures.push({ startedAtMs, endedAtMs: clock.now(), what, revision })
    }
  }
  try {
    const { statusCode, headers, body } = await pool.request({
      path,
      method: 'GET',
      headers: { ...sender.headers, host },
    })
    await body.dump()
    const flags = textOf(headers['x-response-flags']) ?? ''
    const what = statusCode < 400 ? null : `${statusCode} ${flags}`
    add(what, textOf(headers['x-revision']), textOf(headers['x-pod']))
  } catch (error) {
    add(error instanceof Error ? `${Object(error).code ?? ''} ${error.message}` : String(error))
  }
}

/** Takes from `due` what is too late to be sent, and gives how much that was. */
function shed(stream: { due: number; readonly requestsPerSecond: number }): number {
  const most = Math.max(1, (stream.requestsPerSecond * catchUpMs) / 1000)
  const late = Math.floor(stream.due - most)
  if (late <= 0) return 0
  stream.due -= late
  return late
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && header !== '' ? header : undefined
}
