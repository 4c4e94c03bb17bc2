// A check and its reading in, evidence out; the evidence of all checks in, the verdict out.
// Failed needs proof, Passed needs its own proof, and whatever lies between is said to be so.
import type { Check } from '../../crds/check.ts'
import { durationMs } from '../../crds/duration.ts'
import type { Evidence } from '../../crds/rollout-status.ts'
import type { Outcome, Verdict } from '../verdict.ts'
import { upperTail } from './binomial.ts'
import type { Reading } from './reading.ts'
import { errorShare, type Share, slowShare } from './share.ts'

/** What a check is judged by besides its reading. */
export interface Gate {
  /** The hold is over: a plain comparison decides. Before that, only what is beyond doubt fails. */
  readonly final: boolean
  /** Requests below which a built-in check does not pass. */
  readonly minRequests: number
  readonly windowMs: number
  readonly atMs: number
  readonly query?: string
}

/** A check fails in the middle of a step when chance explains it less often than this. */
const doubt = 1e-4
/** And never on fewer failures than this: the first requests of a cold pod are not the revision. */
const leastFailures = 5
/** A canary this many times worse than a stable that fails too is bad by itself. */
const worseFactor = 2

export function judge(check: Check, reading: Reading, gate: Gate): Evidence {
  const finding = find(check, reading, gate)
  const { outcome, because, ...numbers } = finding
  const query = gate.query?.slice(0, 4096)
  return {
    check: check.name,
    outcome,
    because: sentence(because),
    ...(query === undefined ? {} : { query }),
    ...numbers,
    windowSeconds: gate.windowMs / 1_000,
    at: new Date(gate.atMs).toISOString(),
  }
}

/** What the verdict speaks for. */
export interface Trial {
  readonly revision: string
  readonly step: number
  readonly fromMs: number
  readonly final: boolean
  readonly checks: readonly { readonly name: string }[]
}

/**
 * Failed beats Error beats Inconclusive. Passed needs a passed check for every check asked, and the
 * end of the hold; in the middle of a step what neither fails nor errs is Running.
 */
export function combine(trial: Trial, evidence: readonly Evidence[], atMs: number): Verdict {
  const head = {
    revision: trial.revision,
    step: trial.step,
    from: trial.fromMs,
    at: atMs,
    evidence,
  }
  for (const outcome of ['Failed', 'Error', 'Inconclusive'] as const) {
    const found = evidence.filter((one) => one.outcome === outcome)
    if (found.length === 0) continue
    const because = found.map((one) => `${one.check}: ${one.because}`).join('; ')
    const isWaiting = outcome === 'Inconclusive' && !trial.final
    return { ...head, outcome: isWaiting ? 'Running' : outcome, because: sentence(because) }
  }
  const silent = trial.checks.filter(({ name }) => !evidence.some((one) => one.check === name))
  const unknown: Outcome = trial.final ? 'Inconclusive' : 'Running'
  if (trial.checks.length === 0) {
    return { ...head, outcome: unknown, because: 'no check is defined, so there is no evidence' }
  }
  if (silent.length > 0) {
    const names = silent.map(({ name }) => name).join(', ')
    return { ...head, outcome: unknown, because: sentence(`no evidence for ${names}`) }
  }
  const because = sentence(evidence.map((one) => `${one.check}: ${one.because}`).join('; '))
  return { ...head, outcome: trial.final ? 'Passed' : 'Running', because }
}

type Finding = Pick<
  Evidence,
  'outcome' | 'because' | 'value' | 'stable' | 'min' | 'max' | 'samples'
>

function find(check: Check, reading: Reading, gate: Gate): Finding {
  switch (reading.kind) {
    case 'error':
      return { outcome: 'Error', because: reading.because }
    case 'inconclusive':
    case 'pending':
      return { outcome: 'Inconclusive', because: reading.because }
    case 'ended':
      return { outcome: reading.isGood ? 'Passed' : 'Failed', because: reading.because }
    case 'value': {
      const bounds = boundsOf(check)
      return bounds ? own(bounds, reading.value, gate) : mismatch(check)
    }
    case 'requests': {
      if (!check.successRate) return mismatch(check)
      const { min } = check.successRate
      const canary = errorShare(reading.canary, min)
      return { ...compare(canary, reading.stable && errorShare(reading.stable, min), gate), min }
    }
    case 'durations': {
      if (!check.latency) return mismatch(check)
      const bound = {
        quantile: check.latency.quantile,
        maxSeconds: durationMs(check.latency.max) / 1_000,
      }
      const canary = slowShare(reading.canary, bound)
      const stable = reading.stable && slowShare(reading.stable, bound)
      return { ...compare(canary, stable, gate), max: bound.maxSeconds }
    }
  }
}

