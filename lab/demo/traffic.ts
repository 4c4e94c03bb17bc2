// Callers under way: what they felt, by service, revision and pod.
import { type Load, startLoad } from '../load/load.ts'

export interface Counted {
  readonly requests: number
  readonly failed: number
}

export interface Traffic {
  readonly requestsPerSecond: number
  start(): void
  /** How people call a revision. */
  name(revision: string, version: string): void
  labelOf(revision: string): string
  /** Requests to a service that began at `from` or later, ms since epoch. */
  count(service: string, from: number): Counted
  ofRevision(revision: string, from?: number): Counted
  servedByRemoved(removedPods: ReadonlyMap<string, number>): number
  close(): Promise<void>
}

const checkoutPerSecond = 220
const paymentsPerSecond = 30

export function createTraffic(meshUrl: string): Traffic {
  const labels = new Map<string, string>()
  let load: Load | null = null
  const samples = () => load?.samples() ?? []
  const count = (isMeant: (sample: ReturnType<Load['samples']>[number]) => boolean): Counted => {
    const meant = samples().filter(isMeant)
    return { requests: meant.length, failed: meant.filter(({ isFailed }) => isFailed).length }
  }
  return {
    requestsPerSecond: checkoutPerSecond + paymentsPerSecond,
    start() {
      load = startLoad({
        url: meshUrl,
        hosts: [
          { host: 'checkout.shop', requestsPerSecond: checkoutPerSecond },
          { host: 'payments.shop', requestsPerSecond: paymentsPerSecond },
        ],
      })
    },
    name: (revision, version) => void labels.set(revision, version),
    labelOf: (revision) => labels.get(revision) ?? revision,
    count: (service, from) =>
      count(({ host, startedAt }) => host.startsWith(service) && startedAt >= from),
    ofRevision: (revision, from = 0) =>
      count((sample) => sample.revision === revision && sample.startedAt >= from),
    servedByRemoved: (removedPods) => load?.servedByRemoved(removedPods) ?? 0,
    close: async () => load?.close(),
  }
}
