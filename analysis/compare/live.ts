// A running comparison: scraped samples in, its state one reading later out. Pure; the questions to the
// metrics provider are asked elsewhere.
import type { Compare } from '../../crds/compare.ts'
import type { Evidence } from '../../crds/rollout-status.ts'
import type { MetricTable } from '../metrics/table.ts'
import type { RawSamples } from '../provider.ts'
import { specOf } from './check.ts'
import { replay, type State, start } from './engine.ts'
import { historyOf } from './history.ts'
import { type Arms, countersOf, edgesIn, type Rows, rowsByArm, secondsOf } from './mesh-series.ts'
import { type Consumed, nothingConsumed, readTicks } from './samples.ts'
import { type Finding, type Verdict, verdict } from './verdict.ts'

export interface Live {
  readonly arms: Arms
  readonly table: MetricTable
  readonly startedMs: number
  readonly step: number
  readonly fromMs: number
  /** Evidence of no harm is that of this step alone. */
  readonly isPassFresh: boolean
  readonly weightPercent: number | null
  /** Label values of the edges that are judged; empty for errors. */
  readonly les: readonly string[]
  readonly state: State
  readonly consumed: Consumed
}

export interface Trial {
  readonly arms: Arms
  readonly table: MetricTable
  /** When the trial of the revision began: a restart reads again from there. */
  readonly startedMs: number
  readonly step: number
  /** When the weight of the step was live. */
  readonly fromMs: number
  /** Weight of the canary in this step; null when unknown. */
  readonly weightPercent: number | null
  readonly compare: Compare
  /** Compare checks of the rollout. */
  readonly checks: number
}

export const historyMs = 3_600_000
/** Time over which the engine spreads its attention: that of a usual rollout. */
const deadlineMs = 1_800_000

/**
 * A comparison that has learned from history and read nothing yet. `served`: counters of the stable
 * pods in the hour before; `sinceMs`: start of what is read next. Null without any latency bucket.
 */
export function begin(
  trial: Trial,
  found: { readonly served: readonly RawSamples[]; readonly recent: readonly RawSamples[] },
  options: { readonly scrapeMs: number; readonly sinceMs: number },
): Live | null {
  const { arms, table, startedMs, step, fromMs, weightPercent, compare, checks } = trial
  const { scrapeMs, sinceMs } = options
  const { metric } = compare
  const les = metric === 'errors' ? [] : laddersOf(found, table)
  if (metric === 'latency' && les.length === 0) return null
  const facts = { scrapeMs, deadlineMs, canaryPods: 1, checks }
  const edgesOf = (all: readonly string[]) => all.map((le) => secondsOf(le, table.callers))
  const spec = specOf(compare, { ...facts, edgesSeconds: edgesOf(les) })
  const lanes = Math.max(1, les.length)
  const counted = { table, by: 'servers', metric, edgesSeconds: edgesOf(les) } as const
  const counters = countersOf(rowsByArm(found.served, table.servers), arms, counted)
  const history = historyOf(
    counters.filter(({ arm }) => arm === 'stable'),
    { fromMs: startedMs - historyMs, toMs: startedMs, scrapeMs, lanes },
  )
  const whole = {
    ...{ arms, table, startedMs, step, fromMs, weightPercent },
    isPassFresh: false,
    consumed: nothingConsumed(startedMs, sinceMs),
  }
  const state = start(spec, history)
  if (metric === 'errors') return { ...whole, les, state }
  // From here on only the edges that are judged are asked for.
  const used = state.lanes.map(({ edge }) => edge).sort((a, b) => a - b)
  const pods = history.pods.map(({ n, x }) => ({ n, x: used.map((edge) => x[edge] ?? []) }))
  const edgesSeconds = used.map((edge) => spec.edgesSeconds[edge] ?? 0)
  return {
    ...whole,
    les: used.map((edge) => les[edge] ?? ''),
    state: start({ ...spec, edgesSeconds }, { pods }),
  }
}

