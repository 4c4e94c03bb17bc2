// npm run bench:analysis [-- --json --runs N --seed N]: the published scenario set through the engine
// and the peers' gates in, false aborts, bad requests served, time to detect and cost out.
import { parseArgs } from 'node:util'
import { passEvidenceOf, start, step } from '../../analysis/compare/engine.ts'
import { errorsSpec, passAt } from '../../analysis/compare/spec.ts'
import { vectorRows } from '../../analysis/compare/vectors.fixture.ts'
import {
  badRequestsRatio,
  type Cell,
  compareGates,
  median,
  timeToDetectRatio,
} from './analysis/compare-gates.ts'
import { costOf } from './analysis/cost.ts'
import { type Peer, tickOf } from './analysis/gates.ts'
import { rolloutScrapes, type Service, scenario } from './analysis/scenarios.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '20240' },
  },
})
const runs = Math.max(10, Math.min(100_000, Number(values.runs) || 1_000))
const seed = Number(values.seed) || 0
const say = (text: string) => {
  if (!values.json) process.stdout.write(`${text}\n`)
}

const cost = await costOf(5_000)
const vectors = vectorRows()
const { falseAborts, cells } = compareGates({ runs, seed })
const passes = [
  { service: { base: 0.001, rps: 10, weight: 0.1 }, research: 336 },
  { service: { base: 0.001, rps: 100, weight: 0.05 }, research: 376 },
].map((row) => ({ ...row, requests: requestsToPass(row.service) }))

say(`${runs} rollouts per family and service, seed ${seed}\n`)
say('false aborts of the engine, percent of healthy rollouts (families without any are left out)')
for (const { family, service, percent } of falseAborts) {
  if (percent > 0) say(`  ${family}, ${serviceText(service)}: ${percent.toFixed(2)}`)
}
say(
  '\nmedian seconds to detect and bad requests served: engine, flagger 5 x 60 s, argo failureLimit 3',
)
for (const cell of cells) say(`  ${cellText(cell)}`)
say('\nrequests until pass on healthy traffic, median')
for (const { service, requests, research } of passes) {
  say(`  ${serviceText(service)}: ${requests} (reference simulation ${research})`)
}

const overPeers = (ratio: (cells: readonly Cell[], peer: Peer) => number) => {
  const rounded = (peer: Peer) => Number(ratio(cells, peer).toFixed(3))
  return { flagger: rounded('flagger'), argo: rounded('argo') }
}
const result = {
  falseAbortPercent: {
    worst: Number(Math.max(...falseAborts.map(({ percent }) => percent)).toFixed(3)),
  },
  badRequestsRatio: overPeers(badRequestsRatio),
  timeToDetectRatio: overPeers(timeToDetectRatio),
  cost: { ...cost, cpuSeconds: Number(cost.cpuSeconds.toFixed(3)) },
  vectorsMaxError: Math.max(...vectors.map(({ error }) => error)),
}
process.stdout.write(`${JSON.stringify(result)}\n`)

/** Canary requests at which a healthy rollout passes, median over rollouts. */
function requestsToPass(service: Service): number {
  const found: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const { history, canaryX, ...served } = scenario('independent', service, seed + run * 104_729)
    let state = start(errorsSpec, history)
    for (let k = 0; k < rolloutScrapes && passEvidenceOf(state) < passAt; k += 1) {
      const counted = { ...served, canaryX: canaryX[0] ?? [] }
      state = step(state, tickOf(counted, k, errorsSpec.scrapeMs))
    }
    if (passEvidenceOf(state) >= passAt) found.push(state.totals.canaryN)
  }
  return median(found)
}

function serviceText({ base, rps, weight }: Service): string {
  return `${100 * base} % of ${rps}/s, weight ${100 * weight} %`
}

function cellText({ family, service, fault, ...gates }: Cell): string {
  const shown = [gates.engine, gates.flagger, gates.argo].map(({ seconds, badRequests }) => {
    return `${seconds === null ? 'never' : `${seconds}s`} ${badRequests.toFixed(0)}`
  })
  return `${family}, ${serviceText(service)}, ${fault}: ${shown.join(' | ')}`
}
