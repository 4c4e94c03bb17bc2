// What the controller knows of Git hosts in, Prometheus metrics out.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { World } from '../observe/world.ts'

export interface GitMetrics {
  /** A message of a host was answered. */
  hinted(status: number): void
}

export function gitMetrics(registers: Registry[], world: () => World): GitMetrics {
  const hints = new Counter({
    name: 'sluice_webhooks_total',
    help: 'Messages of Git hosts by status of the answer: 202 was acted on, 401 was not signed, 404 has no GitSource.',
    labelNames: ['status'],
    registers,
  })
  new Gauge({
    name: 'sluice_revert_ready',
    help: 'GitSources by whether a release could be restored now; Unknown was not tried.',
    labelNames: ['ready'],
    registers,
    collect() {
      this.reset()
      for (const ready of ['True', 'False', 'Unknown']) this.set({ ready }, 0)
      for (const object of world().sources.list()) {
        const conditions: { type: string; status: string }[] = object['status']?.conditions ?? []
        const found = conditions.find(({ type }) => type === 'RevertReady')
        this.inc({ ready: found?.status ?? 'Unknown' })
      }
    },
  })
  return { hinted: (status) => hints.inc({ status: String(status) }) }
}
