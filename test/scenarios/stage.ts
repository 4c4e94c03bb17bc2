// A script in, its transcript out: a line per decision with its `because`, per event, per change of weights
// and fleets, per commit of ours, and what was expected in vain.
import { label } from '../../crds/names.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import { isOwnCommit } from '../../git/revert/message.ts'
import { replicaSets, rollouts, virtualServices } from '../../kube/resources.ts'
import type { Change } from '../sim/api-server.ts'
import { history } from '../sim/git-client.ts'
import { weightsOf } from '../sim/routes.ts'
import { rolloutKey } from '../sim/scenario.ts'
import { statusOf } from '../sim/view.ts'
import { createWorld, type World } from '../sim/world.ts'
import { disagreement, nameOf } from './facts.ts'
import type { Script, Timed } from './language.ts'
import { perform } from './sentences.ts'
import { createSwitches } from './switches.ts'

export interface Performance {
  readonly transcript: string
  /** What was expected and is not so, and broken invariants. */
  readonly complaints: readonly string[]
}

interface Line {
  readonly atMs: number
  /** Version of the server then: the order within one instant. */
  readonly version: number
  readonly text: string
}

export async function playScenario({
  title,
  scenario,
  lines,
  endMs,
}: Script): Promise<Performance> {
  const told: Line[] = []
  const complaints: string[] = []
  const note = (text: string) =>
    told.push({ atMs: world.kernel.now() - startMs, version: world.server.version(), text })
  const switches = createSwitches(() => world?.kernel.now() ?? 0, note)
  let world: World = undefined as never
  let startMs = 0
  world = createWorld({
    seed: scenario.seed,
    scenario,
    only: [],
    plans: false,
    ...switches.options,
    onAnnounced: ({ type, reason, note: text }) => {
      const { because, blockedBy } = statusOf(world.server.get(rollouts, rolloutKey))
      const isTold = text === because || text === blockedBy?.message
      note(`  ${type === 'Warning' ? 'warning' : 'event'} ${reason}${isTold ? '' : `: ${text}`}`)
    },
  })
  const { kernel, oracle } = world
  startMs = kernel.now()
  const happen = ({ kind, text }: Timed) => {
    if (kind === 'deed') {
      note(`* ${text}`)
      return perform({ world, switches }, text)
    }
    const wrong = disagreement(world, text)
    note(wrong === null ? `= ${text}` : `! ${wrong}`)
    if (wrong !== null) complaints.push(`${clock(kernel.now() - startMs)}: ${wrong}`)
  }
  for (const line of lines.filter(({ atMs }) => atMs < endMs))
    kernel.after(line.atMs, () => happen(line))
  await kernel.drive(startMs + endMs, () => oracle.violation() !== null)
  for (const line of lines.filter(({ atMs }) => atMs >= endMs)) happen(line)
  const violation = oracle.violation()
  if (violation) complaints.push(`${violation.name}: ${violation.says}`)
  return { transcript: transcriptOf(world, { title, told, startMs }), complaints }
}

function transcriptOf(
  world: World,
  { title, told, startMs }: { title: string; told: readonly Line[]; startMs: number },
): string {
  const changed = [rollouts, virtualServices, replicaSets].flatMap((kind) =>
    world.server.log(kind).flatMap((change): Line[] => {
      const text = sentenceOf(world, change)
      return text === null
        ? []
        : [{ atMs: change.at - startMs, version: change.version - 0.5, text }]
    }),
  )
  const pushed = [...history(world.host.head())]
    .filter(({ message }) => isOwnCommit(message))
    .map(
      ({ at, message }): Line => ({
        atMs: at - startMs,
        version: Number.POSITIVE_INFINITY,
        text: `  commit: ${message.split('\n')[0]}`,
      }),
    )
  const lines = [...changed, ...told, ...pushed]
    .sort((a, b) => a.atMs - b.atMs || a.version - b.version)
    .map(({ atMs, text }) => `${clock(atMs)}  ${text}`)
  return `${inVersions(world, [`# ${title}`, ...lines].join('\n'))}\n`
}

function sentenceOf(world: World, change: Change): string | null {
  const { resource, object, previous, by, type } = change
  if (resource === rollouts || resource.plural === rollouts.plural) {
    if (type === 'DELETED') return '  the Rollout is gone'
    return by.isController ? decisionOf(statusOf(previous), statusOf(object)) : null
  }
  if (resource.plural === virtualServices.plural) return weightsLine(world, change)
  const revision = nameOf(world, object.metadata.labels?.[label.revision])
  if (type === 'DELETED') return `  fleet ${revision} is removed`
  const [before, after] = [previous?.['spec'].replicas, object['spec'].replicas]
  return before === after ? null : `  fleet ${revision} ${before ?? 'new'} → ${after} pods`
}

/** What is new in a status; the same reason is not told twice. */
function decisionOf(before: RolloutStatus, after: RolloutStatus): string | null {
  const { phase, progress, because, blockedBy, revert } = after
  if (phase === undefined) return null
  const news: string[] = []
  if (because !== before.because || phase !== before.phase) news.push(because ?? '')
  if (blockedBy?.message !== before.blockedBy?.message) {
    news.push(blockedBy ? `blocked by ${blockedBy.reason}: ${blockedBy.message}` : 'free again')
  }
  if (revert && revert.state !== before.revert?.state) {
    news.push(`revert ${revert.state}${revert.because === because ? '' : `: ${revert.because}`}`)
  }
  if (news.length === 0) return null
  return `${phase}${progress ? ` ${progress}` : ''}: ${news.join(' | ')}`
}

function weightsLine(world: World, { object, previous, by, type }: Change): string | null {
  const text = (one: Change['previous']) =>
    Object.entries(weightsOf(one))
      .map(([revision, weight]) => `${nameOf(world, revision)} ${weight}`)
      .join(', ')
  if (type === 'DELETED') return '  the route is gone'
  if (text(previous) === text(object)) return null
  return `  weights ${text(object)}${by.isController ? '' : ` (${by.name})`}`
}

/** Releases by their names instead of their digests. */
const inVersions = (world: World, text: string): string =>
  world.scenario.releases.reduce(
    (left, { revision }) => left.replaceAll(revision, nameOf(world, revision)),
    text,
  )

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}
