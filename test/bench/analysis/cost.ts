// What one scrape interval of many active rollouts costs: rounds of the analyst with two compare
// checks each, from rows as a provider gives them to verdicts. Making the rows is not counted.
import { createAnalyst, type Subject } from '../../../analysis/analyst.ts'
import type { Provider, RawProvider, RawSamples } from '../../../analysis/provider.ts'
import { Check } from '../../../crds/check.ts'

export interface Cost {
  readonly rollouts: number
  /** CPU of this process for one round over all rollouts, mean of the measured rounds. */
  readonly cpuSeconds: number
  /** Queries of one such round. */
  readonly queries: number
}

const scrapeMs = 15_000
const startMs = 1_800_000_000_000
const measuredRounds = 4
const callers = 3
/** Enough for the engine to learn dispersion from. */
const learnedMs = 915_000

export async function costOf(rollouts: number): Promise<Cost> {
  const feed = startFeed()
  const clock = { now: () => feed.nowMs }
  const analyst = createAnalyst({ provider: feed.provider, clock, scrapeIntervalMs: scrapeMs })
  const checks = (['errors', 'latency'] as const).map((metric) =>
    Check.parse({ name: metric, compare: { metric } }),
  )
  const subjects = Array.from({ length: rollouts }, (_, i): Subject => {
    const name = `app-${i}`
    return {
      ...{ key: `shop/${name}`, namespace: 'shop', name, host: name, step: 0, final: true, checks },
      ...{ revision: `canary-${i}`, stable: `stable-${i}`, fromMs: startMs, minRequests: 1 },
    }
  })
  let cpuSeconds = 0
  for (let round = -2; round < measuredRounds; round += 1) {
    feed.nowMs += scrapeMs
    feed.queries = 0
    feed.cpuSeconds = 0
    const before = process.cpuUsage()
    const verdicts = await analyst.judge(subjects)
    const spent = secondsSince(before) - feed.cpuSeconds
    if (verdicts.size !== rollouts) throw new Error(`${verdicts.size} verdicts of ${rollouts}`)
    // The first two rounds read history and warm the compiler up.
    if (round >= 0) cpuSeconds += spent / measuredRounds
  }
  return { rollouts, cpuSeconds, queries: feed.queries }
}

/** Share of requests at most as slow as each edge. */
const buckets = Object.entries({
  ...{ '1': 0, '5': 0, '10': 0.05, '25': 0.3, '50': 0.6, '100': 0.88, '250': 0.98, '500': 0.994 },
  ...{ '1000': 0.9992, '2500': 1, '5000': 1, '10000': 1, '+Inf': 1 },
})

interface Feed {
  nowMs: number
  queries: number
  cpuSeconds: number
  readonly provider: Provider & RawProvider
}

/** Counters of 100 requests a second for each service, a tenth of them at the canary. */
function startFeed(): Feed {
  const feed: Feed = {
    ...{ nowMs: startMs, queries: 0, cpuSeconds: 0 },
    provider: {
      query: async () => [],
      async raw(selector, atMs) {
        const before = process.cpuUsage()
        feed.queries += 1
        const range = Number(/\[([0-9]+)s\]$/.exec(selector)?.[1]) * 1_000
        const revisions = new Set(selector.match(/(canary|stable)-[0-9]+/g) ?? [])
        const rows = [...revisions].flatMap((revision) =>
          rowsOf(revision, selector, { range, atMs }),
        )
        feed.cpuSeconds += secondsSince(before)
        return rows
      },
    },
  }
  return feed
}

function rowsOf(
  revision: string,
  selector: string,
  { range, atMs }: { readonly range: number; readonly atMs: number },
): RawSamples[] {
  const [arm, i] = revision.split('-')
  const isServer = selector.includes('reporter="destination"')
  const fromMs = arm === 'canary' ? startMs : startMs - 86_400_000
  const sinceMs = Math.max(atMs - Math.min(range, isServer ? learnedMs : range), fromMs)
  const wanted = /le=~"([^"]*)"/.exec(selector)?.[1]?.replaceAll('\\', '').split('|')
  const counted: [Record<string, string>, number][] = selector.includes('_bucket')
    ? buckets.filter(([le]) => wanted?.includes(le) ?? true).map(([le, share]) => [{ le }, share])
    : [
        [{ response_code: '200' }, 0.999],
        [{ response_code: '503' }, 0.001],
      ]
  return Array.from({ length: callers }, (_, pod) => pod).flatMap((pod) =>
    counted.map(([labels, share]) => {
      const perSecond = ((arm === 'canary' ? 10 : 90) / callers) * share
      const samples: { atMs: number; value: number }[] = []
      for (let at = Math.floor(sinceMs / scrapeMs + 1) * scrapeMs; at <= atMs; at += scrapeMs) {
        samples.push({ atMs: at, value: Math.floor(((at - fromMs) / 1_000) * perSecond) })
      }
      return {
        labels: {
          destination_service_namespace: 'shop',
          destination_service_name: `app-${i}`,
          destination_canonical_revision: revision,
          pod: isServer ? `${revision}-${pod}` : `caller-${pod}`,
          ...labels,
        },
        samples,
      }
    }),
  )
}

function secondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}
