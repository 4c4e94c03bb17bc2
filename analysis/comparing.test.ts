// Compare checks through the analyst: what is asked, what is kept, what a restart changes.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Check } from '../crds/check.ts'
import { type Analyst, createAnalyst, type Subject } from './analyst.ts'
import { type Provider, ProviderError, type RawProvider, type RawSamples } from './provider.ts'

const scrapeIntervalMs = 15_000
const startMs = 1_800_000_000_000
const errors = Check.parse({ name: 'compare', compare: { metric: 'errors' } })
const latency = Check.parse({ name: 'slow', compare: { metric: 'latency' } })

const subject = (i: number, over: Partial<Subject> = {}): Subject => ({
  ...{ key: `shop/app-${i}`, namespace: 'shop', name: `app-${i}`, host: `app-${i}` },
  ...{ revision: `canary-${i}`, stable: `stable-${i}`, step: 0, fromMs: startMs, final: true },
  startedMs: startMs,
  ...{ checks: [errors], minRequests: 1 },
  ...over,
})

/** Callers that send 100/s, a tenth of it to the canary from `startMs`; one pod scraped every 15 s. */
function startWorld(faults: { readonly failed?: number; readonly slow?: number } = {}) {
  const world = { nowMs: startMs, asked: [] as string[], isDown: false }
  const counter = (
    labels: Record<string, string>,
    options: Range & { from: number; perSecond: number },
  ) => {
    const { fromMs, toMs, from, perSecond } = options
    const first = Math.ceil(Math.max(fromMs + 1, from) / scrapeIntervalMs) * scrapeIntervalMs
    const samples: { atMs: number; value: number }[] = []
    for (let atMs = first; atMs <= toMs; atMs += scrapeIntervalMs) {
      samples.push({ atMs, value: Math.floor(((atMs - from) / 1_000) * perSecond) })
    }
    return samples.length > 0 ? [{ labels, samples }] : []
  }
  const rows = (revision: string, selector: string, range: Range): RawSamples[] => {
    const isCanary = revision.startsWith('canary')
    const from = isCanary ? startMs : startMs - 86_400_000
    const isServer = selector.includes('destination"')
    const owners = isServer ? ['a', 'b', 'c'].map((pod) => `${revision}-${pod}`) : ['caller']
    const perSecond = (isCanary ? 10 : 90) / owners.length
    const base = {
      destination_service_namespace: 'shop',
      destination_service_name: `app-${revision.split('-')[1]}`,
      destination_canonical_revision: revision,
    }
    return owners.flatMap((pod) => {
      const count = (labels: Record<string, string>, share: number) =>
        counter({ ...base, pod, ...labels }, { ...range, from, perSecond: perSecond * share })
      if (selector.includes('_bucket')) {
        const slow = isCanary ? (faults.slow ?? 0.02) : 0.02
        const edges: [string, number][] = [
          ['100', 0.9],
          ['500', 1 - slow],
          ['+Inf', 1],
        ]
        const wanted = edges.filter(([le]) => !selector.includes('le=') || selector.includes(le))
        return wanted.flatMap(([le, share]) => count({ le }, share))
      }
      const failed = isCanary ? (faults.failed ?? 0.001) : 0.001
      return [
        ...count({ response_code: '200' }, 1 - failed),
        ...count({ response_code: '503' }, failed),
      ]
    })
  }
  const provider: Provider & RawProvider = {
    query: async () => [],
    async raw(selector, atMs) {
      world.asked.push(selector)
      if (world.isDown) throw new ProviderError('prometheus is down', { isAboutQuery: false })
      const range = Number(/\[([0-9]+)s\]$/.exec(selector)?.[1]) * 1_000
      const revisions = new Set(selector.match(/(canary|stable)-[0-9]+/g) ?? [])
      return [...revisions].flatMap((one) =>
        rows(one, selector, { fromMs: atMs - range, toMs: atMs }),
      )
    },
  }
  const analyst = () =>
    createAnalyst({ provider, clock: { now: () => world.nowMs }, scrapeIntervalMs })
  return { world, analyst }
}

interface Range {
  readonly fromMs: number
  readonly toMs: number
}

/** Outcomes of the first check per round, a round per scrape. */
async function rounds(
  { world, analyst }: { world: { nowMs: number }; analyst: Analyst },
  count: number,
  one: Subject = subject(1),
): Promise<(string | undefined)[]> {
  const outcomes: (string | undefined)[] = []
  for (let i = 0; i < count; i += 1) {
    world.nowMs += scrapeIntervalMs
    const verdict = (await analyst.judge([one])).get(one.key)
    outcomes.push(verdict?.evidence[0]?.outcome)
  }
  return outcomes
}

