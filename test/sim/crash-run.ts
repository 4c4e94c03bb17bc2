// A story and crash points in; whether the controller came to the end that the story allows, out. A point is
// the number of a write and a side of it, such as `12b` (before it is sent) or `12a` (it took effect, and
// nobody heard the answer).
import { rollouts } from '../../kube/resources.ts'
import { unrest } from './end-state.ts'
import { definitionsIn } from './git-host.ts'
import { path, rolloutKey } from './scenario.ts'
import { storied, tell } from './stories.ts'
import type { Line } from './trace.ts'
import { statusOf, type Violation } from './view.ts'
import { createWorld, type World } from './world.ts'

export interface CrashRun {
  readonly violation: Violation | null
  /** Writes that the controllers sent. */
  readonly writes: number
  readonly end: string
  readonly lines: readonly Line[]
}

export interface CrashOptions {
  readonly number: number
  readonly points: readonly string[]
  readonly isTold?: boolean
}

const restartMs = 1_500
const checkMs = 10_000
const limitMs = 3 * 3_600_000
/** After rest, nothing may be written for so long. */
const quietMs = 900_000

export async function crashRun({
  number,
  points,
  isTold = false,
}: CrashOptions): Promise<CrashRun> {
  const { story, scenario } = storied(number)
  const planned = new Set(points)
  const sent = { before: 0, after: 0 }
  const world = createWorld({
    seed: scenario.seed,
    scenario,
    only: [],
    plans: false,
    isTold,
    crash: (when) => {
      sent[when] += 1
      return planned.has(`${sent[when]}${when[0]}`) ? restartMs : null
    },
  })
  const { oracle } = world
  try {
    await untilRest(world, tell(world, story))
    await quiet(world)
  } catch (error) {
    oracle.violate('crash', error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  return {
    violation: oracle.violation(),
    writes: sent.before,
    end: endOf(world),
    lines: world.trace.lines,
  }
}

async function untilRest(world: World, told: { isOver(): boolean }): Promise<void> {
  const { kernel, oracle } = world
  const until = kernel.now() + limitMs
  const isBroken = () => oracle.violation() !== null
  for (let calm = 0; calm < 3; ) {
    await kernel.drive(kernel.now() + checkMs, isBroken)
    if (isBroken()) return
    const left = told.isOver() ? unrest(world) : 'the story is not over'
    calm = left === null ? calm + 1 : 0
    if (kernel.now() >= until) return oracle.violate('L1', `no rest within 3 hours: ${left}`)
  }
}

async function quiet(world: World): Promise<void> {
  const { kernel, oracle, controllers } = world
  if (oracle.violation()) return
  for (const { loop } of controllers.running()) loop.lead()
  const writes = oracle.writes()
  await kernel.drive(kernel.now() + quietMs, () => oracle.writes() > writes)
  if (oracle.writes() > writes) oracle.violate('A6', 'something was written after all was at rest')
  const left = unrest(world)
  if (left !== null) oracle.violate('L1', `the world did not stay at rest: ${left}`)
}

/** Where a story ended, in words that do not depend on when. */
function endOf({ server, host, scenario }: World): string {
  const rollout = server.get(rollouts, rolloutKey)
  const { phase, stable, canary, step, reason, revert, quarantine, commands } = statusOf(rollout)
  const name = (revision: string | undefined) =>
    scenario.releases.find((release) => release.revision === revision)?.image ?? revision ?? 'none'
  const [asked] = definitionsIn(host.head().files.get(path) ?? '').definitions
  return JSON.stringify({
    phase,
    stable: name(stable?.revision),
    trial: phase === 'Stable' ? 'none' : `${name(canary?.revision)}/${step}`,
    reason,
    revert: revert?.state,
    quarantine: quarantine?.map(({ revision }) => name(revision)),
    consumed: Object.keys(commands ?? {}).sort(),
    branch: scenario.isGit ? name(asked?.revision) : undefined,
  })
}
