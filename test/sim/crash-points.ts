// Stories in; every single crash point of each, and every pair of some, tried; what broke, out. A second crash
// may fall into the recovery from the first.
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { crashRun } from './crash-run.ts'
import { forbidPlatform } from './platform.ts'
import { storied } from './stories.ts'
import { timeline } from './timeline.ts'

export interface CrashWishes {
  readonly json: boolean
  readonly scenarios: number
  /** So many of them have every pair tried. */
  readonly pairs: number
  readonly replay?: string | undefined
}

interface Job {
  readonly number: number
  readonly first: string
  readonly hasPairs: boolean
  /** Where the story ends when nothing crashes. */
  readonly end: string
}

interface Found {
  readonly number: number
  readonly points: readonly string[]
  readonly name: string
  readonly says: string
}

interface Report {
  readonly runs: number
  readonly found: readonly Found[]
}

/** After so many broken runs nothing more is learned. */
const mostFound = 20
const mostThreads = 2

export async function crashPoints(wishes: CrashWishes): Promise<number> {
  if (wishes.replay !== undefined) return replay(wishes.replay)
  const startedAt = performance.now()
  const { jobs, found } = await plan(wishes)
  const total = await runAll(jobs)
  found.push(...total.found)
  for (const one of found.slice(0, mostFound)) {
    const { name } = storied(one.number).story
    print(`${replayOf(one)} (${name}): ${one.name}: ${one.says.slice(0, 300)}\n`)
  }
  const [worst] = found
  if (worst) await replay(replayOf(worst))
  const summary = {
    scenarios: wishes.scenarios,
    pairScenarios: wishes.pairs,
    runs: wishes.scenarios + total.runs,
    violations: found.length,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
  }
  print(
    wishes.json
      ? `${JSON.stringify(summary)}\n`
      : `${Object.entries(summary)
          .map(([k, v]) => `${k}: ${v}`)
          .join('\n')}\n`,
  )
  return found.length > 0 ? 1 : 0
}

/** Every story once without a crash: it tells how many writes there are, and which end is right. */
async function plan({ scenarios, pairs }: CrashWishes): Promise<{ jobs: Job[]; found: Found[] }> {
  const whole: { number: number; writes: number; end: string }[] = []
  const found: Found[] = []
  for (let number = 0; number < scenarios; number += 1) {
    const { violation, writes, end } = await crashRun({ number, points: [] })
    if (violation) found.push({ number, points: [], ...violation })
    else whole.push({ number, writes, end })
  }
  const paired = new Set(shortest(whole).slice(0, pairs))
  const jobs = whole.flatMap(({ number, writes, end }) => {
    const hasPairs = paired.has(number)
    return pointsOf(1, writes).map((first): Job => ({ number, first, hasPairs, end }))
  })
  return { jobs: jobs.sort((a, b) => Number(b.hasPairs) - Number(a.hasPairs)), found }
}

/** Of each story the scenario with the fewest writes, then of each the next: pairs grow with the square. */
function shortest(
  whole: readonly { readonly number: number; readonly writes: number }[],
): number[] {
  const taken = new Map<string, number>()
  const ranked = whole
    .toSorted((a, b) => a.writes - b.writes)
    .map(({ number }) => {
      const { name } = storied(number).story
      const rank = taken.get(name) ?? 0
      taken.set(name, rank + 1)
      return { number, rank }
    })
  return ranked.sort((a, b) => a.rank - b.rank).map(({ number }) => number)
}

const pointsOf = (least: number, most: number): string[] =>
  Array.from({ length: Math.max(0, most - least + 1) }, (_, i) => [
    `${least + i}b`,
    `${least + i}a`,
  ]).flat()

async function tryPoints({ number, first, hasPairs, end }: Job): Promise<Report> {
  const found: Found[] = []
  let runs = 0
  const attempt = async (points: readonly string[]) => {
    runs += 1
    const run = await crashRun({ number, points })
    const broken =
      run.violation ?? (run.end === end ? null : { name: 'A9', says: `${run.end} is not ${end}` })
    if (broken) found.push({ number, points, name: broken.name, says: broken.says })
    return run
  }
  const { writes } = await attempt([first])
  if (!hasPairs) return { runs, found }
  for (const second of pointsOf(Number.parseInt(first, 10) + 1, writes)) {
    await attempt([first, second])
    if (found.length >= mostFound) break
  }
  return { runs, found }
}

function runAll(jobs: readonly Job[]): Promise<Report> {
  const threads = Math.max(1, Math.min(mostThreads, availableParallelism()))
  const total = { runs: 0, found: [] as Found[] }
  let next = 0
  const inThread = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: 'crash points' })
      const give = () => {
        const job = total.found.length < mostFound ? jobs[next] : undefined
        next += 1
        if (next % 200 === 0) tellProgress(next, jobs.length, total)
        if (job) return worker.postMessage(job)
        void worker.terminate().then(() => resolve())
      }
      worker.on('message', (report: Report) => {
        total.runs += report.runs
        total.found.push(...report.found)
        give()
      })
      worker.once('error', reject)
      give()
    })
  return Promise.all(Array.from({ length: threads }, inThread)).then(() => total)
}

function tellProgress(next: number, of: number, { runs, found }: Report): void {
  process.stderr.write(`${next} of ${of} first points, ${runs} runs, ${found.length} broken\n`)
}

const replayOf = ({ number, points }: Pick<Found, 'number' | 'points'>) =>
  `${number}:${points.join(',')}`

async function replay(text: string): Promise<number> {
  const [number = '', list = ''] = text.split(':')
  const points = list.split(',').filter((point) => point !== '')
  const { story, scenario } = storied(Number(number))
  const { end } = await crashRun({ number: Number(number), points: [] })
  const run = await crashRun({ number: Number(number), points, isTold: true })
  const { id } = scenario.shape
  print(
    `story ${story.name}, shape ${id}, ${scenario.isGit ? 'from Git' : 'by hand'}, crashes at ${list || 'no write'}\n\n`,
  )
  print(`${timeline(run.lines)}\n\n`)
  if (run.violation) print(`${run.violation.name} is broken: ${run.violation.says}\n`)
  else if (run.end !== end)
    print(`A9 is broken: it ended at ${run.end}, without crashes at ${end}\n`)
  else print('no invariant is broken\n')
  print(`npm run simulate -- --crash-points --replay '${text}'\n`)
  return run.violation || run.end !== end ? 1 : 0
}

function print(text: string): void {
  process.stdout.write(text)
}

function serve(port: NonNullable<typeof parentPort>): void {
  forbidPlatform()
  port.on('message', (job: Job) => {
    void tryPoints(job).then((report) => port.postMessage(report))
  })
}

if (!isMainThread && parentPort) serve(parentPort)
