// History and ticks in, a verdict out: the one path for live runs, restarts, tests and backtests.
// Pure: the same spec, history and ticks give the same state to the last bit.
import { type Counts, type History, problemOf, type Tick } from './counts.ts'
import { rateOf } from './dispersion.ts'
import { total } from './fixed-point.ts'
import { blockScrapes, type Lane, laneEvidence, startLane, stepLane } from './lane.ts'
import { logSum } from './log-sum.ts'
import { abortAt, type Spec } from './spec.ts'
import type { Progress } from './start-mass.ts'

/** What a check knows. `save` in saved-state.ts writes it in under a kilobyte. */
export interface State {
  readonly spec: Spec
  readonly lanes: readonly Lane[]
  readonly progress: Progress
  /** Time of the last tick consumed; 0 before the first. */
  readonly atMs: number
  readonly totals: Traffic
  readonly block: Traffic
  /** The last few scrapes, older ones fading: is traffic where the weight says, is stable well? */
  readonly recent: Traffic & { readonly stableX: number }
  /** Weight of the canary at the last tick that said one; 0 when none has. */
  readonly weightPercent: number
  readonly canaryRestarts: number
  /** The last tick could not be used. */
  readonly isDataBad: boolean
  /** Evidence has once reached the bound; the promise holds for the first time it does. */
  readonly isAborted: boolean
}

interface Traffic {
  readonly canaryN: number
  readonly stableN: number
}

/** Edges used for latency: where stable's slow share lies here, the slowest four, and one rarer. */
const usedShare = { least: 0.003, most: 0.4 }
const usedEdges = 4
const fading = 0.8
const none: Traffic = { canaryN: 0, stableN: 0 }

export function start(spec: Spec, history: History): State {
  return {
    spec,
    lanes: edgesFor(spec, history).map((edge) => startLane(spec, history, edge)),
    progress: { scrapes: 0, served: 0 },
    atMs: 0,
    totals: none,
    block: none,
    recent: { ...none, stableX: 0 },
    weightPercent: 0,
    canaryRestarts: 0,
    isDataBad: false,
    isAborted: false,
  }
}

/** The state one tick later. A tick that is not newer than the last one changes nothing. */
export function step(state: State, tick: Tick): State {
  if (!Number.isFinite(tick.atMs) || tick.atMs <= state.atMs) return state
  const { spec, progress } = state
  if (problemOf(tick, lanesOf(spec)) !== null) {
    return { ...state, atMs: tick.atMs, isDataBad: true }
  }
  const { canary } = tick
  const context = { spec, progress, block: state.block, stableN: state.totals.stableN }
  const lanes = state.lanes.map((lane) => stepLane(lane, countsOf(tick, lane.edge), context))
  const isBlockFull = (progress.scrapes + 1) % blockScrapes(spec) === 0
  const isBetting = lanes.some(({ method }) => method === 'betting')
  const next: State = {
    ...state,
    lanes,
    progress: {
      scrapes: progress.scrapes + 1,
      served: progress.served + (canary.n > 0 ? 1 : 0),
    },
    atMs: tick.atMs,
    totals: plus(state.totals, tick),
    block: isBetting && !isBlockFull ? plus(state.block, tick) : none,
    recent: recentOf(state, tick),
    weightPercent: Math.round(tick.weightPercent ?? state.weightPercent),
    canaryRestarts: Math.min(255, state.canaryRestarts + (tick.canaryRestarts ?? 0)),
    isDataBad: false,
  }
  return { ...next, isAborted: state.isAborted || evidenceOf(next) >= abortAt(spec) }
}

/** Any ticks, in any order, some of them seen before: the state after all of them. */
export function replay(state: State, ticks: readonly Tick[]): State {
  return [...ticks].sort((a, b) => a.atMs - b.atMs).reduce(step, state)
}

/** ln E of the check: the mean over its edges. */
export function evidenceOf(state: State): number {
  const { lanes, spec, progress } = state
  const [only] = lanes
  if (lanes.length === 1 && only) return laneEvidence(only, spec, progress)
  const each = lanes.map((lane) => laneEvidence(lane, spec, progress))
  return logSum(each) - Math.log(lanes.length)
}

/** ln of the evidence that all is well: the least of the edges, for each must show it. */
export function passEvidenceOf(state: State): number {
  return state.lanes.reduce((least, lane) => Math.min(least, lane.pass), Number.POSITIVE_INFINITY)
}

function lanesOf(spec: Spec): number {
  return spec.metric === 'errors' ? 1 : spec.edgesSeconds.length
}

/** The edges worth asking about; without history, five spread over the ladder. */
function edgesFor(spec: Spec, history: History): readonly number[] {
  if (spec.metric === 'errors') return [0]
  const all = spec.edgesSeconds.map((_, edge) => edge)
  const shares = all.map((edge) => ({ edge, share: rateOf(history, edge) }))
  const known = shares.flatMap(({ edge, share }) => (share === null ? [] : [{ edge, share }]))
  if (known.length === 0) return spreadOver(all, usedEdges + 1)
  const usual = known.filter(({ share }) => share >= usedShare.least && share <= usedShare.most)
  const rare = known.find(({ share }) => share < usedShare.least)
  const used = [...usual.slice(-usedEdges), ...(rare ? [rare] : [])].map(({ edge }) => edge)
  return used.length > 0 ? used : spreadOver(all, usedEdges + 1)
}

function spreadOver(edges: readonly number[], most: number): readonly number[] {
  if (edges.length <= most) return edges
  const at = (i: number) => edges[Math.round((i * (edges.length - 1)) / (most - 1))] ?? 0
  return Array.from({ length: most }, (_, i) => at(i))
}

function countsOf(tick: Tick, edge: number): Counts {
  const { canary, stable } = tick
  return {
    canaryN: canary.n,
    canaryX: canary.x[edge] ?? 0,
    stableN: stable.n,
    stableX: stable.x[edge] ?? 0,
  }
}

function plus(traffic: Traffic, tick: Tick): Traffic {
  return {
    canaryN: total(traffic.canaryN + tick.canary.n),
    stableN: total(traffic.stableN + tick.stable.n),
  }
}

function recentOf(state: State, tick: Tick): State['recent'] {
  const isMoved = tick.weightPercent !== undefined && tick.weightPercent !== state.weightPercent
  const { canaryN, stableN, stableX } = state.recent
  const { canary, stable } = tick
  const kept = isMoved ? 0 : fading
  return {
    canaryN: Math.fround(kept * canaryN + canary.n),
    stableN: Math.fround(fading * stableN + stable.n),
    stableX: Math.fround(fading * stableX + (stable.x[state.lanes[0]?.edge ?? 0] ?? 0)),
  }
}
