// What happened in, logs, Kubernetes events and Prometheus metrics out. Labels are bounded: no metric
// carries the name of a rollout.
import type { Logger } from 'pino'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Verdict } from '../analysis/verdict.ts'
import { outcomes, revertStates } from '../crds/words.ts'
import type { EventWriter } from '../kube/events.ts'
import type { ReflectorHealth } from '../kube/reflector.ts'
import type { RequestReport } from '../kube/transport.ts'
import type { World } from './observe/world.ts'
import type { Journal } from './reconcile.ts'
import { gitMetrics } from './sync/git-metrics.ts'

export interface Telemetry {
  readonly registry: Registry
  readonly journal: Journal
  requested(report: RequestReport): void
  judged(verdict: Verdict): void
  reverted(state: string): void
  /** What came of one attempt to tell people outside of the cluster. */
  notified(provider: string, outcome: string, count?: number): void
  /** A message of a Git host was answered. */
  hinted(status: number): void
  failed(part: string, error: unknown, about?: string): void
}

/** What is looked at when metrics are asked for. */
export interface Sources {
  readonly events: () => EventWriter
  readonly world: () => World
  /** Rollouts and GitSources that wait for their turn. */
  readonly waiting: () => number
  /** Messages of Notifications that wait. */
  readonly unsent: () => number
  /** Monotonic ms. */
  readonly monotonic: () => number
}

export function createTelemetry(
  logger: Logger,
  { events, world, waiting, unsent, monotonic }: Sources,
): Telemetry {
  const registry = new Registry()
  const { decisions, announcements, verdicts, reverts, notifications, errors, requests } = counters(
    [registry],
  )
  const { hinted } = gitMetrics([registry], world)
  // What is not there at first is no increase when it comes: an alert would miss the first one.
  for (const state of revertStates) reverts.inc({ state }, 0)
  for (const outcome of outcomes) verdicts.inc({ outcome }, 0)
  phaseGauge([registry], world)
  watchGauges([registry], world, monotonic)
  countGauge([registry], waiting, {
    name: 'sluice_queue_waiting',
    help: 'Rollouts and GitSources that wait for their turn.',
  })
  countGauge([registry], unsent, {
    name: 'sluice_notifications_waiting',
    help: 'Messages of Notifications that were not delivered yet.',
  })
  return {
    registry,
    journal: {
      decided({ owner, snapshot }, decision) {
        const isQuiet = decision.status === null && decision.actions.length === 0
        const { namespace, name } = owner
        const about = { rollout: `${namespace}/${name}`, because: decision.because }
        if (isQuiet) return logger.trace(about, 'nothing to do')
        const kind = decision.status ? 'status' : 'actions'
        decisions.inc({ kind })
        const number = decision.status?.decision ?? snapshot.status.decision
        logger.info({ ...about, decision: number, actions: decision.actions }, 'decided')
      },
      announced({ object }, announcement) {
        announcements.inc({ reason: announcement.reason })
        const { namespace = '', name, uid = '' } = object.metadata
        const { apiVersion, kind } = object
        const { type, reason, note } = announcement
        const level = type === 'Warning' ? 'warn' : 'info'
        logger[level]({ rollout: `${namespace}/${name}`, reason, because: note }, 'announced')
        const regarding = { apiVersion, kind, namespace, name, uid }
        events().record({ regarding, type, reason, action: 'Reconcile', note })
      },
    },
    requested: ({ verb, resource, code, ms }) =>
      requests.observe({ verb, resource, code: String(code) }, ms / 1_000),
    judged: ({ outcome }) => verdicts.inc({ outcome }),
    reverted: (state) => reverts.inc({ state }),
    notified: (provider, outcome, count = 1) => notifications.inc({ provider, outcome }, count),
    hinted,
    failed(part, error, about) {
      errors.inc({ part })
      logger.warn({ part, about, err: error }, 'failed and will be tried again')
    },
  }
}

function counters(registers: Registry[]) {
  const decisions = new Counter({
    name: 'sluice_decisions_total',
    help: 'Decisions that changed something, by kind: a stored status or actions.',
    labelNames: ['kind'],
    registers,
  })
  const announcements = new Counter({
    name: 'sluice_announcements_total',
    help: 'Changes told to people, by reason.',
    labelNames: ['reason'],
    registers,
  })
  const verdicts = new Counter({
    name: 'sluice_verdicts_total',
    help: 'Verdicts by outcome.',
    labelNames: ['outcome'],
    registers,
  })
  const reverts = new Counter({
    name: 'sluice_reverts_total',
    help: 'Answers of the Git writer by state.',
    labelNames: ['state'],
    registers,
  })
  const notifications = new Counter({
    name: 'sluice_notifications_total',
    help: 'Attempts to tell people outside of the cluster, by provider and outcome: delivered, failed (and tried again) or dropped.',
    labelNames: ['provider', 'outcome'],
    registers,
  })
  const errors = new Counter({
    name: 'sluice_errors_total',
    help: 'Work that failed and is tried again, by part.',
    labelNames: ['part'],
    registers,
  })
  const requests = new Histogram({
    name: 'sluice_api_request_seconds',
    help: 'Requests to the Kubernetes API by verb, resource and status code.',
    labelNames: ['verb', 'resource', 'code'],
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10, 30],
    registers,
  })
  return { decisions, announcements, verdicts, reverts, notifications, errors, requests }
}

function phaseGauge(registers: Registry[], world: () => World): void {
  new Gauge({
    name: 'sluice_rollouts',
    help: 'Rollouts by phase.',
    labelNames: ['phase'],
    registers,
    collect() {
      this.reset()
      for (const phase of ['New', 'Stable', 'Progressing', 'Paused', 'Aborted']) {
        this.set({ phase }, 0)
      }
      for (const object of world().rollouts.list()) {
        this.inc({ phase: object['status']?.phase ?? 'New' })
      }
    },
  })
}

function countGauge(
  registers: Registry[],
  count: () => number,
  what: { readonly name: string; readonly help: string },
): void {
  new Gauge({
    ...what,
    registers,
    collect() {
      this.set(count())
    },
  })
}

function watchGauges(registers: Registry[], world: () => World, monotonic: () => number): void {
  const gauge = (name: string, help: string, read: (health: ReflectorHealth) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['kind'],
      registers,
      collect() {
        for (const [kind, reflector] of world().reflectors()) {
          this.set({ kind }, read(reflector.health()))
        }
      },
    })
  gauge('sluice_watch_relists', 'Whole lists read since the start, by kind.', (h) => h.relists)
  gauge('sluice_watch_restarts', 'Watches begun again since the start, by kind.', (h) => h.restarts)
  gauge('sluice_watch_failures', 'Failures in a row of a watch, by kind.', (h) => h.failures)
  gauge(
    'sluice_watch_last_event_seconds',
    'Seconds since the last list, event or bookmark of a watch, by kind; more than 130 is a dead watch.',
    ({ lastEventAtMs }) => (lastEventAtMs === null ? -1 : (monotonic() - lastEventAtMs) / 1_000),
  )
}
