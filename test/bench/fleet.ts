// `npm run bench:fleet -- --rollouts 1000 --json`: a fleet on a real API server in, what it costs out, as one
// line of JSON; progress on stderr. The controller is the bundle that is shipped, under the rights of the chart.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import { rollouts } from '../../kube/resources.ts'
import { isWrite } from '../e2e/audit.ts'
import { findBinaries } from '../e2e/binaries.ts'
import { type Fleet, followFleet } from './fleet/follow.ts'
import { playPods } from './fleet/pods.ts'
import type { Measured } from './fleet/process.ts'
import { type ScriptedPrometheus, startScriptedPrometheus } from './fleet/prometheus.ts'
import { keyOf, releaseOf, rolloutOf, stepsOf } from './fleet/rollouts.ts'
import { type Stage, setStage } from './fleet/stage.ts'

const idleMs = 30_000
const quietMs = 5_000
const atOnce = 24
const active = 100
const startsPerSecond = 10
const failuresPerRound = 10
const roundMs = 1_000

interface Bench extends Stage {
  readonly count: number
  readonly fleet: Fleet
  readonly metrics: ScriptedPrometheus
  readonly controller: Measured
}

const startedAtMs = Date.now()

async function main(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rollouts: { type: 'string', default: '1000' },
      json: { type: 'boolean' },
      keep: { type: 'boolean' },
    },
  })
  const count = Number(values.rollouts)
  if (!Number.isInteger(count) || count < 3) throw new Error('--rollouts must be 3 or more')
  const binaries = await findBinaries({ environment: process.env, onProgress: say })
  if (typeof binaries === 'string') throw new Error(`there is no control plane: ${binaries}`)
  if (binaries.helm === null) throw new Error('there is no helm, which renders the rights')
  await promisify(execFile)(process.execPath, ['scripts/build.ts'])
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const stack = new AsyncDisposableStack()
  if (!values.keep) stack.defer(() => rm(directory, { recursive: true, force: true }))
  try {
    const stage = await setStage(stack, { binaries, directory })
    const figures = await measure(stack, stage, count)
    process.stdout.write(`${JSON.stringify({ rollouts: count, ...figures })}\n`)
  } finally {
    await stack.disposeAsync()
  }
}

async function measure(stack: AsyncDisposableStack, stage: Stage, count: number) {
  const metrics = await startScriptedPrometheus()
  stack.defer(() => metrics.close())
  const pods = playPods(stage.api, (error) => say(`pods: ${error}`))
  stack.defer(() => pods.close())
  const fleet = await followFleet(stage.api, metrics)
  stack.defer(() => fleet.close())
  const controller = await stage.startController(metrics.url)
  say('the controller leads')
  const bench: Bench = { ...stage, count, fleet, metrics, controller }
  await createAll(bench)
  const idle = await measureIdle(bench)
  const writesPerRollout = await countWrites(bench)
  const trials = await tryMany(bench)
  const firstWeightSeconds = percentiles(trials.map(({ firstWeightSeconds: s }) => s))
  say(`first weight after ${JSON.stringify(firstWeightSeconds)} s`)
  const abortSeconds = await failMany(bench, trials)
  await controller.stop()
  const { warmStartSeconds } = await stage.startController(metrics.url)
  const timings = { firstWeightSeconds, abortSeconds, warmStartSeconds: round(warmStartSeconds) }
  return { ...idle, writesPerRollout, ...timings }
}

