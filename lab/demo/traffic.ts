// Callers under way: what they felt, by service, revision and pod.
import type { Clock } from '../../kube/clock.ts'
import { type Load, startLoad } from '../load/start.ts'

export interface Counted {
  readonly requests: number
  readonly failed: number
}

type Service = keyof typeof pace

export interface Traffic {
  readonly requestsPerSecond: number
  start(): void
  /** How people call a revision. */
  name(revision: string, version: string): void
  labelOf(revision: string): string
  /** Requests to a service that began at `from` or later, ms since epoch. */
  count(service: Service, from: number): Counted
  /** The same, of one revision of checkout. */
  ofRevision(revision: string, from?: number): Counted
  servedByRemoved(removedPods: ReadonlyMap<string, number>): number
  close(): Promise<void>
}

const pace = { checkout: 220, payments: 30 }
const nothing: Counted = { requests: 0, failed: 0 }

export function createTraffic(meshUrl: string, clock: Clock): Traffic {
  const labels = new Map<string, string>()
  const loads = new Map<Service, Load>()
  const since = (service: Service, from: number) => loads.get(service)?.since(from)
  return {
    requestsPerSecond: pace.checkout + pace.payments,
    start() {
      for (const service of ['checkout', 'payments'] as const) {
        const hosts = [{ host: `${service}.shop`, requestsPerSecond: pace[service] }]
        loads.set(service, startLoad({ url: meshUrl, clock, hosts }))
      }
    },
    name: (revision, version) => void labels.set(revision, version),
    labelOf: (revision) => labels.get(revision) ?? revision,
    count: (service, from) => since(service, from) ?? nothing,
    ofRevision: (revision, from = 0) => since('checkout', from)?.byRevision[revision] ?? nothing,
    servedByRemoved: (removedPods) =>
      [...loads.values()].reduce((total, load) => total + load.servedByRemoved(removedPods), 0),
    close: async () => {
      await Promise.all([...loads.values()].map((load) => load.stop()))
    },
  }
}
