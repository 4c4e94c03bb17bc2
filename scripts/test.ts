// All tests, in a few processes side by side: most wait for servers, so that cores are free meanwhile.
// Each process runs its files without isolation. Ends with the sums, in the words of node's own runner.
import { spawn } from 'node:child_process'

const groups: Readonly<Record<string, readonly string[]>> = {
  units: ['{crds,analysis,traffic,kube,controller,plugin}/**/*.test.ts'],
  git: ['git/**/*.test.ts'],
  lab: ['lab/**/*.test.ts'],
  whole: ['test/*.test.ts', 'test/{mutants,scenarios,sim}/**/*.test.ts'],
  contracts: ['test/{contracts,bench,doubles,fixtures,e2e}/**/*.test.ts'],
}

interface Outcome {
  readonly name: string
  readonly output: string
  readonly code: number
}

const outcomes = await Promise.all(Object.entries(groups).map(([name, files]) => run(name, files)))
const sums = new Map<string, number>()
for (const { output } of outcomes) {
  for (const [, word = '', count] of output.matchAll(
    /^ℹ (tests|pass|fail|skipped|todo) (\d+)$/gm,
  )) {
    sums.set(word, (sums.get(word) ?? 0) + Number(count))
  }
}
for (const [word, count] of sums) process.stdout.write(`ℹ ${word} ${count}\n`)
const broken = outcomes.filter(({ code }) => code !== 0)
for (const { name, code } of broken) {
  process.stderr.write(`the tests of ${name} ended with exit code ${code}\n`)
}
process.exitCode = broken.length > 0 ? 1 : 0

/** Runs one group and shows what it said when it is done, so that groups do not mix. */
function run(name: string, files: readonly string[]): Promise<Outcome> {
  const args = ['--test', '--test-isolation=none', '--test-reporter=spec', ...files]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const parts: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => parts.push(part))
  }
  return new Promise((resolve) => {
    child.once('close', (code) => {
      const output = Buffer.concat(parts).toString()
      process.stdout.write(output)
      resolve({ name, output, code: code ?? 1 })
    })
  })
}
