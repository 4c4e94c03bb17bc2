// When a check is measured, and what its measurements amount to. Pure. The semantics are those of Argo Rollouts
// and Flagger, but for one thing: no data is neither a success nor a failure.
import type { Check } from '../../crds/check.ts'
import { durationMs } from '../../crds/duration.ts'
import type { Evidence } from '../../crds/rollout-status.ts'
import { sourceOf } from '../query/source-kind.ts'

export interface Schedule {
  readonly intervalMs: number
  readonly windowMs: number
  /** The first instant that is measured, ms since epoch. */
  readonly firstMs: number
  /** Measured once in a step, however long it takes. */
  readonly isOnce: boolean
  /** Instants that were missed can be asked about later; of others only the newest is. */
  readonly isOfPast: boolean
}

/** Where a check of another provider names no interval: those are paid by the question. */
const defaultIntervalMs = 60_000
/** Instants that are measured again after a restart; of more, the last ones. */
const maxReplayed = 120

/** Null for a check that is not measured but judged as a whole. */
export function scheduleOf(
  check: Check,
  at: { readonly fromMs: number; readonly scrapeMs: number },
): Schedule | null {
  const { fromMs, scrapeMs } = at
  const source = sourceOf(check)
  if (check.compare || (check.interval === undefined && source === null)) return null
  const asked = check.interval === undefined ? defaultIntervalMs : durationMs(check.interval)
  const intervalMs = Math.max(asked, scrapeMs, 1)
  const delayMs = check.initialDelay === undefined ? 0 : durationMs(check.initialDelay)
  if (source === 'job') {
    const isOnce = check.interval === undefined
    return { intervalMs, windowMs: 0, firstMs: fromMs + delayMs, isOnce, isOfPast: false }
  }
  const window = check.window === undefined ? intervalMs : durationMs(check.window)
  const windowMs = source === null ? Math.max(window, 2 * scrapeMs) : Math.max(window, 1_000)
  // The first window begins a scrape after the traffic was live. Instants are multiples of the interval, so
  // that many rollouts are asked about in one query, and the same ones again after a restart.
  const earliest = fromMs + delayMs + scrapeMs + windowMs
  return {
    intervalMs,
    windowMs,
    firstMs: Math.ceil(earliest / intervalMs) * intervalMs,
    isOnce: false,
    isOfPast: source !== 'webhook',
  }
}

/** Instants after `lastMs` that are due, oldest first. */
export function dueInstants(
  { firstMs, intervalMs, isOnce, isOfPast }: Schedule,
  { lastMs, nowMs }: { readonly lastMs: number | null; readonly nowMs: number },
): readonly number[] {
  if (isOnce) return lastMs === null && firstMs <= nowMs ? [firstMs] : []
  const next = lastMs === null ? firstMs : lastMs + intervalMs
  const due = Math.floor((nowMs - next) / intervalMs) + 1
  const skipped = Math.max(0, due - (isOfPast ? maxReplayed : 1))
  return Array.from(
    { length: Math.max(0, due - skipped) },
    (_, i) => next + (skipped + i) * intervalMs,
  )
}

export interface Tally {
  readonly succeeded: number
  readonly failed: number
  readonly inconclusive: number
  readonly errors: number
  readonly successesInRow: number
  readonly errorsInRow: number
  /** What the newest measurement said, and the newest failed one. */
  readonly last: Evidence | null
  readonly lastFailed: Evidence | null
}

export const emptyTally: Tally = {
  succeeded: 0,
  failed: 0,
  inconclusive: 0,
  errors: 0,
  successesInRow: 0,
  errorsInRow: 0,
  last: null,
  lastFailed: null,
}

export function counted(tally: Tally, measurement: Evidence): Tally {
  const { outcome } = measurement
  const of = (word: Evidence['outcome']) => (outcome === word ? 1 : 0)
  return {
    succeeded: tally.succeeded + of('Passed'),
    failed: tally.failed + of('Failed'),
    inconclusive: tally.inconclusive + of('Inconclusive'),
    errors: tally.errors + of('Error'),
    successesInRow: outcome === 'Passed' ? tally.successesInRow + 1 : 0,
    errorsInRow: outcome === 'Error' ? tally.errorsInRow + 1 : 0,
    last: measurement,
    lastFailed: outcome === 'Failed' ? measurement : tally.lastFailed,
  }
}

const defaultErrorLimit = 4

/** What the measurements so far amount to. Failed is Failed at once; the rest may still change. */
export function conclusionOf(check: Check, tally: Tally): Pick<Evidence, 'outcome' | 'because'> {
  const { failureLimit = 0, inconclusiveLimit = null, count = 1 } = check
  const { consecutiveErrorLimit = defaultErrorLimit, consecutiveSuccessLimit = null } = check
  const { succeeded, failed, inconclusive, errorsInRow, successesInRow, last, lastFailed } = tally
  const measured = succeeded + failed + inconclusive + tally.errors
  const about = last === null ? '' : `: ${last.because}`
  const says = (outcome: Evidence['outcome'], because: string) => ({ outcome, because })
  if (failed > failureLimit) {
    const why = lastFailed === null ? '' : `: ${lastFailed.because}`
    return says('Failed', `${failed} of ${measured} measurements failed, ${failureLimit} may${why}`)
  }
  if (errorsInRow > consecutiveErrorLimit) {
    return says('Error', `${errorsInRow} measurements in a row got no answer${about}`)
  }
  if (inconclusiveLimit !== null && inconclusive > inconclusiveLimit) {
    const many = `${inconclusive} of ${measured} measurements were inconclusive`
    return says('Inconclusive', `${many}, ${inconclusiveLimit} may${about}`)
  }
  if (measured === 0) return says('Inconclusive', 'nothing has been measured yet')
  if (succeeded < count) {
    return says('Inconclusive', `${succeeded} of ${count} measurements succeeded so far${about}`)
  }
  if (consecutiveSuccessLimit !== null && successesInRow < consecutiveSuccessLimit) {
    const many = `${successesInRow} of ${consecutiveSuccessLimit} measurements in a row succeeded`
    return says('Inconclusive', `${many} so far${about}`)
  }
  if (last?.outcome !== 'Passed') {
    return says('Inconclusive', `the last of ${measured} measurements did not succeed${about}`)
  }
  const tail = failed > 0 ? `, ${failed} failed` : ''
  return says('Passed', `${succeeded} of ${measured} measurements succeeded${tail}${about}`)
}
