// A start time in, a history of samples out: resets, births, gaps, NaN, two arms and their latency.
import type { Labels } from './series.ts'

export interface WrittenSample {
  readonly labels: Labels
  readonly timeMs: number
  readonly value: number
}

const intervalMs = 15_000
const scrapes = 48
const edges = ['1', '5', '10', '25', '50', '100', '250', '500', '1000', '+Inf']

/** Twelve minutes, a scrape each 15 s with a little jitter, then silence. */
export function history(startMs: number): WrittenSample[] {
  const samples: WrittenSample[] = []
  const families: Record<string, (scrape: number) => number | null> = {}
  const add = (labels: Labels, valueAt: (scrape: number) => number | null) => {
    families[JSON.stringify(labels)] = valueAt
  }
  traffic(add)
  oddities(add)
  for (const [key, valueAt] of Object.entries(families)) {
    const labels: Labels = JSON.parse(key)
    for (let scrape = 0; scrape < scrapes; scrape += 1) {
      const value = valueAt(scrape)
      const jitterMs = (scrape * 37) % 11
      const timeMs = startMs + scrape * intervalMs + jitterMs
      if (value !== null) samples.push({ labels, timeMs, value })
    }
  }
  return samples
}

type Add = (labels: Labels, valueAt: (scrape: number) => number | null) => void

function traffic(add: Add): void {
  const revisions = { aaa: 10, bbb: 100, ccc: 3 }
  for (const [revision, perScrape] of Object.entries(revisions)) {
    const identity = {
      reporter: 'source',
      destination_service_namespace: 'shop',
      destination_service_name: 'checkout',
      destination_canonical_revision: revision,
    }
    const codes = [
      { code: '200', grpc: '', share: 0.9 },
      { code: '503', grpc: '', share: 0.06 },
      { code: '200', grpc: '14', share: 0.03 },
      { code: '0', grpc: '', share: 0.01 },
    ]
    for (const { code, grpc, share } of codes) {
      const labels = { ...identity, response_code: code, grpc_response_status: grpc }
      add({ __name__: 'istio_requests_total', ...omit(labels) }, (scrape) =>
        Math.floor(scrape * perScrape * share),
      )
    }
    for (const [i, le] of edges.entries()) {
      const share = (i + 1) / edges.length
      const labels = { ...identity, response_code: '200', le }
      add({ __name__: 'istio_request_duration_milliseconds_bucket', ...labels }, (scrape) =>
        Math.floor(scrape * perScrape * share ** 2),
      )
    }
  }
}

function oddities(add: Add): void {
  add({ __name__: 'restarted_total' }, (scrape) => (scrape % 17) * 7 + 3)
  add({ __name__: 'born_total' }, (scrape) => (scrape < 20 ? null : 50 + scrape))
  add({ __name__: 'gappy_total' }, (scrape) => (scrape > 10 && scrape < 25 ? null : scrape * 2))
  add({ __name__: 'quiet_total' }, () => 5)
  add({ __name__: 'gauge', kind: 'plain' }, (scrape) => 5 + Math.sin(scrape))
  add({ __name__: 'gauge', kind: 'broken' }, (scrape) => (scrape % 3 === 0 ? Number.NaN : scrape))
  add({ __name__: 'gauge', kind: 'quo"te\\' }, () => 2.5)
  add({ __name__: 'other', kind: 'plain' }, () => 3)
  for (const [le, count] of [
    ['5', 10],
    ['10', 8],
    ['20', 30],
    ['+Inf', 31],
  ] as const) {
    add({ __name__: 'odd_bucket', le }, () => count)
  }
  add({ __name__: 'odd_bucket', le: '5', kind: 'headless' }, () => 4)
}

/** Prometheus drops empty labels; so must the history. */
function omit(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''))
}
