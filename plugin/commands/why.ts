// `kubectl sluice why NAME`: one rollout in, the one cause that it stands where it stands and who may clear it out.
import { durationMs, formatDuration, isDuration } from '../../crds/duration.ts'
import { UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import { type Command, connect, getRollout, oneName } from '../invocation.ts'
import { jsonFlag } from '../output-form.ts'
import { type Branch, renderTree } from '../render.ts'
import { blockerOf, meaningOf } from '../rollout/blocker.ts'
import { stoodAt } from '../rollout/past.ts'
import { doing } from '../rollout/precondition.ts'
import { type RolloutView, readRollout } from '../rollout/rollout-view.ts'

export const why: Command = {
  summary: 'Tell the one thing a rollout waits for, and who may clear it',
  usage: 'why NAME [--at TIME] [flags]',
  completes: 'rollout',
  detail:
    '--at asks about the past, as far as the history knows it: a time such as 2026-01-31T14:05:00Z, or 20m for\ntwenty minutes ago.',
  flags: {
    ...commonFlags,
    at: { takes: 'TIME', help: 'a time in the past; default: now' },
    output: jsonFlag,
  },
  async run(invocation) {
    const { world, flags } = invocation
    const name = oneName(invocation)
    const now = world.now()
    const at = readTime(flags.value('at'), now)
    const cluster = await connect(invocation)
    const rollout = readRollout(await getRollout(cluster, name))
    const answer = at === null ? present(rollout, now) : past(rollout, at, now)
    if (flags.value('output') === 'json') {
      const { label: _, ...said } = answer
      world.print(
        `${JSON.stringify({ rollout: name, namespace: rollout.namespace, ...said }, null, 4)}\n`,
      )
    } else world.print(renderTree(draw(answer, now), world.style))
    return 0
  },
}

interface Answer {
  readonly label: string
  readonly blocked: boolean
  readonly because: string
  readonly reason?: string
  readonly since?: string
  readonly clearedBy?: string
  readonly needsPerson?: boolean
  readonly at?: string
  /** What the answer rests on. */
  readonly known?: string
}

function readTime(given: string | undefined, now: number): number | null {
  if (given === undefined) return null
  const at = isDuration(given) ? now - durationMs(given) : parseTime(given)
  if (Number.isNaN(at)) {
    throw new UsageError(
      `--at=${given} is neither a time such as 2026-01-31T14:05:00Z nor one such as 20m`,
    )
  }
  if (at > now) throw new UsageError(`--at=${given} is in the future`)
  return at
}

/** Only times that mean the same everywhere: with their zone. */
function parseTime(given: string): number {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(given)
    ? Date.parse(given)
    : Number.NaN
}

function present(rollout: RolloutView, now: number): Answer {
  const label = `${rollout.namespace}/${rollout.name}`
  const blocker = blockerOf(rollout, now)
  if (!blocker)
    return { label, blocked: false, because: `nothing is waited for: ${doing(rollout)}` }
  const { since, ...rest } = blocker
  return { label, blocked: true, ...rest, ...(since !== undefined && { since: iso(since) }) }
}

function past(rollout: RolloutView, at: number, now: number): Answer {
  const label = `${rollout.namespace}/${rollout.name}`
  const { blocker, because, known } = stoodAt(rollout, at, now)
  const common = { label, at: iso(at), because, known }
  if (!blocker) return { ...common, blocked: false }
  const { reason, needsPerson, clearedBy } = blocker
  return { ...common, blocked: true, reason, needsPerson, clearedBy }
}

function draw(answer: Answer, now: number): Branch {
  const { label, because, reason, since, clearedBy, needsPerson, at, known } = answer
  const row = (name: string, text: string | undefined): Branch[] =>
    text === undefined ? [] : [{ label: name, text }]
  const waits = since === undefined ? '' : ` (for ${ago(Date.parse(since), now)})`
  const tone = needsPerson ? ('warn' as const) : undefined
  return {
    label,
    branches: [
      ...row('at', at),
      { label: 'because', tone, text: `${because}${waits}` },
      ...row('reason', reason && `${reason}: ${meaningOf(reason) ?? 'not known to this version'}`),
      ...row('cleared by', clearedBy),
      ...row('known', known),
    ],
  }
}

function ago(since: number, now: number): string {
  return formatDuration(Math.floor(Math.max(0, now - since) / 1_000) * 1_000)
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
