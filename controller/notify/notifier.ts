// Decisions and announcements in, messages to people outside of the cluster out; off the way of every reconcile.
//
//   decided, announced ─▶ news ─▶ mailbox of each Notification that wants them ─▶ post, one after the other
//   a new leader ───────▶ what statuses say, and nobody told ─▲       └─▶ its status: what came of it
import { parseNotification } from '../../crds/parse.ts'
import { describeProblem, pathText } from '../../crds/problem.ts'
import { isNotFound, type KubeApi, type KubeObject } from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import { createReflector, type Reflector } from '../../kube/reflector.ts'
import { notifications } from '../../kube/resources.ts'
import type { Store } from '../../kube/store.ts'
import { createWorkQueue, type WorkQueue } from '../../kube/work-queue.ts'
import type { Journal } from '../reconcile.ts'
import type { AllowedHosts } from './allowed-hosts.ts'
import { type DeliveryOptions, deliver } from './delivery.ts'
import { createFlapGuard } from './flap-guard.ts'
import {
  heed,
  type Letter,
  type Mailbox,
  openMailbox,
  pass,
  put,
  settle,
  stand,
  statusBefore,
  statusOf,
  waiting,
} from './mailbox.ts'
import { type News, newsOf, newsOfStatus } from './news.ts'
import { providerOf } from './provider.ts'

export interface Notifier {
  /** A journal that passes everything on to `first`, and takes news from what it sees. */
  journalAfter(first: Journal): Journal
  /** This process leads now: what happened while nobody did is told. */
  lead(): void
  /** Messages that wait. */
  waiting(): number
  /** Follows Notifications until `signal` fires; resolves when the last message and status are written. */
  run(signal: AbortSignal): Promise<void>
}

export interface NotifierOptions {
  readonly api: KubeApi
  readonly clock: Clock
  /** In [0, 1), for jitter. */
  readonly random: () => number
  readonly namespace: string | undefined
  readonly hosts: AllowedHosts
  /** Where Rollouts are known, and when. */
  readonly world: () => { readonly rollouts: Store; readonly synced: Promise<void> }
  readonly mayWrite: () => boolean
  readonly isLeading: () => boolean
  readonly listeners: {
    /** Also when nothing happened yet, with 0: a metric that is not there can not rise. */
    notified(provider: string, outcome: 'delivered' | 'failed' | 'dropped', count?: number): void
    failed(part: string, error: unknown, about?: string): void
  }
  /** Whole time of one message. Default 10 s. */
  readonly timeoutMs?: number
  /** How a message travels; over HTTP unless told. */
  readonly send?: DeliveryOptions['send']
}

type Key = `${'send' | 'tell'}/${string}`

interface Office {
  readonly options: NotifierOptions
  readonly boxes: Map<string, Mailbox>
  readonly reflector: Reflector
  readonly queue: WorkQueue<Key>
  readonly stop: AbortController
}

const concurrency = 8
const doubtMs = 1_000
/** Statuses wait a little, so that a burst of messages is one write. */
const tellAfterMs = 2_000
/** What is older is no news for a new leader. */
const oldNewsMs = 60 * 60_000
/** Ticks of different Rollouts end in another order than they began. */
const disorderMs = 2_000

