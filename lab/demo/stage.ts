// The stage of the story: lab, repository, controller and callers, set up in order and struck in reverse.
import { join } from 'node:path'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import { systemClock } from '../../kube/clock.ts'
import { gitSources, services } from '../../kube/resources.ts'
import { createKubeApi } from '../../kube/transport.ts'
import { type Lab, type LabOptions, startLab } from '../lab.ts'
import { type ControllerProcess, startController } from './controller-process.ts'
import { gitSourceObject, serviceObject } from './definitions.ts'
import { type Follower, follow, type Seen } from './follow.ts'
import { createTeamRepository, type TeamRepository } from './repository.ts'
import type { Screen } from './screen.ts'
import { createTraffic, type Traffic } from './traffic.ts'

const trafficLineMs = 1_000
const scrapeIntervalMs = 250

export interface Stage extends AsyncDisposable {
  readonly lab: Lab
  readonly repository: TeamRepository
  readonly follower: Follower
  readonly traffic: Traffic
  readonly controller: ControllerProcess
  /** Gives the story more time, ms. */
  extend(ms: number): void
}

export interface StageOptions {
  readonly directory: string
  readonly screen: Screen
  /** The story must end within this time, ms. */
  readonly limitMs: number
  readonly stop: AbortSignal
  readonly prometheus?: LabOptions['prometheus']
}

export async function setStage(options: StageOptions): Promise<Stage> {
  const { directory, screen, stop } = options
  const stack = new AsyncDisposableStack()
  try {
    const lab = await startLab({
      directory,
      namespaces: ['shop', 'sluice-system'],
      scrapeIntervalMs,
      ...(options.prometheus ? { prometheus: options.prometheus } : {}),
    })
    stack.defer(() => lab.close())
    screen.text(
      `The lab is at ${directory}: API server ${lab.apiUrl}, metrics by ${lab.prometheusKind}.`,
    )
    const repository = await commission(lab, directory)
    const controller = startController({
      logPath: join(directory, 'controller.log'),
      flags: controllerFlags(lab, directory),
    })
    stack.defer(() => controller.stop())
    const traffic = createTraffic(lab.meshUrl, systemClock)
    stack.defer(() => traffic.close())
    let limit = Date.now() + options.limitMs
    // Without a controller nothing will happen any more.
    void controller.ended.then(() => {
      limit = 0
    })
    const follower = watch({ lab, screen, stop, stack, deadline: () => limit })
    const lines = setInterval(() => tellTraffic(screen, follower, traffic), trafficLineMs)
    stack.defer(() => clearInterval(lines))
    return {
      lab,
      repository,
      follower,
      traffic,
      controller,
      extend: (ms) => {
        limit += ms
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** What a platform team sets up once: Services, and where the Rollouts are. */
async function commission(lab: Lab, directory: string): Promise<TeamRepository> {
  const api = createKubeApi({ server: lab.apiUrl, clock: systemClock, random: Math.random })
  const repository = await createTeamRepository(directory)
  for (const name of ['checkout', 'payments']) await api.create(services, serviceObject(name))
  await api.create(gitSources, gitSourceObject(repository.url))
  await api.close()
  return repository
}

function watch(options: {
  readonly lab: Lab
  readonly screen: Screen
  readonly stop: AbortSignal
  readonly stack: AsyncDisposableStack
  readonly deadline: () => number
}): Follower {
  const { lab, screen, stop, stack, deadline } = options
  const api = createKubeApi({ server: lab.apiUrl, clock: systemClock, random: Math.random })
  stack.defer(() => api.close())
  const watching = new AbortController()
  stack.defer(() => watching.abort())
  return follow(api, {
    signal: AbortSignal.any([stop, watching.signal]),
    deadline,
    onStatus: (seen, before) => tellStatus(screen, seen, before),
  })
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
