// A Lease of the cluster in, one leader at a time out. No clock of another machine is ever trusted:
// a lease has expired when this process has watched it stand still for its whole duration.
import { z } from 'zod'
import { isNotFound, type KubeApi, type KubeObject } from './api.ts'
import { type Clock, over } from './clock.ts'
import { leases } from './resources.ts'
import { rfc3339Micro } from './rfc3339.ts'

export interface LeaseOptions {
  /** Its deadline must be `requestDeadlineMs` or less. */
  readonly api: KubeApi
  readonly clock: Clock
  /** In [0, 1), so that candidates do not ask in step. */
  readonly random: () => number
  readonly namespace: string
  readonly name: string
  /** Unique for each start of each process: a restarted pod is another candidate. */
  readonly identity: string
  /** Default 15 s. */
  readonly durationMs?: number
  /** A leader that could not renew for so long steps down. Default 10 s. */
  readonly renewDeadlineMs?: number
  /** Pause between tries. Default 2 s. */
  readonly retryMs?: number
  /** Longest time a write may be under way, retries included. Default 5 s. */
  readonly requestDeadlineMs?: number
  /** The fence grows with each change of leader. */
  readonly onStarted: (fence: number) => void
  /** Called once per term, when leading has ended; awaited before the lease is given away. */
  readonly onStopped: (because: string) => void | Promise<void>
  readonly onError?: (error: unknown) => void
}

export interface Lease {
  /** Campaigns, leads, and campaigns again until `signal` fires; then gives the lease away. */
  run(signal: AbortSignal): Promise<void>
  /** False as soon as a write begun now might still be under way when the lease has expired. */
  mayWrite(): boolean
  /** The term this process leads; null when it does not. */
  fence(): number | null
  /** Who leads, as last seen. */
  holder(): string | null
}

const LeaseSpec = z.looseObject({
  holderIdentity: z.string().nullish(),
  leaseDurationSeconds: z.number().nullish(),
  leaseTransitions: z.number().nullish(),
})

interface Observed {
  readonly object: KubeObject
  readonly holder: string
  readonly transitions: number
  readonly durationMs: number
  /** Monotonic time at which this version was first seen. */
  readonly sinceMs: number
}

interface Term {
  readonly fence: number
  /** Monotonic time just before the last renewal that succeeded was sent. */
  readonly renewedAtMs: number
}

type Settings = LeaseOptions &
  Required<Pick<LeaseOptions, 'durationMs' | 'renewDeadlineMs' | 'retryMs' | 'requestDeadlineMs'>>

interface Candidate {
  readonly settings: Settings
  observed: Observed | null
  term: Term | null
  /** A try failed, so the version there may be another than the one observed. */
  isDoubtful: boolean
}

export function createLease(options: LeaseOptions): Lease {
  const { durationMs = 15_000, renewDeadlineMs = 10_000 } = options
  const { retryMs = 2_000, requestDeadlineMs = 5_000 } = options
  if (retryMs >= renewDeadlineMs || renewDeadlineMs >= durationMs) {
    throw new Error('a lease needs retry < renew deadline < duration')
  }
  const settings = { ...options, durationMs, renewDeadlineMs, retryMs, requestDeadlineMs }
  const candidate: Candidate = { settings, observed: null, term: null, isDoubtful: true }
  return {
    run: (signal) => campaign(candidate, signal),
    mayWrite: () => {
      const { term } = candidate
      const now = options.clock.monotonic()
      return term !== null && now + requestDeadlineMs < term.renewedAtMs + durationMs
    },
    fence: () => candidate.term?.fence ?? null,
    holder: () => candidate.observed?.holder || null,
  }
}

async function campaign(candidate: Candidate, signal: AbortSignal): Promise<void> {
  const { clock, retryMs, random, onStarted } = candidate.settings
  while (!signal.aborted) {
    const term = await attempt(candidate, acquire)
    if (term && !signal.aborted) {
      candidate.term = term
      onStarted(term.fence)
      const because = await lead(candidate, term, signal)
      candidate.term = null
      await candidate.settings.onStopped(because)
    }
    const nextMs = retryMs * (0.5 + random() / 2)
    await clock.sleep(Math.min(nextMs, untilFreeMs(candidate)), signal)
  }
  await attempt(candidate, release)
}

/** Time until a lease that is not renewed is free, ms: a dead leader is followed without a poll's delay. */
function untilFreeMs({ observed, settings }: Candidate): number {
  if (!observed || observed.holder === '') return Number.POSITIVE_INFINITY
  const waitMs = Math.max(observed.durationMs, settings.durationMs)
  const leftMs = observed.sinceMs + waitMs - settings.clock.monotonic()
  return leftMs > 0 ? leftMs + 1 : Number.POSITIVE_INFINITY
}