/** All stand and serve. */
async function createAll({ api, count, fleet }: Bench): Promise<void> {
  let next = 0
  const create = async () => {
    while (next < count) {
      const index = next++
      await api.create(rollouts, rolloutOf(index))
      if (index % 500 === 499) say(`${index + 1} created, ${fleet.settledCount()} serve`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, create))
  await until(`${count} rollouts serve`, () => fleet.settledCount() >= count, 60_000 + count * 400)
  say(`${count} rollouts serve`)
}

/** What it costs to look after a fleet where nothing happens. */
async function measureIdle(bench: Bench) {
  const { controller, deeds } = bench
  await untilQuiet(bench)
  const from = { atMs: Date.now(), cpuSeconds: await controller.cpuSeconds() }
  await sleep(idleMs)
  const seconds = (Date.now() - from.atMs) / 1_000
  const cpuSeconds = (await controller.cpuSeconds()) - from.cpuSeconds
  const rssMiB = Math.round(await controller.rssMiB())
  const done = await deeds(from.atMs)
  const writes = done.filter(isWrite).length
  const perMinute = (times: number) => round((times * 60) / seconds)
  const idle = {
    rssMiB,
    idleCpuPercent: round((100 * cpuSeconds) / seconds),
    idleReadsPerMinute: perMinute(done.length - writes),
    idleWritesPerMinute: perMinute(writes),
  }
  say(`idle: ${JSON.stringify(idle)}`)
  return idle
}

/** Writes of one release through five steps, from the change of its spec until all is at rest. */
async function countWrites(bench: Bench): Promise<number> {
  const { api, fleet, deeds } = bench
  const index = bench.count - 1
  const key = keyOf(index)
  const fromMs = Date.now()
  const before = fleet.status(textOf(index))?.stable?.revision
  await api.patch(rollouts, key, 'merge', releaseOf(index, 'v2'))
  const isDone = () =>
    fleet.settledCount() === bench.count && fleet.status(textOf(index))?.stable?.revision !== before
  await until('one rollout is promoted', isDone, 120_000)
  await untilQuiet(bench)
  const writes = (await deeds(fromMs)).filter(isWrite)
  const counts = Object.entries(
    Object.groupBy(writes, ({ verb, resource }) => `${verb} ${resource}`),
  )
  say(`one rollout: ${counts.map(([deed, all]) => `${all?.length} ${deed}`).join(', ')}`)
  return writes.filter(({ resource }) => resource !== 'events').length
}

interface Trial {
  readonly revision: string
  readonly firstWeightSeconds: number
}

/** Begins many trials and leaves them at their first step. */
async function tryMany({ api, count, fleet }: Bench): Promise<Trial[]> {
  fleet.forgetFirstWeights()
  const indexes = Array.from({ length: Math.min(4 * active + 1, count - 1) }, (_, i) => i)
  const steps = [...stepsOf([20], '20m'), ...stepsOf([100], '1s')]
  const changedAtMs = new Map<number, number>()
  await Promise.all(
    indexes.map(async (index) => {
      await sleep((index * 1_000) / startsPerSecond)
      changedAtMs.set(index, Date.now())
      await api.patch(rollouts, keyOf(index), 'merge', releaseOf(index, 'v2', steps))
    }),
  )
  const hasWeight = (index: number) => fleet.firstWeightAtMs.has(textOf(index))
  const holds = (index: number) => fleet.status(textOf(index))?.canary?.revision !== undefined
  await until(
    'all trials have weight',
    () => indexes.every((i) => hasWeight(i) && holds(i)),
    60_000,
  )
  say(`${indexes.length} are on trial`)
  return indexes.map((index) => {
    const at = fleet.firstWeightAtMs.get(textOf(index)) ?? 0
    const revision = fleet.status(textOf(index))?.canary?.revision ?? ''
    return { revision, firstWeightSeconds: (at - (changedAtMs.get(index) ?? 0)) / 1_000 }
  })
}

/**
 * A few fail in each round of checks, then as many as those at once. At least half of all trials go on: if more than
 * that failed, the metrics would be held broken.
 */
async function failMany({ fleet, metrics }: Bench, trials: readonly Trial[]) {
  const part = Math.floor(trials.length / 4)
  const failing = trials.slice(0, part)
  for (let from = 0; from < failing.length; from += failuresPerRound) {
    const round = failing.slice(from, from + failuresPerRound)
    for (const { revision } of round) metrics.failing.add(revision)
    await sleep(roundMs)
  }
  const few = await retreats(fleet, metrics, failing)
  say(`aborts, ${failuresPerRound} in each round: ${JSON.stringify(few)}`)
  const others = trials.slice(part, 2 * part)
  for (const { revision } of others) metrics.failing.add(revision)
  const many = await retreats(fleet, metrics, others)
  say(`aborts, ${others.length} at once: ${JSON.stringify(many)}`)
  return few
}

/** From the first answer that fails a revision until its route is stored without it. */
async function retreats(fleet: Fleet, metrics: ScriptedPrometheus, trials: readonly Trial[]) {
  const isOver = ({ revision }: Trial) => fleet.emptiedAtMs.has(revision)
  await until('all failed trials have weight 0', () => trials.every(isOver), 60_000)
  const seconds = trials.map(({ revision }) => {
    const emptied = fleet.emptiedAtMs.get(revision) ?? 0
    return (emptied - (metrics.failedAtMs.get(revision) ?? 0)) / 1_000
  })
  return percentiles(seconds)
}

/** The controller asked nothing for a while: events are written some time after the deeds. */
async function untilQuiet({ deeds }: Bench): Promise<void> {
  const deadlineAtMs = Date.now() + 60_000
  do await sleep(quietMs)
  while ((await deeds(Date.now() - quietMs)).length > 0 && Date.now() < deadlineAtMs)
}

async function until(what: string, isMet: () => boolean, limitMs: number): Promise<void> {
  const deadlineAtMs = Date.now() + limitMs
  while (!isMet()) {
    if (Date.now() > deadlineAtMs) throw new Error(`waited ${limitMs} ms in vain: ${what}`)
    await sleep(20)
  }
}

function percentiles(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0)
  return { p50: at(0.5), p99: at(0.99) }
}

function textOf(index: number): string {
  const { namespace, name } = keyOf(index)
  return `${namespace}/${name}`
}

const round = (value: number): number => Math.round(value * 1_000) / 1_000

function say(line: string): void {
  const seconds = ((Date.now() - startedAtMs) / 1_000).toFixed(1)
  process.stderr.write(`fleet: ${seconds} s: ${line}\n`)
}

await main(process.argv.slice(2))
