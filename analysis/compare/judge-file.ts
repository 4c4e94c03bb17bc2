// A compare check and the text of a tick file in, the verdict after each tick out: `kubectl sluice judge`.
// Same engine as a live rollout; no cluster, no clock.
import type { Compare } from '../../crds/compare.ts'
import { specOf } from './check.ts'
import { replay, start } from './engine.ts'
import { joinArms, nothingWaits, parseTicks, TickFileError } from './ticks.ts'
import { type Finding, type Verdict, verdict } from './verdict.ts'

export interface NamedText {
  readonly name: string
  readonly text: string
}

/** The verdict after one tick of the file. */
export interface JudgedTick {
  readonly tick: number
  readonly at: string
  readonly verdict: Verdict
  readonly because: string
  readonly evidence: number
  readonly abortAt: number
  readonly passEvidence: number
  readonly notes: Finding['notes']
  readonly canary: Finding['canary']
  readonly stable: Finding['stable']
  readonly edgeSeconds?: number
}

export interface Judgement {
  readonly check: string
  readonly ticks: readonly JudgedTick[]
  /** The last word: an abort stays one. `inconclusive` without ticks. */
  readonly verdict: Verdict
  readonly because: string
}

/** Checks of a rollout that share its rate of false aborts: errors and latency. */
const usualChecks = 2

/** A compare check as a Rollout has it, with its defaults. */
export interface CompareCheck {
  readonly name: string
  readonly compare: Compare
}

/** Throws `TickFileError` when the text is no tick file, or one of another metric. */
export function judgeFile({ name, compare }: CompareCheck, ticks: NamedText): Judgement {
  const file = parseTicks(ticks.text, ticks.name)
  if (file.metric !== compare.metric) {
    throw new TickFileError(
      `${ticks.name}: counts ${file.metric}, but check ${name} compares ${compare.metric}`,
    )
  }
  let state = start(specOf(compare, { ...file, checks: usualChecks }), file.history)
  let waiting = nothingWaits
  const judged = file.scrapes.map((scrape, i): JudgedTick => {
    const joined = joinArms(waiting, scrape)
    waiting = joined.waiting
    if (joined.tick) state = replay(state, [joined.tick])
    const { verdict: word, ...finding } = verdict(state, Math.max(scrape.atMs, state.atMs))
    return { tick: i, at: new Date(scrape.atMs).toISOString(), verdict: word, ...finding }
  })
  const last = judged.at(-1)
  return {
    check: name,
    ticks: judged,
    verdict: last?.verdict ?? 'inconclusive',
    because: last?.because ?? 'there are no ticks',
  }
}

/** Lines for machines: one JSON object per tick, then the judgement without its ticks. */
export function judgementJson(judgement: Judgement): string {
  const { ticks, ...last } = judgement
  return [...ticks, last].map((line) => `${JSON.stringify(line)}\n`).join('')
}