describe('a compare check', () => {
  it('passes a healthy canary on evidence of its own', async () => {
    const { world, analyst } = startWorld()
    const outcomes = await rounds({ world, analyst: analyst() }, 6)
    assert.deepEqual(outcomes, [
      ...new Array(2).fill('Inconclusive'),
      ...new Array(4).fill('Passed'),
    ])
  })

  it('fails a canary with 10 % of errors, and says with which numbers', async () => {
    const { world, analyst } = startWorld({ failed: 0.1 })
    const started = analyst()
    const outcomes = await rounds({ world, analyst: started }, 5)
    assert.deepEqual(outcomes.indexOf('Failed') + 1, 5, String(outcomes))
    const verdict = (await started.judge([subject(1)])).get('shop/app-1')
    assert.equal(verdict?.outcome, 'Failed')
    assert.match(verdict?.because ?? '', /^compare: the canary is worse than stable: 75 of 750 /)
  })

  it('fails a slow canary', async () => {
    const { world, analyst } = startWorld({ slow: 0.3 })
    const slow = subject(1, { checks: [latency] })
    const outcomes = await rounds({ world, analyst: analyst() }, 8, slow)
    assert.equal(outcomes.at(-1), 'Failed', String(outcomes))
    assert.ok(!outcomes.includes('Passed'), String(outcomes))
    const later = world.asked.at(-1) ?? ''
    assert.match(later, /le=~"\+?.*500.*"/)
  })

  it('says the same after a restart, and after an hour without metrics', async () => {
    for (const failed of [0.001, 0.03]) {
      const whole = startWorld({ failed })
      const expected = await rounds({ world: whole.world, analyst: whole.analyst() }, 14)
      const broken = startWorld({ failed })
      const { world } = broken
      const found = await rounds({ world, analyst: broken.analyst() }, 4)
      const restarted = broken.analyst()
      found.push(...(await rounds({ world, analyst: restarted }, 2)))
      world.isDown = true
      assert.deepEqual(await rounds({ world, analyst: restarted }, 3), new Array(3).fill('Error'))
      world.isDown = false
      found.push(...expected.slice(6, 9), ...(await rounds({ world, analyst: restarted }, 5)))
      assert.deepEqual(found, expected)
    }
  })

  it('says the same after a restart in a later step, with the harm of steps before', async () => {
    for (const failed of [0.001, 0.004, 0.012, 0.02]) {
      const stepOf = (round: number) =>
        subject(1, {
          step: Math.floor(round / 5),
          fromMs: startMs + Math.floor(round / 5) * 5 * scrapeIntervalMs + 3_000,
        })
      const run = async (restarts: readonly number[]) => {
        const { world, analyst } = startWorld({ failed })
        let judging = analyst()
        const said: string[] = []
        for (let round = 0; round < 20; round += 1) {
          if (restarts.includes(round)) judging = analyst()
          world.nowMs += scrapeIntervalMs
          const verdict = (await judging.judge([stepOf(round)])).get('shop/app-1')
          said.push(verdict?.because ?? '')
        }
        return said
      }
      const whole = await run([])
      for (const restarts of [[7], [3, 11], [15, 16, 19]]) {
        assert.deepEqual(await run(restarts), whole, `${failed} ${restarts}`)
      }
    }
  })

  it('gathers evidence to pass anew at each step, and keeps that of harm', async () => {
    const { world, analyst } = startWorld()
    const started = analyst()
    await rounds({ world, analyst: started }, 6)
    const next = subject(1, { step: 1, fromMs: world.nowMs })
    const outcomes = await rounds({ world, analyst: started }, 4, next)
    assert.deepEqual(outcomes, [...new Array(3).fill('Inconclusive'), 'Passed'])
    const bad = startWorld({ failed: 0.3 })
    const failing = bad.analyst()
    await rounds({ world: bad.world, analyst: failing }, 6)
    const later = subject(1, { step: 1, fromMs: bad.world.nowMs })
    assert.deepEqual(await rounds({ world: bad.world, analyst: failing }, 1, later), ['Failed'])
    // A retry begins at the first step again, and owes nothing to the trial before.
    const retried = subject(1, { fromMs: bad.world.nowMs, startedMs: bad.world.nowMs })
    const again = await rounds({ world: bad.world, analyst: failing }, 1, retried)
    assert.notDeepEqual(again, ['Failed'])
  })

  it('holds while traffic does not follow the weight', async () => {
    const { world, analyst } = startWorld()
    const one = subject(1, { weightPercent: 50 })
    const outcomes = await rounds({ world, analyst: analyst() }, 6, one)
    assert.deepEqual(outcomes, new Array(6).fill('Inconclusive'))
  })

  it('asks for hundreds of rollouts in a few queries', async () => {
    const { world, analyst } = startWorld()
    const started = analyst()
    const many = Array.from({ length: 220 }, (_, i) => subject(i))
    world.nowMs += scrapeIntervalMs
    await started.judge(many)
    assert.equal(world.asked.length, 440)
    world.asked = []
    world.nowMs += scrapeIntervalMs
    const verdicts = await started.judge(many)
    assert.equal(world.asked.length, 2)
    assert.ok([...verdicts.values()].every(({ evidence }) => (evidence[0]?.samples ?? 0) > 290))
  })

  it('is an error where the provider gives no raw samples, or there is no stable', async () => {
    const provider: Provider = { query: async () => [] }
    const analyst = createAnalyst({ provider, clock: { now: () => startMs }, scrapeIntervalMs })
    const verdicts = await analyst.judge([subject(1), subject(2, { stable: null })])
    assert.deepEqual(
      [...verdicts.values()].map(({ outcome, because }) => [outcome, because]),
      [
        ['Error', 'compare: the metrics provider gives no samples as scraped'],
        ['Error', 'compare: there is no stable revision to compare with'],
      ],
    )
  })
})
