// The state of a check in, what may be done with the rollout out, with a sentence that says why.
import { evidenceOf, passEvidenceOf, type State } from './engine.ts'
import { type Lane, laneEvidence, toleratedRate } from './lane.ts'
import { abortAt, holdAt, passAt } from './spec.ts'

/**
 * `abort`: the canary is worse than the margin, at the promised rate of error. `hold`: do not advance.
 * `pass`: a canary worse than the tolerance is ruled out. `inconclusive`: not enough is known; it is
 * never a pass.
 */
export type Verdict = 'abort' | 'hold' | 'pass' | 'inconclusive'

export type Note =
  | 'little-history'
  | 'no-traffic'
  | 'data-bad'
  | 'stale'
  | 'traffic-mismatch'
  | 'environment-unhealthy'
  | 'canary-restarts'

export interface Finding {
  readonly verdict: Verdict
  /** One sentence a user may read. */
  readonly because: string
  /** ln of the evidence of harm, the bound at which it aborts, and ln of the evidence of none. */
  readonly evidence: number
  readonly abortAt: number
  readonly passEvidence: number
  readonly notes: readonly Note[]
  readonly canary: Share
  readonly stable: Share
  /** The edge that the numbers speak for, in seconds; for latency only. */
  readonly edgeSeconds?: number
}

interface Share {
  readonly requests: number
  readonly bad: number
}

const maxCanaryRestarts = 3
const staleScrapes = 2

/** `nowMs` tells old evidence from fresh; without it the last tick is taken for now. */
export function verdict(state: State, nowMs: number = state.atMs): Finding {
  const lane = tellingLane(state)
  const numbers = {
    evidence: evidenceOf(state),
    abortAt: abortAt(state.spec),
    passEvidence: passEvidenceOf(state),
    notes: notesOf(state, nowMs),
    canary: { requests: state.totals.canaryN, bad: lane?.canaryX ?? 0 },
    stable: { requests: state.totals.stableN, bad: lane?.stableX ?? 0 },
    ...(state.spec.metric === 'latency'
      ? { edgeSeconds: state.spec.edgesSeconds[lane?.edge ?? 0] ?? 0 }
      : {}),
  }
  const shares = sharesText(numbers, state)
  const says = (word: Verdict, because: string): Finding => ({ verdict: word, because, ...numbers })
  if (state.isAborted) return says('abort', `the canary is worse than stable: ${shares}`)
  const reason = holdReason(state, numbers.notes)
  if (reason !== null) return says('hold', `${reason}: ${shares}`)
  if (numbers.evidence >= holdAt) {
    return says('hold', `the canary may be worse than stable: ${shares}`)
  }
  if (numbers.notes.includes('no-traffic')) {
    return says('inconclusive', 'the canary has had no requests')
  }
  if (numbers.notes.includes('data-bad')) {
    return says('inconclusive', 'the last counts are no counts, so they were not used')
  }
  if (numbers.passEvidence >= passAt) {
    const tolerated = lane && lane.rate !== null ? toleratedRate(state.spec, lane.rate) : null
    const bound = tolerated === null ? 'the tolerance' : percent(Math.min(1, tolerated))
    return says('pass', `more than ${bound} is ruled out: ${shares}`)
  }
  return says('inconclusive', `too little is known: ${shares}`)
}

/** The lane with the most evidence of harm; its numbers are shown. */
function tellingLane(state: State): Lane | undefined {
  const { spec, progress } = state
  const [first] = state.lanes
  if (state.lanes.length < 2) return first
  const found = state.lanes.map((lane) => ({ lane, ln: laneEvidence(lane, spec, progress) }))
  return found.reduce((most, one) => (one.ln > most.ln ? one : most)).lane
}

function notesOf(state: State, nowMs: number): readonly Note[] {
  const { spec, lanes, totals, atMs } = state
  const isStale = atMs > 0 && nowMs - atMs > staleScrapes * spec.scrapeMs
  const notes: readonly (Note | false)[] = [
    lanes.some(({ method }) => method === 'betting') && 'little-history',
    totals.canaryN === 0 && 'no-traffic',
    state.isDataBad && 'data-bad',
    isStale && 'stale',
    isTrafficElsewhere(state) && 'traffic-mismatch',
    isStableIll(state) && 'environment-unhealthy',
    state.canaryRestarts > maxCanaryRestarts && 'canary-restarts',
  ]
  return notes.filter((note) => note !== false)
}

function holdReason(state: State, notes: readonly Note[]): string | null {
  if (notes.includes('stale')) return 'no fresh counts have come'
  if (notes.includes('traffic-mismatch')) {
    return `the share of requests does not follow the weight of ${state.weightPercent} %`
  }
  if (notes.includes('environment-unhealthy')) return 'stable itself is far worse than usual'
  if (notes.includes('canary-restarts')) {
    return `containers of the canary restarted ${state.canaryRestarts} times`
  }
  return null
}

/** The canary's share of recent requests is outside 0.5 to 2 times its weight: routing is broken. */
function isTrafficElsewhere({ recent, weightPercent, totals }: State): boolean {
  const requests = recent.canaryN + recent.stableN
  const expected = (requests * weightPercent) / 100
  if (expected < 20 || totals.canaryN === 0 || weightPercent >= 100) return false
  return recent.canaryN < 0.5 * expected || recent.canaryN > 2 * expected
}

/** Both arms would be bad now: a comparison is silent then, and so must a promotion be. */
function isStableIll({ recent, lanes }: State): boolean {
  const usual = lanes[0]?.rate
  if (usual === null || usual === undefined || recent.stableX < 5) return false
  const share = recent.stableX / recent.stableN
  return share >= usual + 0.05 && share >= 5 * usual
}

function sharesText(
  numbers: { readonly canary: Share; readonly stable: Share; readonly edgeSeconds?: number },
  state: State,
): string {
  const { canary, stable, edgeSeconds } = numbers
  const what = state.spec.metric === 'errors' ? 'failed' : `took longer than ${edgeSeconds}s`
  return `${shareText(canary)} of the canary ${what}, ${shareText(stable)} of stable`
}

function shareText({ requests, bad }: Share): string {
  const share = requests > 0 ? ` (${percent(bad / requests)})` : ''
  return `${Math.round(bad)} of ${Math.round(requests)} requests${share}`
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`
}
