// Measured checks of one round in, evidence for each out. What was measured is kept in memory between rounds;
// after a restart the instants since the step was live are asked about again, which Prometheus can answer.
import type { Check } from '../crds/check.ts'
import type { Evidence } from '../crds/rollout-status.ts'
import { type Asked, askedFor, readAll } from './ask/asking.ts'
import type { Inquiry } from './ask/inquiry.ts'
import type { Apart } from './ask/own-queries.ts'
import type { Sources } from './ask/source.ts'
import { isEverywhere, judge } from './judge/judge.ts'
import {
  conclusionOf,
  counted,
  dueInstants,
  emptyTally,
  type Schedule,
  type Tally,
} from './judge/measurements.ts'
import { ownReading, type Reading } from './judge/reading.ts'
import { controlQuery, type Target } from './query/query.ts'

/** One measured check of one subject. */
export interface Measurement {
  /** Identity over rounds: rollout, revision and check. */
  readonly key: string
  readonly check: Check
  /** Its window is that of the schedule. */
  readonly target: Target
  readonly schedule: Schedule
  readonly step: number
  readonly fromMs: number
  readonly minRequests: number
}

interface Kept {
  readonly about: string
  readonly tally: Tally
  readonly lastMs: number | null
  /** What is being measured still, such as a Job that runs. */
  readonly pending: string | null
  readonly seenMs: number
}

interface Round {
  readonly inquiry: Inquiry
  readonly nowMs: number
}

export interface Measurer {
  judge(
    measurements: readonly Measurement[],
    round: Round,
  ): Promise<ReadonlyMap<Measurement, Evidence>>
}

/** What is not asked about for so long is forgotten. */
const keptMs = 3_600_000

export function createMeasurer(options: {
  readonly subjectsPerQuery: number
  readonly sources: Sources
  readonly apart: Apart
}): Measurer {
  const known = new Map<string, Kept>()
  return {
    async judge(measurements, round) {
      const { nowMs, inquiry } = round
      for (const [key, { seenMs }] of known) if (nowMs - seenMs > keptMs) known.delete(key)
      const due = measurements.map((measurement) => {
        const kept = keptFor(known.get(measurement.key), measurement, nowMs)
        const { check, target, schedule } = measurement
        const instants = dueInstants(schedule, { lastMs: kept.lastMs, nowMs })
        return { measurement, kept, asked: instants.map((at) => askedFor(check, target, at)) }
      })
      const all = due.flatMap(({ asked }) => asked)
      const readings = await readAll(all, { inquiry, ...options })
      const results = await Promise.all(
        due.map(async ({ measurement, kept, asked }) => {
          const next = await after(kept, { measurement, asked, readings }, round)
          known.set(measurement.key, next)
          return [measurement, evidenceOf(measurement, next, nowMs)] as const
        }),
      )
      return new Map(results)
    },
  }
}

/** What was measured before, unless it was about another step, another try or another check. */
function keptFor(kept: Kept | undefined, measurement: Measurement, nowMs: number): Kept {
  const { step, fromMs, check, target } = measurement
  const about = JSON.stringify([step, fromMs, check, target.stable])
  if (kept?.about === about) return { ...kept, seenMs: nowMs }
  return { about, tally: emptyTally, lastMs: null, pending: null, seenMs: nowMs }
}

async function after(
  kept: Kept,
  found: {
    readonly measurement: Measurement
    readonly asked: readonly Asked[]
    readonly readings: ReadonlyMap<Asked, Reading>
  },
  { inquiry }: Round,
): Promise<Kept> {
  let { tally, lastMs } = kept
  for (const asked of found.asked) {
    const reading = found.readings.get(asked)
    if (reading?.kind === 'pending') return { ...kept, tally, lastMs, pending: reading.because }
    const evidence = measured(asked, reading, found.measurement)
    tally = counted(tally, await besideStable(asked, evidence, inquiry))
    lastMs = asked.atMs
  }
  return { ...kept, tally, lastMs, pending: null }
}

function measured(
  { check, target, query, atMs }: Asked,
  reading: Reading | undefined,
  { minRequests }: Measurement,
): Evidence {
  return judge(check, reading ?? { kind: 'error', because: 'the question was not answered' }, {
    final: true,
    minRequests,
    windowMs: target.windowMs,
    atMs,
    ...(query === '' ? {} : { query }),
  })
}

/** A query of a user that stable fails as well tells of a bad day, not of a bad canary. */
export async function besideStable(
  { check, target, atMs }: Pick<Asked, 'check' | 'target' | 'atMs'>,
  evidence: Evidence,
  inquiry: Inquiry,
): Promise<Evidence> {
  const control = evidence.outcome === 'Failed' ? controlQuery(check, target) : null
  if (control === null) return evidence
  const answer = await inquiry.ask(control, 'single', atMs)
  if ('because' in answer) return evidence
  const reading = ownReading(answer.samples)
  return reading.kind === 'value' ? isEverywhere(check, evidence, reading.value) : evidence
}

function evidenceOf(
  { check, schedule }: Measurement,
  { tally, pending }: Kept,
  nowMs: number,
): Evidence {
  const { outcome, because } = conclusionOf(check, tally)
  const shown = (outcome === 'Failed' ? tally.lastFailed : null) ?? tally.last
  const waits = pending === null || outcome === 'Failed' ? '' : `; ${pending}`
  return {
    windowSeconds: schedule.windowMs / 1_000,
    at: new Date(nowMs).toISOString(),
    ...shown,
    check: check.name,
    outcome: pending !== null && outcome === 'Passed' ? 'Inconclusive' : outcome,
    because: `${because}${waits}`.slice(0, 1_024),
  }
}
