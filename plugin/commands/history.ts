// `kubectl sluice history NAME`: one rollout in, a line for each of its last releases out.
import { formatDuration } from '../../crds/duration.ts'
import { commonFlags } from '../flags.ts'
import { type Command, connect, getRollout, oneName } from '../invocation.ts'
import { jsonFlag } from '../output-form.ts'
import { type Column, renderTable, type Tone } from '../render.ts'
import { type PastRelease, type RolloutView, readRollout } from '../rollout/rollout-view.ts'

export const history: Command = {
  summary:
    'Show the last releases: commit, how far each came, how it ended, after how long and why',
  usage: 'history NAME [flags]',
  completes: 'rollout',
  detail: 'The controller keeps the last ten. A trial that goes on is the first line.',
  flags: { ...commonFlags, output: jsonFlag },
  async run(invocation) {
    const { world, flags } = invocation
    const name = oneName(invocation)
    const cluster = await connect(invocation)
    const releases = releasesOf(readRollout(await getRollout(cluster, name)), world.now())
    if (flags.value('output') === 'json') {
      world.print(`${JSON.stringify(releases.map(forPrograms), null, 4)}\n`)
    } else if (releases.length === 0) {
      world.printError(`No release of ${name} has been tried yet.\n`)
    } else world.print(renderTable(columnsOf(releases), world.style))
    return 0
  },
}

type Listed = Omit<PastRelease, 'outcome'> & {
  readonly outcome: string
  readonly tone: Tone
  readonly durationMs?: number
}

const tones: Readonly<Record<PastRelease['outcome'], Tone>> = {
  Promoted: 'good',
  Aborted: 'bad',
  Superseded: 'dim',
}

export function releasesOf(rollout: RolloutView, now: number): Listed[] {
  const { phase, canary, because = '', startedAt } = rollout
  const past = rollout.history.map((one) => ({
    ...one,
    tone: tones[one.outcome],
    ...duration(one.startedAt, one.endedAt),
  }))
  if ((phase !== 'Progressing' && phase !== 'Paused') || !canary) return past
  const current: Listed = {
    ...canary,
    outcome: phase,
    tone: phase === 'Paused' ? 'warn' : 'busy',
    because: rollout.blockedBy?.message ?? because,
    ...(rollout.progress !== undefined && { progress: rollout.progress }),
    ...(startedAt !== undefined && { startedAt }),
    ...duration(startedAt, now),
  }
  return [current, ...past]
}

function duration(from: number | undefined, to: number | undefined) {
  return from === undefined || to === undefined ? {} : { durationMs: Math.max(0, to - from) }
}

function columnsOf(releases: readonly Listed[]): Column[] {
  const column = (title: string, dispensable: number, cell: (one: Listed) => string) => ({
    title,
    dispensable,
    cells: releases.map((one) => ({ text: cell(one) })),
  })
  return [
    column('COMMIT', 0, ({ commit }) => commit?.slice(0, 10) ?? '-'),
    column('REVISION', 2, ({ revision }) => revision),
    {
      title: 'OUTCOME',
      dispensable: 0,
      cells: releases.map(({ outcome, tone }) => ({ text: outcome, tone })),
    },
    column('STEP', 3, ({ progress }) => progress ?? '-'),
    column('STARTED', 4, ({ startedAt }) => stamp(startedAt)),
    column('TOOK', 1, ({ durationMs }) =>
      durationMs === undefined ? '-' : formatDuration(Math.round(durationMs / 1_000) * 1_000),
    ),
    column('BECAUSE', 0, ({ because }) => because),
  ]
}

function stamp(time: number | undefined): string {
  return time === undefined ? '-' : `${new Date(time).toISOString().slice(0, 19)}Z`
}

function forPrograms({ tone: _, startedAt, endedAt, durationMs, ...release }: Listed): object {
  const iso = (time: number | undefined) =>
    time === undefined ? undefined : new Date(time).toISOString()
  const seconds = durationMs === undefined ? undefined : durationMs / 1_000
  return { ...release, startedAt: iso(startedAt), endedAt: iso(endedAt), durationSeconds: seconds }
}
