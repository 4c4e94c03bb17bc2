// The text of a check and of a tick file in, the verdict after each tick out: `kubectl sluice judge`.
// Same engine as a live rollout; no cluster, no clock.
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { Compare } from '../../crds/compare.ts'
import { describeProblem, problemsOf } from '../../crds/problem.ts'
import { specOf } from './check.ts'
import { replay, start } from './engine.ts'
import { joinArms, nothingWaits, parseTicks } from './ticks.ts'
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

/** The check is not a compare check, or it does not fit the ticks; the message names the place. */
export class CheckFileError extends Error {}

/** Checks of a rollout that share its rate of false aborts: errors and latency. */
const usualChecks = 2
const maxCheckLength = 65_536

export function judgeFile(check: NamedText, ticks: NamedText): Judgement {
  const { name, compare } = parseCheck(check)
  const file = parseTicks(ticks.text, ticks.name)
  if (file.metric !== compare.metric) {
    throw new CheckFileError(
      `${ticks.name}: counts ${file.metric}, but ${check.name} compares ${compare.metric}`,
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

/** Lines for people: a tick each, where the verdict changes, and the last word. */
export function judgementText(judgement: Judgement): string {
  const { check, ticks } = judgement
  const changes = ticks.filter(({ verdict: word }, i) => word !== ticks[i - 1]?.verdict)
  const lines = changes.map((one) => `${one.at}  ${one.verdict.padEnd(12)}  ${one.because}`)
  return [...lines, `${check}: ${judgement.verdict}, ${judgement.because}`, ''].join('\n')
}

/** Lines for machines: one JSON object per tick, then the judgement without its ticks. */
export function judgementJson(judgement: Judgement): string {
  const { ticks, ...last } = judgement
  return [...ticks, last].map((line) => `${JSON.stringify(line)}\n`).join('')
}

const CompareCheck = z.object({
  name: z.string().min(1).max(63).default('compare'),
  compare: Compare,
})

function parseCheck({ name, text }: NamedText): z.infer<typeof CompareCheck> {
  if (text.length > maxCheckLength) throw new CheckFileError(`${name}: is too long for a check`)
  const document = parseDocument(text, { version: '1.1' })
  const [broken] = document.errors
  if (broken) throw new CheckFileError(`${name}: ${broken.message}`, { cause: broken })
  const value: unknown = document.toJS({ maxAliasCount: 0 })
  const found = CompareCheck.safeParse(value)
  if (found.success) return found.data
  const problems = problemsOf(found.error, CompareCheck, value).slice(0, 5).map(describeProblem)
  throw new CheckFileError(problems.map((problem) => `${name}: ${problem}`).join('\n'))
}
