// Reference values in vectors/*.json, computed by an independent implementation in another language,
// against the engine: each row says how far apart the two are, in nats.
import type { Counts, History } from './counts.ts'
import { dispersionOf } from './dispersion.ts'
import { evidenceOf, passEvidenceOf, start, step } from './engine.ts'
import { caps, type RatioRules, ratioEvidence, startRatio, stepRatio } from './ratio-gate.ts'
import { abortAt, errorsSpec, latencySpec, type Spec } from './spec.ts'
import gates from './vectors/gate.json' with { type: 'json' }
import latencies from './vectors/latency.json' with { type: 'json' }
import rollouts from './vectors/rollouts.json' with { type: 'json' }

export interface VectorRow {
  readonly name: string
  readonly error: number
}

/** Nats far beyond a decision, where plain floating point of the reference ends. */
const beyond = 200

export function vectorRows(): readonly VectorRow[] {
  return [
    ...gates.map((row) => ({ name: `gate: ${row.name}`, error: gateError(row) })),
    ...rollouts.flatMap(rolloutRows),
    ...latencies.map((row) => ({ name: `latency: ${row.name}`, error: latencyError(row) })),
  ]
}

function gateError(row: (typeof gates)[number]): number {
  const threshold = abortAt(errorsSpec)
  const rules: RatioRules = {
    rho: row.rho,
    phi: row.phi,
    floor: 0.001,
    cap: caps(threshold, 4),
    horizon: 120,
    warmup: row.warmupScrapes,
  }
  let sums = startRatio()
  let progress = { scrapes: 0, served: 0 }
  const found = row.ticks.map((tick) => {
    const counts = countsOf(tick)
    sums = stepRatio(sums, counts, { rules, progress })
    const served = progress.served + (counts.canaryN > 0 ? 1 : 0)
    progress = { scrapes: progress.scrapes + 1, served }
    return ratioEvidence(sums, rules, progress)
  })
  return distance(found, row.evidence)
}

function rolloutRows(row: (typeof rollouts)[number]): readonly VectorRow[] {
  const history = { pods: row.history.map(({ n, x }) => ({ n, x: [x] })) }
  const spec: Spec = {
    ...errorsSpec,
    scrapeMs: row.scrapeSeconds * 1_000,
    deadlineMs: row.ticks.length * row.scrapeSeconds * 1_000,
    warmupMs: row.warmupSeconds * 1_000,
  }
  const ticks = row.ticks.map((tick) => {
    const { canaryN, canaryX, stableN, stableX } = countsOf(tick)
    return { canary: { n: canaryN, x: [canaryX] }, stable: { n: stableN, x: [stableX] } }
  })
  const learned = dispersionOf(history, 0)
  const taught = path(spec, history, ticks)
  // One scrape is too short a history to learn from, so the same ticks go through betting.
  const brief = { pods: history.pods.map(({ n, x: [x = []] }) => ({ n: n.slice(0, 1), x: [x] })) }
  const bets = path(spec, brief, ticks)
  return [
    {
      name: `dispersion: ${row.name}`,
      error: Math.max(Math.abs(learned.phi - row.phi), Math.abs(learned.tau - row.tau)),
    },
    { name: `errors: ${row.name}`, error: distance(taught.evidence, row.evidence) },
    { name: `pass: ${row.name}`, error: distance(taught.pass, row.pass) },
    { name: `betting: ${row.name}`, error: distance(bets.evidence, row.betting) },
  ]
}

function latencyError(row: (typeof latencies)[number]): number {
  const scrapeMs = latencySpec.scrapeMs
  const spec = {
    ...latencySpec,
    edgesSeconds: row.edgesSeconds,
    deadlineMs: row.ticks.length * scrapeMs,
  }
  const { evidence, lanes } = path(spec, { pods: row.history }, row.ticks)
  return lanes === row.lanes ? distance(evidence, row.evidence) : Number.POSITIVE_INFINITY
}

function path(
  spec: Spec,
  history: History,
  ticks: readonly { canary: Arm; stable: Arm }[],
): { evidence: number[]; pass: number[]; lanes: number } {
  let state = start(spec, history)
  const evidence: number[] = []
  const pass: number[] = []
  for (const [k, tick] of ticks.entries()) {
    state = step(state, { ...tick, atMs: (k + 1) * spec.scrapeMs })
    evidence.push(evidenceOf(state))
    pass.push(passEvidenceOf(state))
  }
  return { evidence, pass, lanes: state.lanes.length }
}

interface Arm {
  readonly n: number
  readonly x: readonly number[]
}

function countsOf(tick: readonly number[]): Counts {
  const [canaryN = 0, canaryX = 0, stableN = 0, stableX = 0] = tick
  return { canaryN, canaryX, stableN, stableX }
}

function distance(found: readonly number[], expected: readonly number[]): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY
  return expected.reduce((most, value, i) => {
    return Math.abs(value) > beyond
      ? most
      : Math.max(most, Math.abs((found[i] ?? Number.NaN) - value))
  }, 0)
}
