// Flags in; thousands of simulated rollouts, and what they prove or disprove, out. See test/sim/README.md.
import { parseArgs } from 'node:util'
import { crashPoints } from './sim/crash-points.ts'
import { cellPhases, faults } from './sim/faults.ts'
import { runFleet } from './sim/fleet.ts'
import { runMutants } from './sim/mutant-runner.ts'
import { type Run, runOne } from './sim/run.ts'
import { shrink } from './sim/shrink.ts'
import { timeline } from './sim/timeline.ts'

const help = `Runs the production loop in a simulated world, from seeds.

  npm run simulate -- [--runs N] [--seed S] [--json]
  npm run simulate -- --replay 'SEED' | 'SEED:CHOICE,CHOICE,…'
  npm run simulate -- --crash-points [--scenarios N] [--pairs N] [--replay 'STORY:POINT,POINT'] [--json]
  npm run simulate -- --mutants [--runs N] [--match TEXT] [--json]

  --runs N      how many seeds to run (default 1000)
  --seed S      the first seed (default 1)
  --json        print one line of JSON at the end
  --replay R    repeat one run and print its timeline; with choices, only those faults strike
  --no-shrink   do not look for fewer faults when an invariant breaks
  --crash-points  end the controller before and after every write of 120 stories, and at every pair of
                writes of 40 of them
  --scenarios N how many stories (default 120); --pairs N: how many of them with pairs (default 40)
  --mutants     make lines of the product wrong, one at a time; each must turn red within --runs (default 20000)
  --match TEXT  only mutants whose name holds this text
  --help        this text
`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string' },
      'crash-points': { type: 'boolean', default: false },
      scenarios: { type: 'string', default: '120' },
      pairs: { type: 'string', default: '40' },
      mutants: { type: 'boolean', default: false },
      match: { type: 'string' },
      seed: { type: 'string', default: '1' },
      replay: { type: 'string' },
      json: { type: 'boolean', default: false },
      'no-shrink': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return print(help)
  const { json, match } = values
  if (values['crash-points']) {
    const [scenarios, pairs] = [whole('scenarios', values.scenarios), whole('pairs', values.pairs)]
    return crashPoints({ json, scenarios, pairs, replay: values.replay })
  }
  if (values.mutants) {
    const runs = whole('runs', values.runs ?? '20000')
    return runMutants({ json, match, runs, seed: whole('seed', values.seed) })
  }
  if (values.replay !== undefined) return replay(values.replay)
  const runs = whole('runs', values.runs ?? '1000')
  const first = whole('seed', values.seed)
  return simulate(
    Array.from({ length: runs }, (_, i) => first + i),
    values,
  )
}

function whole(name: string, text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new Error(`--${name} must be a whole number, and is "${text}"`)
}

interface Wishes {
  readonly json: boolean
  readonly 'no-shrink': boolean
}

async function simulate(seeds: readonly number[], wishes: Wishes): Promise<number> {
  const startedAt = performance.now()
  const totals = await runFleet(seeds)
  const seconds = (performance.now() - startedAt) / 1_000
  const { runs, violations, cells, promoted, aborted, promotedBad, abortedGood } = totals
  const byName = Object.groupBy(violations, ({ name, says }) => `${name} ${gistOf(says)}`)
  for (const [name, found = []] of Object.entries(byName)) {
    print(`${name}: ${found.length} runs, the first is seed ${found[0]?.seed}: ${found[0]?.says}\n`)
  }
  const [worst] = violations
  if (worst) await explain(worst.seed, wishes['no-shrink'])
  const summary = {
    runs,
    violations: violations.length,
    runsPerSecond: Math.round(runs / seconds),
    faultCells: { hit: cells.length, of: faults.length * cellPhases.length },
    promoted,
    aborted,
    promotedBad,
    abortedGood,
  }
  print(
    wishes.json
      ? `${JSON.stringify(summary)}\n`
      : `${Object.entries(summary)
          .map(([k, v]) => `${k}: ${JSON.stringify(v)}`)
          .join('\n')}\n`,
  )
  return violations.length > 0 ? 1 : 0
}

/** Without numbers and names, so that one cause is told once. */
function gistOf(says: string): string {
  const words = says.replace(/\b[0-9a-f]{10}\b|\d+/g, '…')
  return words.slice(0, 90)
}

async function explain(seed: number, isPlain: boolean): Promise<void> {
  const run = await runOne({ seed })
  if (!run.violation) return
  const least = isPlain ? run : await shrink({ seed }, run)
  show(await runOne({ seed, only: least.choices, isTold: true }))
}

async function replay(text: string): Promise<number> {
  const [seed = '', choices] = text.split(':')
  const only = choices?.split(',').filter((choice) => choice !== '')
  const run = await runOne({ seed: whole('replay', seed), only, isTold: true })
  show(run)
  return run.violation ? 1 : 0
}

function show(run: Run): void {
  const { seed, violation, choices, lines, hash, outcome } = run
  print(`seed ${seed}, trace ${hash}, ${JSON.stringify(outcome)}\n`)
  print(`faults: ${choices.join(' ') || 'none'}\n\n${timeline(lines)}\n\n`)
  if (!violation) {
    print('no invariant is broken\n')
    return
  }
  print(`${violation.name} is broken: ${violation.says}\n`)
  print(`npm run simulate -- --replay '${seed}:${choices.join(',')}'\n`)
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

process.exitCode = await main()
