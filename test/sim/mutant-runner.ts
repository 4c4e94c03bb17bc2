// Mutants of the product in; which of them the simulation notices, out. Each runs in a process of its own,
// and counts as killed only by a run that the product itself survives.
import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { type Mutant, mutants } from '../mutants/mutant.ts'
import type { Catch, Hunt } from './hunt.ts'

export interface MutantWishes {
  readonly json: boolean
  /** Most runs for each mutant. */
  readonly runs: number
  /** First seed. */
  readonly seed: number
  /** Only mutants whose name holds this text. */
  readonly match?: string | undefined
}

interface Verdict {
  readonly mutant: Mutant
  readonly state: 'killed' | 'survived' | 'broken'
  readonly runs: number
  readonly by: string
}

const mostProcesses = 2
const batchSize = 20
const limitMs = { load: 60_000, batch: 240_000, mutant: 30 * 60_000 }

export async function runMutants(wishes: MutantWishes): Promise<number> {
  const chosen = mutants.filter(({ name }) => name.includes(wishes.match ?? ''))
  const grounds = createGrounds(wishes)
  const verdicts: Verdict[] = []
  const queue = chosen.values()
  const work = async () => {
    for (const mutant of queue) {
      const verdict = await judge(mutant, grounds, wishes)
      verdicts.push(verdict)
      const { state, runs, by } = verdict
      const count = `${verdicts.length} of ${chosen.length}`
      process.stderr.write(
        `${count}  ${state} after ${runs} runs: ${mutant.name}${by ? ` (${by})` : ''}\n`,
      )
    }
  }
  const processes = Math.max(1, Math.min(mostProcesses, availableParallelism()))
  await Promise.all(Array.from({ length: processes }, work))
  grounds.end()
  return report(verdicts, wishes.json)
}

function report(verdicts: readonly Verdict[], isJson: boolean): number {
  const named = (state: Verdict['state']) =>
    verdicts.filter((one) => one.state === state).map(({ mutant }) => mutant.name)
  const killed = verdicts.filter(({ state }) => state === 'killed')
  const median = killed.map(({ runs }) => runs).sort((a, b) => a - b)[killed.length >> 1] ?? 0
  const summary = {
    mutants: verdicts.length,
    killed: killed.length,
    survivors: named('survived'),
    broken: named('broken'),
    medianRuns: median,
    runs: verdicts.reduce((sum, { runs }) => sum + runs, 0),
  }
  const lines = Object.entries(summary).map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
  process.stdout.write(`${isJson ? JSON.stringify(summary) : lines.join('\n')}\n`)
  const isEnough = killed.length >= 0.95 * verdicts.length
  return isEnough && summary.broken.length === 0 ? 0 : 1
}

async function judge(mutant: Mutant, grounds: Grounds, wishes: MutantWishes): Promise<Verdict> {
  const startedAt = performance.now()
  let dog = await startDog(mutant.name)
  if (!dog) return { mutant, state: 'broken', runs: 0, by: 'it does not load' }
  let runs = 0
  const prey = grounds.order()
  try {
    for (let at = 0; at < prey.length && runs < wishes.runs; ) {
      const caught: Catch = await dog.hunt(prey.slice(at, at + batchSize))
      at += caught.runs
      runs += caught.runs
      const { found } = caught
      if (found && (await grounds.isSafe(found.prey))) {
        grounds.remember(found.prey)
        return {
          mutant,
          state: 'killed',
          runs,
          by: `${found.prey} ${found.name}: ${found.says.slice(0, 120)}`,
        }
      }
      if (performance.now() - startedAt > limitMs.mutant) break
    }
    return { mutant, state: 'survived', runs, by: '' }
  } catch (error) {
    if (!(error instanceof Fallen)) throw error
    return { mutant, state: 'killed', runs: runs + 1, by: error.message }
  } finally {
    dog.end()
    dog = null
  }
}

/** Where to hunt: seeds that caught something before come first. */
interface Grounds {
  order(): readonly string[]
  remember(prey: string): void
  /** Whether the product itself survives this run. */
  isSafe(prey: string): Promise<boolean>
  end(): void
}

function createGrounds({ seed, runs }: MutantWishes): Grounds {
  const all = Array.from({ length: runs }, (_, i) => `seed:${seed + i}`)
  const rich = new Map<string, number>()
  const safe = new Map<string, Promise<boolean>>()
  let keeper: Promise<Dog | null> | null = null
  let last: Promise<unknown> = Promise.resolve()
  const ask = async (prey: string): Promise<boolean> => {
    keeper ??= startDog(null)
    const dog = await keeper
    if (!dog) throw new Error('the simulation itself does not load')
    return (await dog.hunt([prey])).found === null
  }
  return {
    order() {
      const first = [...rich].sort((a, b) => b[1] - a[1]).map(([prey]) => prey)
      return [...first, ...all.filter((prey) => !rich.has(prey))]
    },
    remember: (prey) => void rich.set(prey, (rich.get(prey) ?? 0) + 1),
    isSafe(prey) {
      const known = safe.get(prey)
      if (known) return known
      const answer = last.then(() => ask(prey))
      last = answer.catch(() => undefined)
      safe.set(prey, answer)
      return answer
    },
    end: () => void keeper?.then((dog) => dog?.end()),
  }
}

interface Dog {
  hunt(prey: Hunt['prey']): Promise<Catch>
  end(): void
}

/** The process ended or hung under its mutant. */
class Fallen extends Error {
  override readonly name = 'Fallen'
}

/** Null when the process does not even load. */
async function startDog(mutant: string | null): Promise<Dog | null> {
  const patch = new URL('../mutants/patch.ts', import.meta.url).href
  const child = fork(new URL('hunt.ts', import.meta.url), {
    execArgv: mutant === null ? [] : ['--import', patch],
    env: { ...process.env, SLUICE_MUTANT: mutant ?? '' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  try {
    await answerOf(child, limitMs.load)
  } catch (error) {
    if (!(error instanceof Fallen)) throw error
    child.kill('SIGKILL')
    return null
  }
  return {
    hunt: (prey) => {
      const answer = answerOf(child, limitMs.batch)
      child.send({ prey } satisfies Hunt)
      return answer as Promise<Catch>
    },
    end: () => void child.kill('SIGKILL'),
  }
}

function answerOf(child: ChildProcess, ms: number): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const onExit = (code: number | null) => reject(new Fallen(`the process ended with ${code}`))
  const timer = setTimeout(() => reject(new Fallen('a run does not end')), ms)
  child.once('message', resolve)
  child.once('exit', onExit)
  return promise.finally(() => {
    clearTimeout(timer)
    child.off('message', resolve)
    child.off('exit', onExit)
  })
}
