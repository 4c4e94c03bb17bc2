// A range of seeds in, what all runs said out: here, or on as many threads as there are cores.
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { forbidPlatform } from './platform.ts'
import { runOne } from './run.ts'

export interface Batch {
  /** Seeds, not run yet. */
  readonly seeds: readonly number[]
}

export interface Totals {
  readonly runs: number
  readonly violations: readonly { seed: number; name: string; says: string }[]
  readonly cells: readonly string[]
  readonly promoted: number
  readonly aborted: number
  readonly promotedBad: number
  readonly abortedGood: number
  readonly events: number
}

/** Every so many seeds one is run twice, and both must be the same to the last change. */
const twiceEvery = 100
/** Runs below which threads cost more than they give. */
const fewRuns = 200
const mostViolations = 50

async function runBatch({ seeds }: Batch): Promise<Totals> {
  const restore = forbidPlatform()
  const cells = new Set<string>()
  const violations: Totals['violations'][number][] = []
  const sum = { runs: 0, promoted: 0, aborted: 0, promotedBad: 0, abortedGood: 0, events: 0 }
  try {
    for (const seed of seeds) {
      const run = await runOne({ seed })
      sum.runs += 1
      sum.events += run.events
      for (const name of ['promoted', 'aborted', 'promotedBad', 'abortedGood'] as const) {
        sum[name] += run.outcome[name]
      }
      for (const cell of run.cells) cells.add(cell)
      if (run.violation) {
        const { name, says } = run.violation
        violations.push({ seed, name, says: says.slice(0, 500) })
      }
      if (seed % twiceEvery === 0) {
        const again = await runOne({ seed })
        if (again.hash !== run.hash) {
          violations.push({ seed, name: 'determinism', says: `${run.hash} and then ${again.hash}` })
        }
      }
      if (violations.length >= mostViolations) break
    }
  } finally {
    restore()
  }
  return { ...sum, violations, cells: [...cells] }
}

/** Always on threads of its own: what a simulation forbids must not be forbidden to its host. */
export async function runFleet(seeds: readonly number[]): Promise<Totals> {
  const threads = seeds.length > fewRuns ? availableParallelism() : 1
  const shares = Array.from({ length: threads }, (_, thread) =>
    seeds.filter((_seed, i) => i % threads === thread),
  )
  return (await Promise.all(shares.map(inThread))).reduce(add)
}

function inThread(seeds: readonly number[]): Promise<Totals> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { seeds } })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function add(a: Totals, b: Totals): Totals {
  return {
    runs: a.runs + b.runs,
    promoted: a.promoted + b.promoted,
    aborted: a.aborted + b.aborted,
    promotedBad: a.promotedBad + b.promotedBad,
    abortedGood: a.abortedGood + b.abortedGood,
    events: a.events + b.events,
    violations: [...a.violations, ...b.violations].sort((x, y) => x.seed - y.seed),
    cells: [...new Set([...a.cells, ...b.cells])],
  }
}

if (!isMainThread && workerData?.seeds) parentPort?.postMessage(await runBatch(workerData as Batch))
