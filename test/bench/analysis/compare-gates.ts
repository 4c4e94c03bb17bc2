// The scenario set in, false aborts, bad requests served and time to detect out, for the engine and
// for the peers' gates on the same rollouts.
import { start } from '../../../analysis/compare/engine.ts'
import { errorsSpec } from '../../../analysis/compare/spec.ts'
import {
  type Counted,
  engineAbort,
  limitFor,
  type Peer,
  peers,
  thresholdAbort,
  tuned,
} from './gates.ts'
import {
  type Family,
  families,
  faults,
  rolloutScrapes,
  type Scenario,
  type Service,
  scenario,
  scrapeSeconds,
  services,
} from './scenarios.ts'

export interface Comparison {
  readonly falseAborts: readonly { family: Family; service: Service; percent: number }[]
  readonly cells: readonly Cell[]
}

/** One family, service and fault. Seconds are a median, null when fewer than half are found. */
export interface Cell {
  readonly family: Family
  readonly service: Service
  readonly fault: string
  readonly engine: Measured
  readonly flagger: Measured
  readonly argo: Measured
}

interface Measured {
  readonly seconds: number | null
  readonly badRequests: number
}

const peerNames: readonly Peer[] = ['flagger', 'argo']
const allowedFalseAborts = 0.01

export function compareGates(options: { runs: number; seed: number }): Comparison {
  const falseAborts: Comparison['falseAborts'][number][] = []
  const cells: Cell[] = []
  for (const [s, service] of services.entries()) {
    const runs = families.map((family, f) => ({
      family,
      runs: Array.from({ length: options.runs }, (_, run) => {
        const seed = options.seed + ((s * families.length + f) * 1_000_003 + run) * 7_919
        return judged(scenario(family, service, seed))
      }),
    }))
    const limits = limitsOf(runs.map((one) => one.runs))
    for (const { family, runs: found } of runs) {
      const aborted = found.filter(({ aborts }) => aborts[0] !== null).length
      falseAborts.push({ family, service, percent: (100 * aborted) / options.runs })
      for (const [i, fault] of faults.entries()) {
        cells.push({ family, service, fault: fault.name, ...measure(found, i + 1, limits) })
      }
    }
  }
  return { falseAborts, cells }
}

/** What peers need of a run, and where the engine aborted: healthy first, then each fault. */
interface Run {
  readonly canaryN: readonly number[]
  readonly canaryX: readonly (readonly number[])[]
  readonly aborts: readonly (number | null)[]
}

function judged({ canaryX, ...shared }: Scenario): Run {
  const initial = start(errorsSpec, shared.history)
  const aborts = canaryX.map((x) => engineAbort(initial, { ...shared, canaryX: x }))
  return { canaryN: shared.canaryN, canaryX, aborts }
}

/** One limit per peer and service: the least that keeps every family to 1 % false aborts. */
function limitsOf(byFamily: readonly (readonly Run[])[]): Record<Peer, number> {
  const limit = (peer: Peer) => {
    const { failures } = peers[peer]
    const ofFamily = byFamily.map((runs) => {
      const each = runs.map((run) => limitFor(counted(run, 0), failures))
      return tuned(each, allowedFalseAborts)
    })
    return Math.max(...ofFamily)
  }
  return { flagger: limit('flagger'), argo: limit('argo') }
}

function measure(
  runs: readonly Run[],
  at: number,
  limits: Record<Peer, number>,
): Record<Peer | 'engine', Measured> {
  const [flagger, argo] = peerNames.map((peer) => {
    const { failures } = peers[peer]
    return measured(runs, at, (run) => thresholdAbort(counted(run, at), limits[peer], failures))
  })
  const engine = measured(runs, at, (run) => run.aborts[at] ?? null)
  return { engine, flagger: flagger ?? engine, argo: argo ?? engine }
}

function measured(
  runs: readonly Run[],
  at: number,
  abortOf: (run: Run) => number | null,
): Measured {
  let badRequests = 0
  const found: number[] = []
  for (const run of runs) {
    const abort = abortOf(run)
    found.push(abort ?? Number.POSITIVE_INFINITY)
    const served = run.canaryX[at]?.slice(0, abort ?? rolloutScrapes) ?? []
    badRequests += served.reduce((sum, x) => sum + x, 0)
  }
  const median = found.toSorted((a, b) => a - b)[Math.ceil((found.length - 1) / 2)] ?? 0
  return {
    seconds: Number.isFinite(median) ? median * scrapeSeconds : null,
    badRequests: badRequests / runs.length,
  }
}

function counted(run: Run, at: number): Counted {
  return { canaryN: run.canaryN, canaryX: run.canaryX[at] ?? [] }
}

/** Geometric mean over all cells of bad requests served, engine over peer. */
export function badRequestsRatio(cells: readonly Cell[], peer: Peer): number {
  const logs = cells.map((cell) => Math.log(cell.engine.badRequests / cell[peer].badRequests))
  return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length)
}

/** Median over the cells that both find. */
export function timeToDetectRatio(cells: readonly Cell[], peer: Peer): number {
  const ratios = cells.flatMap((cell) => {
    const [ours, theirs] = [cell.engine.seconds, cell[peer].seconds]
    return ours === null || theirs === null ? [] : [ours / theirs]
  })
  return median(ratios)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2
}
