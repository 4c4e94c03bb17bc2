// The steps and checks of a Rollout and the traffic that is expected in, what each step can find out out: requests
// for a verdict, and the least fault that is found in its time. Pure.
import { specOf } from '../../analysis/compare/check.ts'
import { leastFound, requestsToPass } from '../../analysis/compare/power.ts'
import { type Json, list, number, record } from '../json.ts'
import { compareOf } from '../judge/compare-check.ts'
import type { Forecast, ForecastStep } from './forecast.ts'

export interface Expected {
  /** Requests a second to all revisions together; null where nobody says. */
  readonly requestsPerSecond: number | null
  /** Percent of requests that fail as a rule. */
  readonly errorPercent: number
}

export interface StepPower {
  readonly step: number
  readonly check: string
  /** Requests to the canary that a verdict needs. */
  readonly requests: number
  /** Seconds until there are so many; null where that is not known. */
  readonly seconds: number | null
  /** Least rise in percent points that is found with 80 % within the hold; null for none, or not known. */
  readonly risePoints: number | null
  /** What is wrong with it, in a sentence. */
  readonly warning: string | null
}

const scrapeMs = 15_000
/** A comparison judges no sooner than this after the first requests. */
const leastMs = 60_000

export function powerOf(spec: Json, forecast: Forecast, expected: Expected): StepPower[] {
  const analysis = record(spec['analysis'])
  const checks = list(analysis['checks']).map(record)
  const minRequests = number(analysis['minRequests']) ?? 100
  return forecast.steps.flatMap((step) => {
    if (!step.isChecked || step.weight === 0) return []
    return checks.flatMap((check) => {
      const needed = neededOf(check, { minRequests, checks, expected })
      return needed === null ? [] : [powerAt(step, needed, { expected, forecast })]
    })
  })
}

interface Needed {
  readonly check: string
  readonly requests: number
  readonly spec: ReturnType<typeof specOf> | null
}

function neededOf(
  check: Json,
  context: {
    readonly minRequests: number
    readonly checks: readonly Json[]
    readonly expected: Expected
  },
): Needed | null {
  const name = String(check['name'])
  if (check['successRate'] !== undefined || check['latency'] !== undefined) {
    return { check: name, requests: context.minRequests, spec: null }
  }
  const compared = compareOf(check)
  if (!compared) return null
  const checks = context.checks.filter((one) => one['compare'] !== undefined).length
  const facts = { scrapeMs, deadlineMs: 1_800_000, canaryPods: 1, edgesSeconds: [1], checks }
  const spec = specOf(compared.compare, facts)
  const rate = rateOf(compared.compare.metric, context.expected)
  return { check: name, requests: requestsToPass(spec, { rate, phi: 1 }), spec }
}

/** Share of requests that are bad as a rule: slower than an edge worth looking at are about 2 %. */
function rateOf(metric: 'errors' | 'latency', { errorPercent }: Expected): number {
  return metric === 'errors' ? errorPercent / 100 : 0.02
}

function powerAt(
  step: ForecastStep,
  { check, requests, spec }: Needed,
  { expected, forecast }: { readonly expected: Expected; readonly forecast: Forecast },
): StepPower {
  const { requestsPerSecond: all } = expected
  const common = { step: step.step, check, requests }
  if (spec && step.weight >= 100) {
    const warning =
      'at 100 % stable has no requests: faults that begin here are not found by comparison'
    return { ...common, seconds: null, risePoints: null, warning }
  }
  const canary = all === null ? null : (all * step.weight) / 100
  if (canary === null || all === null) {
    return { ...common, seconds: null, risePoints: null, warning: null }
  }
  const seconds = Math.max(requests / Math.max(canary, 1e-9), spec ? leastMs / 1_000 : 0)
  const rate = rateOf(spec?.metric ?? 'errors', expected)
  const found =
    spec && leastFound(spec, { canary, stable: all - canary, rate, phi: 1 }, step.holdMs || leastMs)
  const deadlineMs = step.holdMs + forecast.deadlineMs
  const isTooSlow = seconds * 1_000 > deadlineMs
  return {
    ...common,
    seconds: Math.ceil(seconds),
    risePoints: found === null ? null : Number((100 * (found - rate)).toPrecision(2)),
    warning: isTooSlow
      ? `${requests} requests come in ${Math.ceil(seconds)}s at ${step.weight} %, after its deadline: it can not reach a verdict`
      : null,
  }
}
