// `kubectl sluice history NAME`: one rollout in, a line for each of its last releases out.
import { formatDuration } from '../../crds/duration.ts'
import { commonFlags } from '../flags.ts'
import { type Command, connect, getRollout, oneName } from '../invocation.ts'
import { tableFlag } from '../output-form.ts'
import { type Column, cut, renderTable, type Style, type Tone } from '../render.ts'
import { type PastRelease, type RolloutView, readRollout } from '../rollout/rollout-view.ts'

export const history: Command = {
  summary:
    'Show the last releases: commit, author, how far each came, what its checks said, how it ended and why',
  usage: 'history NAME [flags]',
  completes: 'rollout',
  detail:
    'The controller keeps the last ten. A trial that goes on is the first line. -o wide names every check and cuts\nnothing. Authors are known of releases that a GitSource applied.',
  flags: { ...commonFlags, output: tableFlag },
  async run(invocation) {
    const { world, flags } = invocation
    const name = oneName(invocation)
    const cluster = await connect(invocation)
    const releases = releasesOf(readRollout(await getRollout(cluster, name)), world.now())
    if (flags.value('output') === 'json') {
      world.print(`${JSON.stringify(releases.map(forPrograms), null, 4)}\n`)
    } else if (releases.length === 0) {
      world.printError(`No release of ${name} has been tried yet.\n`)
    } else {
      const isWide = flags.value('output') === 'wide'
      const style = isWide ? { ...world.style, width: null } : world.style
      world.print(renderTable(columnsOf(releases, { isWide, style }), style))
    }
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
    verdicts: rollout.evidence,
    ...(rollout.progress !== undefined && { progress: rollout.progress }),
    ...(startedAt !== undefined && { startedAt }),
    ...duration(startedAt, now),
  }
  return [current, ...past]
}

function duration(from: number | undefined, to: number | undefined) {
  return from === undefined || to === undefined ? {} : { durationMs: Math.max(0, to - from) }
}

interface Shown {
  readonly isWide: boolean
  readonly style: Style
}

const authorWidth = 16

function columnsOf(releases: readonly Listed[], { isWide, style }: Shown): Column[] {
  const authorMost = style.width === null ? null : authorWidth
  const column = (title: string, dispensable: number, cell: (one: Listed) => string) => ({
    title,
    dispensable,
    cells: releases.map((one) => ({ text: cell(one) })),
  })
  return [
    column('COMMIT', 0, ({ commit }) => commit?.slice(0, 10) ?? '-'),
    column('AUTHOR', 3, ({ author }) => cut(author ?? '-', authorMost)),
    column('REVISION', 5, ({ revision }) => revision),
    {
      title: 'OUTCOME',
      dispensable: 0,
      cells: releases.map(({ outcome, tone }) => ({ text: outcome, tone })),
    },
    column('STEP', 2, ({ progress }) => progress ?? '-'),
    column('VERDICTS', 4, ({ verdicts }) => (isWide ? eachOf(verdicts) : sumOf(verdicts)) || '-'),
    column('STARTED', 6, ({ startedAt }) => stamp(startedAt)),
    column('TOOK', 1, ({ durationMs }) =>
      durationMs === undefined ? '-' : formatDuration(Math.round(durationMs / 1_000) * 1_000),
    ),
    column('BECAUSE', 0, ({ because }) => because),
  ]
}

const eachOf = (verdicts: PastRelease['verdicts']) =>
  verdicts.map(({ check, outcome }) => `${check} ${outcome ?? 'Unknown'}`).join(', ')

/** What did not pass by its name, what did by their number; no wider than a table can bear. */
function sumOf(verdicts: PastRelease['verdicts']): string {
  const ill = verdicts.filter(({ outcome }) => outcome !== 'Passed')
  const first = ill.find(({ outcome }) => outcome === 'Failed') ?? ill[0]
  const passed = verdicts.length - ill.length
  return [
    ...(first ? [eachOf([first])] : []),
    ...(ill.length > 1 ? [`${ill.length - 1} more`] : []),
    ...(passed > 0 ? [`${passed} passed`] : []),
  ].join(', ')
}

function stamp(time: number | undefined): string {
  return time === undefined ? '-' : `${new Date(time).toISOString().slice(0, 19)}Z`
}

function forPrograms(listed: Listed): object {
  const { tone: _, startedAt, endedAt, durationMs, ...release } = listed
  const iso = (time: number | undefined) =>
    time === undefined ? undefined : new Date(time).toISOString()
  const seconds = durationMs === undefined ? undefined : durationMs / 1_000
  const verdicts = release.verdicts.map(({ check, outcome }) => ({ check, outcome }))
  const times = { startedAt: iso(startedAt), endedAt: iso(endedAt), durationSeconds: seconds }
  return { ...release, verdicts, ...times }
}
