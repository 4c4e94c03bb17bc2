// Rollouts in, the columns of their table out. Pure.
import { formatDuration } from '../../crds/duration.ts'
import type { Cell, Column } from '../render.ts'
import { phaseTone } from './phase-tone.ts'
import type { Release, RolloutView } from './rollout-view.ts'

const none: Cell = { text: '-', tone: 'dim' }

export interface TableOptions {
  /** With a column for the namespace. */
  readonly isAll: boolean
  /** With commits. */
  readonly isWide: boolean
  readonly now: number
}

export function rolloutColumns(
  rollouts: readonly RolloutView[],
  { isAll, isWide, now }: TableOptions,
): Column[] {
  const column = (title: string, dispensable: number, cell: (one: RolloutView) => Cell) => ({
    title,
    dispensable,
    cells: rollouts.map(cell),
  })
  return [
    ...(isAll ? [column('NAMESPACE', 0, ({ namespace }) => ({ text: namespace }))] : []),
    column('NAME', 0, ({ name }) => ({ text: name })),
    column('PHASE', 0, ({ phase }) => (phase ? { text: phase, tone: phaseTone[phase] } : none)),
    column('STEP', 1, ({ progress }) => (progress ? { text: progress } : none)),
    column('WEIGHT', 2, ({ weight }) => (weight === undefined ? none : { text: `${weight}%` })),
    column('STABLE', 4, ({ stable }) => revisionCell(stable)),
    column('CANARY', 3, ({ canary }) => revisionCell(canary)),
    ...(isWide
      ? [
          column('STABLE-COMMIT', 7, ({ stable }) => commitCell(stable)),
          column('CANARY-COMMIT', 7, ({ canary }) => commitCell(canary)),
        ]
      : []),
    column('CHECKS', 6, checksCell),
    column('AGE', 5, ({ createdAt }) =>
      createdAt === undefined ? none : { text: formatDuration(roundAge(now - createdAt)) },
    ),
    column('BECAUSE', 0, ({ blockedBy, because }) =>
      blockedBy?.message ? { text: blockedBy.message, tone: 'warn' } : { text: because ?? '' },
    ),
  ]
}

function revisionCell(release: Release | undefined): Cell {
  return release ? { text: release.revision } : none
}

function commitCell(release: Release | undefined): Cell {
  return release?.commit ? { text: release.commit.slice(0, 10) } : none
}

/** Checks that passed, of those that spoke or are to speak. */
function checksCell({ phase, evidence, checkCount }: RolloutView): Cell {
  const total = Math.max(evidence.length, checkCount)
  if (total === 0 || phase === undefined || phase === 'Stable') return none
  const passed = evidence.filter(({ outcome }) => outcome === 'Passed').length
  const hasFailed = evidence.some(({ outcome }) => outcome === 'Failed')
  return { text: `${passed}/${total}`, tone: hasFailed ? 'bad' : undefined }
}

/** Seconds matter only in the first minutes, minutes only in the first hours. */
export function roundAge(ageMs: number): number {
  const unitMs = ageMs < 600_000 ? 1_000 : ageMs < 36_000_000 ? 60_000 : 3_600_000
  return Math.floor(Math.max(0, ageMs) / unitMs) * unitMs
}