/** Renews until that fails for too long; says why it ended. */
async function lead(candidate: Candidate, first: Term, signal: AbortSignal): Promise<string> {
  let term = first
  const { clock, retryMs, renewDeadlineMs } = candidate.settings
  for (;;) {
    const leftMs = () => term.renewedAtMs + renewDeadlineMs - clock.monotonic()
    await clock.sleep(Math.min(retryMs, leftMs()), signal)
    if (signal.aborted) return 'this process is stopping'
    if (leftMs() <= 0) return `the lease could not be renewed for ${renewDeadlineMs} ms`
    const renewed = await attempt(candidate, (trial) => renew(trial, term), leftMs())
    if (renewed === 'lost') return 'another process holds the lease'
    if (renewed) term = renewed
    candidate.term = term
  }
}

/** The lease, if it is free, ours by name, or has stood still for its whole duration. */
async function acquire(candidate: Candidate): Promise<Term | null> {
  const { settings } = candidate
  const startedAtMs = settings.clock.monotonic()
  const observed = await observe(candidate)
  if (observed === null) {
    const created = await settings.api.create(leases, leaseObject(settings, 1))
    remember(candidate, created)
    return { fence: 1, renewedAtMs: startedAtMs }
  }
  const isFree = observed.holder === '' || observed.holder === settings.identity
  const waitMs = Math.max(observed.durationMs, settings.durationMs)
  if (!isFree && settings.clock.monotonic() - observed.sinceMs <= waitMs) return null
  const fence = observed.transitions + 1
  return write(candidate, observed.object, { fence, acquire: true })
}

async function renew(candidate: Candidate, term: Term): Promise<Term | 'lost'> {
  const observed = candidate.isDoubtful ? await observe(candidate) : candidate.observed
  const isOurs =
    observed?.holder === candidate.settings.identity && observed.transitions === term.fence
  if (!observed || !isOurs) return 'lost'
  return write(candidate, observed.object, { fence: term.fence, acquire: false })
}

async function release(candidate: Candidate): Promise<void> {
  const { settings } = candidate
  const observed = await observe(candidate)
  if (observed?.holder !== settings.identity) return
  const spec = { ...observed.object['spec'], holderIdentity: '', leaseDurationSeconds: 1 }
  remember(candidate, await settings.api.replace(leases, { ...observed.object, spec }))
}

/**
 * One try in bounded time; null when it failed. What a late answer says is not heard: the try works on
 * a copy of the candidate, which is taken over only in time.
 */
async function attempt<T>(
  candidate: Candidate,
  work: (trial: Candidate) => Promise<T>,
  limitMs = Number.POSITIVE_INFINITY,
): Promise<T | null> {
  const { clock, requestDeadlineMs, onError } = candidate.settings
  const finished = new AbortController()
  const trial = { ...candidate }
  const late = clock.sleep(Math.min(limitMs, requestDeadlineMs), finished.signal).then(() => {
    throw new Error('the lease was not answered in time')
  })
  try {
    const result = await Promise.race([work(trial), late])
    candidate.observed = trial.observed
    candidate.isDoubtful = false
    return result
  } catch (error) {
    candidate.isDoubtful = true
    onError?.(error)
    return null
  } finally {
    finished.abort(over)
  }
}

async function observe(candidate: Candidate): Promise<Observed | null> {
  const { api, namespace, name } = candidate.settings
  try {
    return remember(candidate, await api.get(leases, { namespace, name }))
  } catch (error) {
    if (!isNotFound(error)) throw error
    candidate.observed = null
    return null
  }
}

async function write(
  candidate: Candidate,
  object: KubeObject,
  given: { readonly fence: number; readonly acquire: boolean },
): Promise<Term> {
  const { settings } = candidate
  const startedAtMs = settings.clock.monotonic()
  const { spec } = leaseObject(settings, given.fence)
  const { acquireTime, ...renewal } = spec
  const merged = { ...object['spec'], ...renewal, ...(given.acquire && { acquireTime }) }
  remember(candidate, await settings.api.replace(leases, { ...object, spec: merged }))
  return { fence: given.fence, renewedAtMs: startedAtMs }
}

function remember(candidate: Candidate, object: KubeObject): Observed {
  const { settings, observed } = candidate
  const spec = LeaseSpec.parse(object['spec'] ?? {})
  const isSame = observed?.object.metadata.resourceVersion === object.metadata.resourceVersion
  const isSameUid = observed?.object.metadata.uid === object.metadata.uid
  candidate.observed = {
    object,
    holder: spec.holderIdentity ?? '',
    transitions: spec.leaseTransitions ?? 0,
    durationMs: (spec.leaseDurationSeconds ?? 0) * 1000,
    sinceMs: observed && isSame && isSameUid ? observed.sinceMs : settings.clock.monotonic(),
  }
  return candidate.observed
}

function leaseObject(settings: Settings, fence: number) {
  const time = rfc3339Micro(settings.clock.now())
  return {
    apiVersion: leases.apiVersion,
    kind: leases.kind,
    metadata: { namespace: settings.namespace, name: settings.name },
    spec: {
      holderIdentity: settings.identity,
      leaseDurationSeconds: Math.ceil(settings.durationMs / 1000),
      leaseTransitions: fence,
      acquireTime: time,
      renewTime: time,
    },
  }
}
