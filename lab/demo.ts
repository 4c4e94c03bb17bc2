// `npm run demo`: the main job on this machine. Starts the lab, the controller and callers, tells the
// story, and ends by itself; the exit code says whether it went as promised.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../kube/clock.ts'
import { buildPlugin } from '../plugin/bundle/build.ts'
import { type DemoOptions, DemoUsageError, help, parseDemoOptions } from './demo/options.ts'
import { createScreen, type Screen } from './demo/screen.ts'
import { type Stage, setStage } from './demo/stage.ts'
import { tellStory } from './demo/story.ts'
import { approvalText, keepText, summaryText } from './demo/summary.ts'

/** The whole demo must end within 90 s; a person's approval is not counted. */
const limitMs = 85_000
const approvalLimitMs = 5 * 60_000
/** Slow enough to be read along. */
const timing = { hold: '3s', settle: '500ms', drain: '2s', minRequests: 20 }

export async function main(argv: readonly string[]): Promise<number> {
  let options: DemoOptions | null
  try {
    options = parseDemoOptions(argv)
    if (options) await prepare(options)
  } catch (error) {
    if (!(error instanceof DemoUsageError)) throw error
    process.stderr.write(`demo: ${error.message}\nSee npm run demo -- --help\n`)
    return 2
  }
  if (!options) {
    process.stdout.write(help)
    return 0
  }
  return demo(options)
}

async function demo(options: DemoOptions): Promise<number> {
  const { directory } = options
  const stop = new AbortController()
  const interrupt = () => stop.abort()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, interrupt)
  const stream = options.json ? process.stderr : process.stdout
  // The reader went away, as `| head` does: end, and leave nothing running.
  for (const output of [process.stdout, process.stderr]) output.on('error', interrupt)
  const screen = createScreen(stream, { now: Date.now, environment: process.env })
  try {
    await buildPlugin(join(directory, 'bin', 'kubectl-sluice'))
    const stage = await setStage({ directory, screen, limitMs, stop: stop.signal })
    try {
      return await perform(stage, { options, screen, stop: stop.signal })
    } finally {
      await stage[Symbol.asyncDispose]()
    }
  } finally {
    if (!options.isKept) await rm(directory, { recursive: true, force: true })
  }
}

async function perform(
  stage: Stage,
  scene: { readonly options: DemoOptions; readonly screen: Screen; readonly stop: AbortSignal },
): Promise<number> {
  const { options, screen, stop } = scene
  const { directory, approve } = options
  const { kubeconfigPath } = stage.lab
  const askForApproval = () => {
    stage.extend(approvalLimitMs)
    screen.text(approvalText(directory, kubeconfigPath))
  }
  try {
    const { report, proof } = await tellStory({ ...stage, screen, approve, askForApproval, timing })
    screen.text(await summaryText(report, proof, stage.repository))
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`)
    if (options.keep) {
      screen.text(keepText(directory, kubeconfigPath))
      await systemClock.sleep(Number.MAX_SAFE_INTEGER, stop)
    }
    return report.ok ? 0 : 1
  } catch (error) {
    if (stop.aborted) {
      screen.text('\nInterrupted: ending the lab.')
      return 130
    }
    const reason = error instanceof Error ? error.message : String(error)
    screen.text(`\nThe demo did not end as it should: ${reason}`)
    screen.text(`The controller's last words (${stage.controller.logPath}):`)
    screen.text(await stage.controller.tail())
    return 1
  }
}

/** Refuses to mix with files of somebody else. */
async function prepare({ directory, isNamed }: DemoOptions): Promise<void> {
  const isUsed = await occupy(directory).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DemoUsageError(`${directory} can not be used: ${reason}`)
  })
  if (isUsed && isNamed) {
    throw new DemoUsageError(`${directory} is not empty: name a new or an empty directory`)
  }
}

/** Makes the directory and marks it, unless something is in it: then it says so and changes nothing. */
async function occupy(directory: string): Promise<boolean> {
  // Not with `recursive`, which never ends where the system refuses new names, as below /proc.
  await mkdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return
    throw error
  })
  if ((await readdir(directory)).length > 0) return true
  await writeFile(join(directory, '.sluice-demo'), 'Made by npm run demo.\n')
  return false
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