export function createNotifier(options: NotifierOptions): Notifier {
  const { api, clock, random, namespace } = options
  const boxes = new Map<string, Mailbox>()
  const reflector = createReflector({
    api,
    clock,
    random,
    resource: notifications,
    query: { namespace },
    onChange: (key, object) => follow(office, key, object),
    observer: (event) => {
      // A cluster with the CRDs of an older Sluice has none, and nobody to be told.
      if (event.kind === 'failed' && !isNotFound(event.error)) {
        options.listeners.failed('watch Notification', event.error)
      }
    },
  })
  const queue = createWorkQueue<Key>({
    clock,
    random,
    concurrency,
    handle: (key) => work(office, key),
    onError: (key, error) =>
      options.listeners.failed('notification', error, key.replace(/^\w+\//, '')),
  })
  const office: Office = { options, boxes, reflector, queue, stop: new AbortController() }
  return {
    journalAfter: (first) => journalOf(office, first),
    lead: () =>
      void Promise.all([options.world().synced, reflector.synced]).then(() => catchUp(office)),
    waiting: () => [...boxes.values()].reduce((sum, { letters }) => sum + letters.length, 0),
    async run(signal) {
      await reflector.start(signal)
      office.stop.abort()
      await queue.shutdown()
      const stale = [...boxes.values()].filter(({ isStale }) => isStale)
      await Promise.allSettled(stale.map((box) => tell(office, box)))
    },
  }
}

function journalOf(office: Office, first: Journal): Journal {
  const decisions = new WeakMap<object, Parameters<Journal['decided']>>()
  const isRepeated = createFlapGuard(office.options.clock)
  const looked = new WeakSet<object>()
  return {
    decided(observed, decision) {
      first.decided(observed, decision)
      decisions.set(observed.object, [observed, decision])
      const { object } = observed
      const { status } = object
      if (office.boxes.size === 0 || typeof status !== 'object' || looked.has(status)) return
      looked.add(status)
      recall(office, object, (news) => !isRepeated(news))
    },
    announced(about, announcement) {
      first.announced(about, announcement)
      if (office.boxes.size === 0) return
      const { object } = about
      const [observed, decision] = decisions.get(object) ?? []
      const isDecided = decision?.announcements.includes(announcement) ?? false
      const status = isDecided ? decision?.status : undefined
      const at = (isDecided ? observed?.snapshot.now : undefined) ?? office.options.clock.now()
      try {
        const news = newsOf(object, announcement, { status, at })
        // A trial that stalls again after a person let it go on is news each time.
        const isOnce = isDecided && news?.reason === 'Stalled'
        if (news && (isOnce || !isRepeated(news))) spread(office, news)
      } catch (error) {
        // Traffic never waits for people to be told.
        office.options.listeners.failed('notification', error, object.metadata.name)
      }
    },
  }
}

/** To every Notification of the namespace that wants these news. */
function spread(office: Office, news: News): void {
  for (const box of office.boxes.values()) if (wants(box, news)) deposit(office, box, news)
}

function deposit(office: Office, box: Mailbox, news: News): void {
  const { options, queue } = office
  const dropped = put(box, news, options.clock.monotonic())
  if (dropped && box.spec) options.listeners.notified(providerOf(box.spec).name, 'dropped')
  queue.add(`send/${box.key}`)
}

function wants({ spec, object }: Mailbox, { reason, object: about }: News): boolean {
  if (!spec || spec.suspend || object.metadata.namespace !== about.metadata.namespace) return false
  const labels = about.metadata.labels ?? {}
  const wanted = Object.entries(spec.selector?.matchLabels ?? {})
  return spec.reasons.includes(reason) && wanted.every(([name, value]) => labels[name] === value)
}

function follow(office: Office, key: string, object: KubeObject | null): void {
  const { boxes, queue } = office
  if (!object || object.metadata.deletionTimestamp) {
    boxes.delete(key)
    return
  }
  const known = boxes.get(key)
  const isSame =
    known?.object.metadata.uid === object.metadata.uid &&
    known?.object.metadata.generation === object.metadata.generation
  if (known && isSame) {
    known.object = object
    return
  }
  const box =
    known && known.object.metadata.uid === object.metadata.uid
      ? known
      : openMailbox(key, object, office.options.clock.now())
  box.object = object
  boxes.set(key, box)
  const { status: _, ...rest } = object
  const parsed = parseNotification(rest)
  box.spec = parsed.ok ? parsed.value.spec : null
  if (box.spec) office.options.listeners.notified(providerOf(box.spec).name, 'dropped', 0)
  const [first] = parsed.ok ? [] : parsed.problems
  if (first) {
    const message = `${pathText(first.path)}: ${describeProblem(first)}`
    stand(box, { reason: 'Invalid', message })
  } else if (box.standing.reason === 'Invalid') stand(box, waiting)
  queue.add(`tell/${key}`)
}

/**
 * News of a stored status that nobody told: the answer of its write was lost, or the status of now was not yet
 * known when this process began to lead.
 */
function recall(office: Office, object: KubeObject, isNew: (news: News) => boolean): void {
  const oldest = office.options.clock.now() - oldNewsMs
  const isUntold = (box: Mailbox, { at }: News) =>
    at > Math.max(oldest, box.toldUntilMs - disorderMs)
  for (const news of newsOfStatus(object)) {
    const open = [...office.boxes.values()].filter((box) => isUntold(box, news) && wants(box, news))
    if (open.length === 0 || !isNew(news)) continue
    for (const box of open) deposit(office, box, news)
  }
}

/** What the stored statuses say since the last message that was told. */
function catchUp(office: Office): void {
  const { options, boxes, queue } = office
  for (const box of boxes.values()) heed(box, statusBefore(box.object))
  for (const object of boxes.size === 0 ? [] : options.world().rollouts.list()) {
    recall(office, object, () => true)
  }
  for (const key of boxes.keys()) queue.add(`tell/${key}`)
}

/** Gives the time at which to work on this key again. */
async function work(office: Office, key: Key): Promise<number | null> {
  const { options, boxes } = office
  const { clock } = options
  const box = boxes.get(key.slice('send/'.length))
  if (!box) return null
  if (!options.isLeading()) {
    // Who leads tells what the statuses say.
    box.letters.length = 0
    return null
  }
  if (!options.mayWrite()) return clock.now() + doubtMs
  if (key.startsWith('tell/')) {
    await tell(office, box)
    return null
  }
  const [letter] = box.letters
  if (!letter) return null
  const earlyMs = letter.notBeforeMs - clock.monotonic()
  // Whole milliseconds: the wall clock has no room for a small part of one, and the queue would spin.
  if (earlyMs > 0) return clock.now() + Math.ceil(earlyMs)
  await sendFirst(office, box, letter)
  if (box.isStale) office.queue.addAfter(`tell/${box.key}`, clock.now() + tellAfterMs)
  const [next] = box.letters
  return next ? clock.now() + Math.max(0, next.notBeforeMs - clock.monotonic()) : null
}

async function sendFirst(office: Office, box: Mailbox, letter: Letter): Promise<void> {
  const { clock, random, listeners } = office.options
  const { spec } = box
  if (!spec) return pass(box, letter)
  const { api, hosts, timeoutMs, send } = office.options
  const { signal } = office.stop
  const { namespace } = box.object.metadata
  const options = { api, hosts, timeoutMs, signal, send }
  const answer = await deliver(options, { spec, namespace }, letter.news)
  // Stopped in the middle: nobody knows whether it arrived, and who leads next sends it again.
  if (signal.aborted && answer?.kind === 'later') return
  if (answer === null) return pass(box, letter)
  const told = { answer, nowMs: clock.monotonic(), random: random() }
  listeners.notified(providerOf(spec).name, settle(box, letter, told))
}

async function tell({ options, reflector }: Office, box: Mailbox): Promise<void> {
  if (!box.isStale || !options.mayWrite()) return
  const { namespace, name, resourceVersion } = box.object.metadata
  const at = new Date(options.clock.now()).toISOString()
  const status = statusOf(box, statusBefore(box.object), at)
  box.isStale = false
  try {
    const body = { metadata: { resourceVersion }, status }
    const key = { namespace, name }
    const written = await options.api.patch(notifications, key, 'merge', body, {
      subresource: 'status',
    })
    box.object = written
    reflector.store.learn(written)
  } catch (error) {
    if (isNotFound(error)) return
    box.isStale = true
    throw error
  }
}
