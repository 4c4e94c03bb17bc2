// `kubectl sluice get`: rollouts in, one line each out.
import { formatDuration } from '../../crds/duration.ts'
import { ApiRefusal, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import {
  bareName,
  type Command,
  type Connection,
  connect,
  getRollout,
  type Invocation,
  missingKind,
  rolloutsPath,
} from '../invocation.ts'
import { type Json, list, record, text } from '../json.ts'
import { type Cell, type Column, renderTable } from '../render.ts'
import { type Release, type RolloutView, readRollout } from '../rollout-view.ts'
import { phaseTone } from './phase-tone.ts'

export const get: Command = {
  summary: 'List rollouts with what each is doing and why',
  usage: 'get [NAME…] [flags]',
  flags: {
    ...commonFlags,
    'all-namespaces': { short: 'A', help: 'rollouts of all namespaces' },
    selector: {
      short: 'l',
      takes: 'LABELS',
      help: 'only those with these labels, such as app=web',
    },
    output: {
      short: 'o',
      takes: 'FORM',
      values: ['wide', 'json', 'yaml', 'name'],
      help: 'form of the output',
    },
  },
  async run(invocation) {
    const { world, flags } = invocation
    const isAll = flags.isSet('all-namespaces')
    const names = flags.positionals.map(bareName)
    if (names.length > 0 && (isAll || flags.value('selector'))) {
      throw new UsageError('names go with neither -A nor -l')
    }
    const cluster = await connect(invocation)
    const found = names.length > 0 ? await named(cluster, names) : await all(cluster, invocation)
    const items = list(found['items'])
    const only = names.length === 1 ? items[0] : undefined
    const form = flags.value('output')
    if (form === 'json') world.print(`${JSON.stringify(only ?? found, null, 4)}\n`)
    else if (form === 'yaml') world.print(await yaml(only ?? found))
    else if (items.length === 0) {
      const where = isAll ? '' : ` in namespace ${cluster.namespace}`
      world.printError(`No rollouts found${where}.\n`)
    } else if (form === 'name') world.print(items.map(nameLine).join(''))
    else {
      const style = form === 'wide' ? { ...world.style, width: null } : world.style
      const columns = columnsOf(items.map(readRollout), { isAll, now: world.now() })
      world.print(renderTable(columns, style))
    }
    return 0
  },
}

async function named(cluster: Connection, names: readonly string[]): Promise<Json> {
  const items = await Promise.all([...new Set(names)].map((name) => getRollout(cluster, name)))
  return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items }
}

async function all({ client, namespace }: Connection, { flags }: Invocation): Promise<Json> {
  const path = rolloutsPath(flags.isSet('all-namespaces') ? null : namespace)
  try {
    return await client.list(path, { labelSelector: flags.value('selector') })
  } catch (error) {
    throw error instanceof ApiRefusal && error.code === 404 ? missingKind(error) : error
  }
}

function nameLine(item: unknown): string {
  return `rollout.sluice.dev/${text(record(record(item)['metadata'])['name'])}\n`
}

async function yaml(value: unknown): Promise<string> {
  const { stringify } = await import('yaml')
  return stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })
}

const none: Cell = { text: '-', tone: 'dim' }

function columnsOf(
  rollouts: readonly RolloutView[],
  { isAll, now }: { readonly isAll: boolean; readonly now: number },
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

/** Checks that passed, of those that spoke or are to speak. */
function checksCell({ phase, evidence, checkCount }: RolloutView): Cell {
  const total = Math.max(evidence.length, checkCount)
  if (total === 0 || phase === undefined || phase === 'Stable') return none
  const passed = evidence.filter(({ outcome }) => outcome === 'Passed').length
  const hasFailed = evidence.some(({ outcome }) => outcome === 'Failed')
  return { text: `${passed}/${total}`, tone: hasFailed ? 'bad' : undefined }
}

/** Seconds matter only in the first minutes, minutes only in the first hours. */
function roundAge(ageMs: number): number {
  const unitMs = ageMs < 600_000 ? 1_000 : ageMs < 36_000_000 ? 60_000 : 3_600_000
  return Math.floor(Math.max(0, ageMs) / unitMs) * unitMs
}