/** Canary against the bound; stable against the same bound, to tell a bad canary from a bad day. */
function compare(canary: Share, stable: Share | null, gate: Gate): Finding {
  const samples = Math.round(canary.total)
  if (samples === 0) {
    const because = `no requests to the canary in the last ${gate.windowMs / 1_000}s`
    return { outcome: 'Inconclusive', because, samples }
  }
  const numbers = {
    ...(canary.value === null ? {} : { value: rounded(canary.value) }),
    ...(stable === null || stable.value === null ? {} : { stable: rounded(stable.value) }),
    samples,
  }
  const besides = stable?.shown && stable.total >= 0.5 ? `; stable has ${stable.shown}` : ''
  if (fails(canary, gate)) {
    const because = `${canary.violated}${besides}`
    return stable !== null && fails(stable, gate) && !isClearlyWorse(canary, stable)
      ? {
          outcome: 'Inconclusive',
          because: `the environment is unhealthy: stable fails too (${because})`,
          ...numbers,
        }
      : { outcome: 'Failed', because, ...numbers }
  }
  if (!canary.isJudgeable) return { outcome: 'Inconclusive', because: canary.violated, ...numbers }
  if (samples < gate.minRequests) {
    const because = `only ${samples} of ${gate.minRequests} requests needed so far: ${canary.shown}`
    return { outcome: 'Inconclusive', because, ...numbers }
  }
  if (isViolated(canary)) {
    const because = `${canary.violated}, which may still be chance${besides}`
    return { outcome: 'Inconclusive', because, ...numbers }
  }
  return { outcome: 'Passed', because: `${canary.met}${besides}`, ...numbers }
}

function fails(share: Share, gate: Gate): boolean {
  if (!share.isJudgeable) return false
  if (isBeyondDoubt(share, share.allowed)) return true
  return gate.final && Math.round(share.total) >= gate.minRequests && isViolated(share)
}

/** Both arms fail, but chance does not explain the canary even if stable's share were twice what it is. */
function isClearlyWorse(canary: Share, stable: Share): boolean {
  const share = stable.total > 0 ? stable.bad / stable.total : 0
  return isBeyondDoubt(canary, Math.min(1, worseFactor * share))
}

/** So many bad requests would be seen by chance with a probability of at most `doubt`. */
function isBeyondDoubt(share: Share, rate: number): boolean {
  const total = Math.round(share.total)
  // Rounded down: an extrapolated fraction of a request is no proof.
  const failed = Math.min(total, Math.floor(share.bad + 1e-6))
  const least = rate > 0 ? leastFailures : 1
  return failed >= least && upperTail({ failed, total }, rate) <= doubt
}

function isViolated(share: Share): boolean {
  return share.total > 0 && share.bad / share.total > share.allowed + 1e-12
}

interface Bounds {
  readonly min?: number | undefined
  readonly max?: number | undefined
}

function boundsOf(check: Check): Bounds | null {
  return check.prometheus ?? check.datadog ?? check.cloudWatch ?? check.webhook ?? null
}

/** The evidence of a failed check, unless stable has a value out of the same bounds. */
export function isEverywhere(check: Check, evidence: Evidence, stable: number): Evidence {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = boundsOf(check) ?? {}
  if (stable >= min && stable <= max) return { ...evidence, stable }
  const because = `the environment is unhealthy: stable has ${Number(stable.toPrecision(6))} (${evidence.because})`
  return { ...evidence, stable, outcome: 'Inconclusive', because: sentence(because) }
}

function own(bounds: Bounds, value: number, gate: Gate): Finding {
  const { min, max } = bounds
  const numbers = {
    value,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  }
  const shown = Number(value.toPrecision(6))
  const below = min !== undefined && value < min
  const above = max !== undefined && value > max
  if (!below && !above) {
    const bounded = [
      min === undefined ? '' : `at least ${min}`,
      max === undefined ? '' : `at most ${max}`,
    ].filter((part) => part !== '')
    return { outcome: 'Passed', because: `${shown} is ${bounded.join(' and ')}`, ...numbers }
  }
  const because = below ? `${shown} is below ${min}` : `${shown} is above ${max}`
  // One number tells no chance from fault, so it decides only once the hold is over.
  return gate.final
    ? { outcome: 'Failed', because, ...numbers }
    : { outcome: 'Inconclusive', because: `${because}, judged when the hold is over`, ...numbers }
}

function mismatch(check: Check): Finding {
  return { outcome: 'Error', because: `the answer does not fit check ${check.name}` }
}

function rounded(value: number): number {
  return Number(value.toPrecision(6))
}

function sentence(text: string): string {
  return text.length <= 1024 ? text : `${text.slice(0, 1023)}…`
}
