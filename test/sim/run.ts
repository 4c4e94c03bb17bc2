// One seed in, one run out: faults for some minutes, then none until the world is at rest, then a quiet
// time in which nothing may be written.
import type { KubeApi } from '../../kube/api.ts'
import { rollouts } from '../../kube/resources.ts'
import { unrest } from './end-state.ts'
import { toldTooOften, toldTwice, untold } from './rules-told.ts'
import { rolloutKey } from './scenario.ts'
import type { Line } from './trace.ts'
import type { Violation } from './view.ts'
import { createWorld, heal, type World } from './world.ts'

export interface Run {
  readonly seed: number
  readonly violation: Violation | null
  /** What struck, in order. */
  readonly choices: readonly string[]
  readonly cells: readonly string[]
  readonly hash: string
  readonly events: number
  readonly lines: readonly Line[]
  readonly outcome: Outcome
}

export interface Outcome {
  readonly promoted: number
  readonly aborted: number
  /** Aborted by checks although the release is good. */
  readonly abortedGood: number
  readonly promotedBad: number
  readonly phase: string
  readonly writes: number
}

export interface RunOptions {
  readonly seed: number
  readonly only?: readonly string[] | undefined
  readonly isTold?: boolean | undefined
  readonly wrap?: ((api: KubeApi) => KubeApi) | undefined
}

const checkMs = 10_000
/** After faults end, within this time everything must be at rest: deadlines of all steps, and polls of Git. */
const restMs = 7_200_000
/** An hour for every tenth seed; ten minutes find what runs hot, and cost a fifth of a run. */
const quietMs = (seed: number) => (seed % 10 === 0 ? 3_600_000 : 600_000)

export async function runOne(options: RunOptions): Promise<Run> {
  const world = createWorld(options)
  await play(world)
  const { kernel, oracle, choices, trace } = world
  return {
    seed: options.seed,
    violation: oracle.violation(),
    choices: choices.made,
    cells: [...choices.cells],
    hash: trace.hash(),
    events: kernel.count(),
    lines: trace.lines,
    outcome: outcomeOf(world),
  }
}

async function play(world: World): Promise<void> {
  const { kernel, oracle, scenario } = world
  const isBroken = () => oracle.violation() !== null
  try {
    await kernel.drive(kernel.now() + scenario.faultMs, isBroken)
    if (isBroken()) return
    heal(world)
    await rest(world)
    if (isBroken()) return
    // Deciding once more from the same world must change nothing.
    for (const { loop } of world.controllers.running()) loop.lead()
    const writes = oracle.writes()
    await kernel.drive(
      kernel.now() + quietMs(scenario.seed),
      () => isBroken() || oracle.writes() > writes,
    )
    if (oracle.writes() > writes) {
      oracle.violate('A6', `something was written in quiet times: ${lastWrite(world)}`)
    }
    askTold(world)
    const left = unrest(world)
    if (left !== null) oracle.violate('L1', `the world did not stay at rest: ${left}`)
  } catch (error) {
    oracle.violate('crash', error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
}

/** What people outside were told, when there is somebody to be told. */
function askTold(world: World): void {
  if (!world.scenario.isNotified) return
  const told = world.receiver.told()
  const wrong = toldTwice(told) ?? toldTooOften(world, told)
  if (wrong !== null) world.oracle.violate('V5', wrong)
  const missing = untold(world, told)
  if (missing !== null) world.oracle.violate('V5-told', missing)
}

async function rest(world: World): Promise<void> {
  const { kernel, oracle } = world
  const until = kernel.now() + restMs
  const awake = Math.max(...world.controllers.running().map(({ process }) => process.pausedUntil))
  await kernel.drive(awake, () => oracle.violation() !== null)
  let calm = 0
  // One that is held may still be judged until its windows are as long as they get.
  const wanted = () => (onTrial(world) ? 70 : 7)
  while (kernel.now() < until && calm < wanted()) {
    await kernel.drive(kernel.now() + checkMs, () => oracle.violation() !== null)
    if (oracle.violation()) return
    calm = unrest(world) === null ? calm + 1 : 0
  }
  if (calm === 0)
    oracle.violate(
      'L1',
      `not at rest ${restMs / 60_000} minutes after the last fault: ${unrest(world)}`,
    )
}

const onTrial = ({ server }: World) =>
  ['Progressing', 'Paused'].includes(server.get(rollouts, rolloutKey)?.['status']?.phase)

function lastWrite({ server }: World): string {
  const all = [
    'rollouts',
    'replicasets',
    'virtualservices',
    'destinationrules',
    'gitsources',
  ].flatMap((plural) => server.log({ plural, apiVersion: '', kind: '', namespaced: true }))
  const last = all
    .filter(({ by }) => by.isController)
    .reduce((a, b) => (b.version > a.version ? b : a))
  return `${last.by.verb} ${last.resource.kind} ${JSON.stringify(last.object['status'] ?? last.object['spec'])}`
}

function outcomeOf({ server, scenario, oracle }: World): Outcome {
  const seen = { promoted: 0, aborted: 0, abortedGood: 0, promotedBad: 0 }
  for (const { object, previous, by } of server.log(rollouts)) {
    const [before, after] = [previous?.['status'], object['status']]
    if (!by.isController || !before?.phase || !after || after.decision === before.decision) continue
    if (after.stable?.revision !== before.stable?.revision) seen.promoted += 1
    if (after.phase === 'Aborted' && before.phase !== 'Aborted') {
      seen.aborted += 1
      const release = scenario.releases.find(({ revision }) => revision === before.canary?.revision)
      if (
        after.reason === 'failed' &&
        release &&
        release.quality.errorRate < 0.01 &&
        release.quality.slowRate < 0.01
      ) {
        seen.abortedGood += 1
      }
    }
  }
  if (oracle.violation()?.name === 'promotedBad') seen.promotedBad += 1
  const phase = server.get(rollouts, rolloutKey)?.['status']?.phase ?? 'gone'
  return { ...seen, phase, writes: oracle.writes() }
}
