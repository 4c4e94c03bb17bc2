// A compare check and the text of a tick file in, the verdict after each tick out: `kubectl sluice judge`.
// Same engine as a live rollout; no cluster, no clock. What is known after the last tick may be saved, so that
// the next file goes on from there.
import type { Compare } from '../../crds/compare.ts'
import { specOf } from './check.ts'
import { replay, type State, start } from './engine.ts'
import { load, save } from './saved-state.ts'
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
  /** Of comparisons only. */
  readonly evidence?: number
  readonly abortAt?: number
  readonly passEvidence?: number
  readonly notes?: Finding['notes']
  readonly canary: Finding['canary']
  readonly stable: Finding['stable']
  readonly edgeSeconds?: number
  /** What a fixed bound looked back. */
  readonly windowSeconds?: number
}

export interface Judgement {
  readonly check: string
  readonly ticks: readonly JudgedTick[]
  /** The last word: an abort stays one. `inconclusive` without ticks. */
  readonly verdict: Verdict
  readonly because: string
  /** What is known after the last tick, in less than a kilobyte; empty for a fixed bound, which needs all ticks. */
  readonly saved: string
}

/** Checks of a rollout that share its rate of false aborts: errors and latency. */
const usualChecks = 2

/** A compare check as a Rollout has it, with its defaults. */
export interface CompareCheck {
  readonly name: string
  readonly compare: Compare
}

/**
 * Goes on from `saved`, what a run before knew; from the history of the file where that is empty, or null. Throws
 * `TickFileError` when the text is no tick file, or one of another metric, or what was saved is of another check.
 */
export function judgeFile(
  { name, compare }: CompareCheck,
  ticks: NamedText,
  saved: NamedText | null = null,
): Judgement {
  const file = parseTicks(ticks.text, ticks.name)
  if (saved !== null && file.firstUntimed !== null) {
    throw new TickFileError(
      `${ticks.name}: ticks[${file.firstUntimed}].at: is needed to tell the tick from those before`,
    )
  }
  if (file.metric !== compare.metric) {
    throw new TickFileError(
      `${ticks.name}: counts ${file.metric}, but check ${name} compares ${compare.metric}`,
    )
  }
  const spec = specOf(compare, { ...file, checks: usualChecks })
  let state = loaded(spec, saved) ?? start(spec, file.history)
  let waiting = nothingWaits
  let { atMs } = state
  const judged = file.scrapes.map((scrape, i): JudgedTick => {
    if (scrape.atMs > atMs) {
      atMs = scrape.atMs
      const joined = joinArms(waiting, scrape)
      waiting = joined.waiting
      if (joined.tick) state = replay(state, [joined.tick])
    }
    const { verdict: word, ...finding } = verdict(state, atMs)
    return { tick: i, at: new Date(scrape.atMs).toISOString(), verdict: word, ...finding }
  })
  return { check: name, ticks: judged, ...lastWord(state, judged), saved: save(state) }
}

/** Without ticks in the file, what was known before is the last word; without that there is none. */
function lastWord(
  state: State,
  judged: readonly JudgedTick[],
): Pick<Judgement, 'verdict' | 'because'> {
  const last = judged.at(-1)
  if (last === undefined && state.atMs === 0) {
    return { verdict: 'inconclusive', because: 'there are no ticks' }
  }
  const { verdict: word, because } = last ?? verdict(state)
  return { verdict: word, because }
}

/** Null where nothing was saved yet. */
function loaded(spec: State['spec'], saved: NamedText | null): State | null {
  const text = saved?.text.trim() ?? ''
  if (text === '') return null
  try {
    return load(spec, text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new TickFileError(`${saved?.name}: ${reason}`, { cause: error })
  }
}

/** Lines for machines: one JSON object per tick, then the judgement without its ticks. */
export function judgementJson(judgement: Judgement): string {
  const { ticks, check, verdict: word, because } = judgement
  return [...ticks, { check, verdict: word, because }]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('')
}
