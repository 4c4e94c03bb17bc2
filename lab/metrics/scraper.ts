// Targets and an instant in, samples into the store out. One call is one scrape of every target; what
// a target no longer exposes is marked stale, as Prometheus does.
import { type ExposedSample, parseExposition } from './exposition.ts'
import { type Labels, labelKey, type SeriesStore } from './series.ts'

export interface Target {
  readonly url: string
  readonly labels: Labels
}

export interface Scraper {
  scrape(nowMs: number): Promise<void>
}

const maxBytes = 16 * 1024 * 1024

/** Never rejects: a target that can not be scraped has `up` 0. */
export function createScraper(options: {
  targets(): readonly Target[]
  store: SeriesStore
  timeoutMs: number
}): Scraper {
  const { store, timeoutMs } = options
  // By target: its series of the last scrape, to notice those that vanish.
  const before = new Map<string, Map<string, Labels>>()

  async function scrapeTarget(
    target: Target,
    nowMs: number,
  ): Promise<[string, Map<string, Labels>]> {
    const identity = identityOf(target)
    let samples: ExposedSample[] = []
    let isUp = true
    try {
      samples = parseExposition(await fetchText(target.url, timeoutMs))
    } catch {
      isUp = false
    }
    const seen = new Map<string, Labels>()
    for (const sample of samples) {
      const labels = merged(sample.labels, identity)
      store.append(labels, sample.timeMs ?? nowMs, sample.value)
      // A series with times of its own is not marked stale: nobody knows when it ended.
      if (sample.timeMs === null) seen.set(labelKey(labels), labels)
    }
    const up = { __name__: 'up', ...identity }
    store.append(up, nowMs, isUp ? 1 : 0)
    seen.set(labelKey(up), up)
    return [labelKey(identity), seen]
  }

  return {
    async scrape(nowMs) {
      const targets = options.targets()
      const now = new Map(await Promise.all(targets.map((target) => scrapeTarget(target, nowMs))))
      for (const [target, series] of before) {
        for (const [key, labels] of series) {
          if (!now.get(target)?.has(key)) store.append(labels, nowMs, null)
        }
      }
      before.clear()
      for (const [target, series] of now) before.set(target, series)
    },
  }
}

/** Labels of the target itself; `instance` and `job` are there in any case. */
export function identityOf({ url, labels }: Target): Labels {
  return { job: 'lab', instance: new URL(url).host, ...labels }
}

/** Labels of the target win; what the sample had is kept as `exported_…`. */
function merged(exposed: Labels, identity: Labels): Labels {
  const labels: Record<string, string> = { ...identity }
  for (const [name, value] of Object.entries(exposed)) {
    if (value !== '') labels[Object.hasOwn(identity, name) ? `exported_${name}` : name] = value
  }
  return labels
}

async function fetchText(url: string, timeoutMs: number): Promise<string> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
  if (!response.ok || !response.body) throw new Error(`scraping ${url}: status ${response.status}`)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new Error(`scraping ${url}: more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
