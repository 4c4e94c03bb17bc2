// `kubectl sluice watch [NAME]`: rollouts in, a live view of the whole screen out; in a pipe a line per change.
import { ApiRefusal, Failure, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import { type Change, follow } from '../follow.ts'
import {
  bareName,
  type Command,
  type Connection,
  connect,
  getRollout,
  type Invocation,
  missingKind,
  rolloutsPath,
  type Screen,
  type World,
} from '../invocation.ts'
import { type Json, record, text } from '../json.ts'
import { renderTable, renderTree } from '../render.ts'
import { rolloutColumns } from '../rollout/rollout-table.ts'
import { type RolloutView, readRollout } from '../rollout/rollout-view.ts'
import { type Pods, readPods, statusTree } from '../rollout/status-tree.ts'

const redrawMs = 1_000
const interruptedCode = 130

export const watch: Command = {
  summary: 'Look on live: one rollout in full, or all of them',
  usage: 'watch [NAME] [flags]',
  completes: 'rollout',
  detail:
    'On a terminal it takes the whole screen; q or Ctrl-C gives it back. In a pipe it writes one line per change.',
  flags: {
    ...commonFlags,
    'all-namespaces': { short: 'A', help: 'rollouts of all namespaces' },
    selector: {
      short: 'l',
      takes: 'LABELS',
      help: 'only those with these labels, such as app=web',
    },
  },
  async run(invocation) {
    const { world, flags } = invocation
    const [name, ...surplus] = flags.positionals.map(bareName)
    if (surplus.length > 0) throw new UsageError('one name at a time, or none for all')
    const isAll = flags.isSet('all-namespaces')
    if (name !== undefined && (isAll || flags.value('selector'))) {
      throw new UsageError('a name goes with neither -A nor -l')
    }
    const cluster = await connect(invocation)
    // Fails before the screen is taken, and with a suggestion.
    if (name !== undefined) await getRollout(cluster, name)
    const looking = { cluster, name, isAll, selector: flags.value('selector') }
    try {
      return await (world.terminal ? onScreen(invocation, looking) : inPipe(invocation, looking))
    } catch (error) {
      throw error instanceof ApiRefusal && error.code === 404 ? missingKind(error) : error
    }
  },
}

interface Looking {
  readonly cluster: Connection
  readonly name: string | undefined
  readonly isAll: boolean
  readonly selector: string | undefined
}

function changesOf(
  { cluster, name, isAll, selector }: Looking,
  world: World,
  signal: AbortSignal,
): AsyncGenerator<Change> {
  return follow({
    client: cluster.client,
    path: rolloutsPath(isAll ? null : cluster.namespace),
    parameters: { labelSelector: selector, fieldSelector: name && `metadata.name=${name}` },
    signal,
    sleep: world.sleep,
  })
}

interface Seen {
  readonly rollouts: Map<string, RolloutView>
  isListed: boolean
  pods: Pods
  lost: string | null
}

async function onScreen({ world }: Invocation, looking: Looking): Promise<number> {
  const { cluster, name } = looking
  const stop = new AbortController()
  const seen: Seen = { rollouts: new Map(), isListed: false, pods: null, lost: null }
  let code = 0
  const screen = world.terminal?.open({
    onResize: () => redraw(),
    onKey: (key) => {
      if (key === '\x03') code = interruptedCode
      if (key === '\x03' || key === 'q' || key === 'Q') stop.abort()
    },
  })
  const redraw = () => screen?.draw(frame({ world, looking, seen }, screen.size()))
  try {
    const ticking = tick({
      world,
      look: podLooker(looking, seen),
      redraw,
      signal: stop.signal,
    })
    const following = async () => {
      for await (const change of changesOf(looking, world, stop.signal)) {
        apply(seen, change)
        if (name !== undefined && change.kind !== 'lost') seen.pods = await readPods(cluster, name)
        if (!stop.signal.aborted) redraw()
      }
    }
    // Whoever leaves does not wait for a server that is slow.
    await Promise.race([following(), ticking])
    return code
  } finally {
    stop.abort()
    screen?.close()
  }
}

/** Pods become ready without a change of the rollout; one look at a time, and nobody waits for it. */
function podLooker({ cluster, name }: Looking, seen: Seen): () => void {
  let isLooking = false
  return () => {
    if (name === undefined || isLooking || seen.lost !== null || !seen.isListed) return
    isLooking = true
    void readPods(cluster, name).then((pods) => {
      seen.pods = pods
      isLooking = false
    })
  }
}

/** Times grow while nothing changes. */
async function tick(ticking: {
  readonly world: World
  readonly look: () => void
  readonly redraw: () => void
  readonly signal: AbortSignal
}): Promise<void> {
  const { world, look, redraw, signal } = ticking
  while (!signal.aborted) {
    redraw()
    look()
    await world.sleep(redrawMs, signal)
  }
}

function apply(seen: Seen, change: Change): void {
  seen.lost = change.kind === 'lost' ? change.because : null
  if (change.kind === 'listed') {
    seen.isListed = true
    seen.rollouts.clear()
    for (const item of change.items) seen.rollouts.set(keyOf(item), readRollout(item))
  } else if (change.kind === 'changed') {
    seen.rollouts.set(keyOf(change.item), readRollout(change.item))
  } else if (change.kind === 'gone') seen.rollouts.delete(keyOf(change.item))
}

function keyOf(item: Json): string {
  const { namespace, name } = record(item['metadata'])
  return `${text(namespace)}/${text(name)}`
}

/** There is one line for it, and people know which context they chose. */
function brief(because: string): string {
  return because.replace(/^cannot reach the server (\S+) of context "[^"]*":/, '$1')
}

/** The lines of the screen: what does not fit is counted, never scrolled away. */
function frame(
  { world, looking, seen }: { world: World; looking: Looking; seen: Seen },
  { columns, rows }: ReturnType<Screen['size']>,
): string[] {
  const style = { ...world.style, width: columns }
  const now = world.now()
  const lines = body(seen, { looking, style, now }).trimEnd().split('\n')
  const foot = seen.lost
    ? `trying again: ${brief(seen.lost)}`
    : `${new Date(now).toISOString().slice(11, 19)} UTC   q: quit`
  const room = Math.max(1, rows - 2)
  const hidden = lines.length - room
  const shown = hidden > 0 ? [...lines.slice(0, room - 1), `… ${hidden + 1} lines more`] : lines
  return [...shown, '', foot.slice(0, columns)].slice(-rows)
}

function body(
  { rollouts, isListed, pods }: Seen,
  { looking, style, now }: { looking: Looking; style: World['style']; now: number },
): string {
  const { name, isAll } = looking
  const all = [...rollouts.keys()].sort().flatMap((key) => rollouts.get(key) ?? [])
  const [first] = all
  if (!isListed) return '…'
  if (!first) return name === undefined ? 'No rollouts found.' : `${name} is gone.`
  if (name !== undefined) return renderTree(statusTree(first, pods, now), style)
  return renderTable(rolloutColumns(all, { isAll, isWide: false, now }), style)
}

/** A line when what people would be told is another one than before. */
async function inPipe({ world }: Invocation, looking: Looking): Promise<number> {
  const told = new Map<string, string>()
  const tell = (item: Json, isGone: boolean) => {
    const line = lineOf(readRollout(item), isGone)
    if (told.get(keyOf(item)) === line) return
    told.set(keyOf(item), line)
    world.print(`${new Date(world.now()).toISOString()} ${line}\n`)
  }
  for await (const change of changesOf(looking, world, new AbortController().signal)) {
    if (change.kind === 'lost') world.printError(`${change.because}; trying again\n`)
    else if (change.kind === 'listed') for (const item of change.items) tell(item, false)
    else tell(change.item, change.kind === 'gone')
  }
  throw new Failure('the watch ended')
}

function lineOf(rollout: RolloutView, isGone: boolean): string {
  const { namespace, name, phase, progress, weight, because, blockedBy } = rollout
  const words = [
    `${namespace}/${name}`,
    isGone ? 'Deleted' : (phase ?? 'New'),
    ...(progress ? [progress] : []),
    ...(weight === undefined ? [] : [`${weight}%`]),
  ]
  const why = blockedBy?.message ?? because
  return why && !isGone ? `${words.join(' ')}: ${why}` : words.join(' ')
}
