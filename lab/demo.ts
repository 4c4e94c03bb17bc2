// `npm run demo`: the main job on this machine. Starts the lab, the controller and callers, tells the
// story, and ends by itself; the exit code says whether it went as promised.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RolloutStatus } from '../crds/rollout-status.ts'
import { systemClock } from '../kube/clock.ts'
import { gitSources, services } from '../kube/resources.ts'
import { createKubeApi } from '../kube/transport.ts'
import { buildPlugin } from '../plugin/build.ts'
import { type ControllerProcess, startController } from './demo/controller-process.ts'
import { gitSourceObject, serviceObject } from './demo/definitions.ts'
import { type Follower, follow, type Seen } from './demo/follow.ts'
import { type DemoOptions, DemoUsageError, help, parseDemoOptions } from './demo/options.ts'
import { createTeamRepository, type TeamRepository } from './demo/repository.ts'
import { createScreen, type Screen } from './demo/screen.ts'
import { tellStory } from './demo/story.ts'
import { approvalText, keepText, summaryText } from './demo/summary.ts'
import { createTraffic, type Traffic } from './demo/traffic.ts'
import { type Lab, startLab } from './lab.ts'

/** The whole demo must end within 90 s; a person's approval is not counted. */
const limitMs = 85_000
const approvalLimitMs = 5 * 60_000
const trafficLineMs = 1_000
const scrapeIntervalMs = 250

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
  const screen = createScreen(stream, { now: Date.now, environment: process.env })
  await using stage = new AsyncDisposableStack()
  stage.defer(() => removeUnless(options.isKept, directory))
  const parts = await setUp(options, { stage, stop: stop.signal, screen })
  try {
    const { report, proof } = await tellStory(parts)
    screen.text(await summaryText(report, proof, parts.repository))
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`)
    if (options.keep) await keep(parts, stop.signal)
    return report.ok ? 0 : 1
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    screen.text(`\nThe demo did not end as it should: ${reason}`)
    screen.text(`The controller's last words (${parts.controller.logPath}):`)
    screen.text(await parts.controller.tail())
    return stop.signal.aborted ? 130 : 1
  }
}

interface Parts {
  readonly lab: Lab
  readonly repository: TeamRepository
  readonly follower: Follower
  readonly traffic: Traffic
  readonly screen: Screen
  readonly controller: ControllerProcess
  readonly directory: string
  readonly approve: boolean
  readonly askForApproval: () => void
}

interface Setting {
  readonly stage: AsyncDisposableStack
  readonly stop: AbortSignal
  readonly screen: Screen
}

async function setUp(options: DemoOptions, { stage, stop, screen }: Setting): Promise<Parts> {
  const { directory, approve } = options
  const lab = await startLab({ directory, namespaces: ['shop', 'sluice-system'], scrapeIntervalMs })
  stage.defer(() => lab.close())
  screen.text(
    `The lab is at ${directory}: API server ${lab.apiUrl}, metrics by ${lab.prometheusKind}.`,
  )
  const api = createKubeApi({ server: lab.apiUrl, clock: systemClock, random: Math.random })
  stage.defer(() => api.close())
  const repository = await createTeamRepository(directory)
  for (const name of ['checkout', 'payments']) await api.create(services, serviceObject(name))
  await api.create(gitSources, gitSourceObject(repository.url))
  await buildPlugin(join(directory, 'bin', 'kubectl-sluice'))
  const controller = startController({
    logPath: join(directory, 'controller.log'),
    flags: controllerFlags(lab, directory),
  })
  stage.defer(() => controller.stop())
  const traffic = createTraffic(lab.meshUrl, systemClock)
  stage.defer(() => traffic.close())
  const started = Date.now()
  let limit = started + limitMs
  const watching = new AbortController()
  stage.defer(() => watching.abort())
  const follower = follow(api, {
    signal: AbortSignal.any([stop, watching.signal]),
    deadline: () => limit,
    onStatus: (seen, before) => tellStatus(screen, seen, before),
  })
  const lines = setInterval(() => tellTraffic(screen, follower, traffic), trafficLineMs)
  stage.defer(() => clearInterval(lines))
  const askForApproval = () => {
    limit += approvalLimitMs
    screen.text(approvalText(directory, lab.kubeconfigPath))
  }
  return {
    lab,
    repository,
    follower,
    traffic,
    screen,
    controller,
    directory,
    approve,
    askForApproval,
  }
}

function controllerFlags(lab: Lab, directory: string): string[] {
  return [
    ['--kubeconfig', lab.kubeconfigPath],
    ['--prometheus', lab.prometheusUrl],
    ['--scrape-interval', `${scrapeIntervalMs}ms`],
    ['--git-directory', join(directory, 'mirrors')],
    ['--listen', '127.0.0.1:0'],
    ['--namespace', 'shop'],
  ].flat()
}

function tellStatus(screen: Screen, { name, status }: Seen, before: RolloutStatus | null): void {
  const isDecision = before?.decision !== status.decision
  if (isDecision && status.because !== undefined) {
    const progress = status.progress ? ` ${status.progress}` : ''
    const because =
      status.revert?.commit && before?.revert?.state === 'Requested'
        ? status.revert.because
        : status.because
    screen.decision(name, `${status.phase ?? ''}${progress}`, because)
  }
}

function tellTraffic(screen: Screen, follower: Follower, traffic: Traffic): void {
  const weights = Object.entries(follower.weightsOf('checkout'))
  if (weights.length === 0 || follower.status('checkout')?.phase === 'Stable') return
  const from = Date.now() - 3_000
  screen.traffic(
    weights.map(([revision, weight]) => ({
      label: traffic.labelOf(revision),
      weight,
      ...traffic.ofRevision(revision, from),
    })),
  )
}

async function keep({ screen, lab, directory }: Parts, stop: AbortSignal): Promise<void> {
  screen.text(keepText(directory, lab.kubeconfigPath))
  await systemClock.sleep(Number.MAX_SAFE_INTEGER, stop)
}

/** Refuses to mix with files of somebody else. */
async function prepare({ directory, isNamed }: DemoOptions): Promise<void> {
  await mkdir(directory, { recursive: true })
  if (isNamed && (await readdir(directory)).length > 0) {
    throw new DemoUsageError(`${directory} is not empty: name a new or an empty directory`)
  }
  await writeFile(join(directory, '.sluice-demo'), 'Made by npm run demo.\n')
}

async function removeUnless(isKept: boolean, directory: string): Promise<void> {
  if (!isKept) await rm(directory, { recursive: true, force: true })
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