/** The comparison after all scrape intervals that have ended. */
export function read(live: Live, rows: Rows, nowMs: number): Live {
  const { state, table, arms } = live
  const { metric, scrapeMs, edgesSeconds } = state.spec
  const counters = countersOf(rows, arms, { table, by: 'callers', metric, edgesSeconds })
  const lanes = Math.max(1, edgesSeconds.length)
  const { consumed, ticks } = readTicks(live.consumed, counters, { scrapeMs, nowMs, lanes })
  // Whose counter was reset is not known where callers count, so resets are no restarts of the canary.
  const counted = ticks.map(({ canaryRestarts: _, ...tick }) => tick)
  const { weightPercent, fromMs } = live
  const weight = weightPercent === null ? {} : { weightPercent }
  const before = replay(
    state,
    counted.filter(({ atMs }) => atMs <= fromMs),
  )
  const isPassFresh = live.isPassFresh || nowMs >= fromMs
  const during = counted.flatMap((tick) => (tick.atMs > fromMs ? [{ ...tick, ...weight }] : []))
  const begun = live.isPassFresh || !isPassFresh ? before : withoutPass(before)
  return { ...live, consumed, isPassFresh, state: replay(begun, during) }
}

/** Evidence of harm is kept from step to step; that of no harm is gathered anew for each. */
export function atStep(live: Live, trial: Trial): Live {
  const { step, fromMs, weightPercent } = trial
  if (live.step === step && live.fromMs === fromMs) return live
  return { ...live, step, fromMs, weightPercent, isPassFresh: false }
}

function withoutPass(state: State): State {
  return { ...state, lanes: state.lanes.map((lane) => ({ ...lane, pass: 0 })) }
}

/** True when the trial began again: a retry of the revision owes nothing to the trial before. */
export function isAnother(live: Live, trial: Trial): boolean {
  return (
    trial.step < live.step ||
    trial.startedMs !== live.startedMs ||
    trial.arms.stable.revision !== live.arms.stable.revision ||
    trial.table !== live.table
  )
}

/** Edges that callers count; those of the pods too, where both have the same counters. */
function laddersOf(
  {
    served,
    recent,
  }: { readonly served: readonly RawSamples[]; readonly recent: readonly RawSamples[] },
  { callers, servers }: MetricTable,
): readonly string[] {
  return edgesIn(
    callers.durationBuckets === servers.durationBuckets ? [...served, ...recent] : recent,
  )
}

export function evidence(
  live: Live,
  asked: { readonly check: string; readonly query: string; readonly nowMs: number },
): Evidence {
  const { check, query, nowMs } = asked
  const finding = verdict(live.state, nowMs)
  const { canary, stable } = finding
  return {
    check,
    outcome: outcomeOf[finding.verdict],
    because: sentence(finding),
    query: query.slice(0, 4_096),
    ...(canary.requests > 0 ? { value: percent(canary) } : {}),
    ...(stable.requests > 0 ? { stable: percent(stable) } : {}),
    samples: Math.round(canary.requests),
    windowSeconds: Math.max(0, Math.round((nowMs - live.fromMs) / 1_000)),
    at: new Date(nowMs).toISOString(),
  }
}

/** Hold stops a promotion just as a lack of evidence does: neither is ever a pass. */
const outcomeOf: Readonly<Record<Verdict, Evidence['outcome']>> = {
  abort: 'Failed',
  hold: 'Inconclusive',
  pass: 'Passed',
  inconclusive: 'Inconclusive',
}

function sentence({ because, evidence: found, abortAt }: Finding): string {
  return `${because}; evidence ${found.toFixed(2)} of ${abortAt.toFixed(2)}`.slice(0, 1_024)
}

function percent({ requests, bad }: Finding['canary']): number {
  return Number(((100 * bad) / requests).toPrecision(6))
}
