// A scenario and choices in, a whole world out: API server, pods, mesh, traffic, metrics, Git, people and
// the production controllers, wired so that each hears only what its like would hear.
import type { KubeApi, KubeObject } from '../../kube/api.ts'
import {
  configMaps,
  deployments,
  gitSources,
  notifications,
  rollouts,
  services,
} from '../../kube/resources.ts'
import { createAcceptor } from './acceptance.ts'
import { type ApiServer, type Change, createApiServer, type Writer } from './api-server.ts'
import { type Choices, createChoices } from './choices.ts'
import { collect } from './collector.ts'
import { configMapOf } from './configured.ts'
import { type ControllerParts, type Controllers, createControllers } from './controllers.ts'
import { createGitHost, type GitHost } from './git-host.ts'
import { createKernel } from './kernel.ts'
import { createMesh } from './mesh.ts'
import { createMetrics } from './metrics.ts'
import { createOracle, type Oracle } from './oracle.ts'
import { closePull, planDeeds, release, remove } from './people.ts'
import { createPods } from './pods.ts'
import { mix } from './random.ts'
import { createReceiver, notification, type Receiver } from './receiver.ts'
import { routerOf } from './routing.ts'
import {
  appliedOf,
  deploymentOf,
  fileOf,
  namespace,
  path,
  type Quality,
  rolloutKey,
  type Scenario,
  scenarioOf,
} from './scenario.ts'
import { tell } from './telling.ts'
import { createTrace, type Trace } from './trace.ts'
import { createTruth } from './truth.ts'
import { mendStatus } from './versions.ts'
import type { View } from './view.ts'
import { createWatchHub, type WatchHub } from './watches.ts'

export interface World extends View {
  readonly hub: WatchHub
  readonly host: GitHost
  readonly controllers: Controllers
  readonly receiver: Receiver
  readonly oracle: Oracle
  readonly trace: Trace
  readonly git: { downUntil: number }
  readonly missing: { untilMs: number }
  readonly asked: { count: number }
}

export interface WorldOptions {
  readonly seed: number
  readonly only?: readonly string[] | undefined
  readonly isTold?: boolean | undefined
  readonly wrap?: ((api: KubeApi) => KubeApi) | undefined
  /** Instead of the one that the seed gives. */
  readonly scenario?: Scenario | undefined
  /** False: nobody does anything by a plan, not even ask for the second release. */
  readonly plans?: boolean | undefined
  /** Faults by script instead of by chance. */
  readonly wrapChoices?: ((choices: Choices) => Choices) | undefined
  readonly crash?: ControllerParts['crash']
  readonly onAnnounced?: ControllerParts['onAnnounced']
}

const startMs = Date.UTC(2026, 0, 1)
const plain: Quality = { errorRate: 0, slowRate: 0, startMs: 1_000, neverReady: false }
const toggleMs = 30_000

export function createWorld(options: WorldOptions): World {
  const { seed, only, isTold = false, wrap, crash, onAnnounced } = options
  const scenario = options.scenario ?? scenarioOf(seed)
  const router = routerOf(scenario)
  const phase = () => server.get(rollouts, rolloutKey)?.['status']?.phase ?? 'New'
  let server: ApiServer = undefined as never
  const drawn = createChoices({ seed, only, phase: () => (server ? phase() : 'New') })
  const choices = options.wrapChoices?.(drawn) ?? drawn
  const isShuffled = choices.at('shuffle') !== null
  const kernel = createKernel({
    startMs,
    tie: (sequence) => (isShuffled ? mix(seed, 31, sequence) : 0),
    settled: () => undefined,
  })
  const trace = createTrace(kernel.now, isTold)
  const listeners: ((change: Change) => void)[] = []
  server = createApiServer({
    now: kernel.now,
    onChange: (change) => {
      for (const listener of listeners) listener(change)
    },
  })
  const hub = createWatchHub({ kernel, server, choices })
  const oscillating = new Set<string>()
  const qualityOf = qualities(scenario, oscillating, choices)
  const pods = createPods({
    kernel,
    server,
    qualityOf: (one) => qualityOf(one, 0),
    onReady: () => truth.settle(),
  })
  const acceptor = createAcceptor({ kernel, server, choices, router })
  const mesh = createMesh({
    takesMs: acceptor.takesMs,
    kernel,
    choices,
    router,
    settleMs: scenario.shape.settleMs,
    onWeights: () => truth.settle(),
  })
  const truth = createTruth({
    kernel,
    mesh: () => mesh,
    pods: () => pods,
    qualityOf,
    requestsPerSecond: scenario.requestsPerSecond,
  })
  const metrics = createMetrics({ kernel, choices, truth, scrapeMs: scenario.scrapeMs })
  const oracle = createOracle(() => world)
  const first = scenario.releases[0]?.image ?? ''
  const host = createGitHost(
    { now: kernel.now, onPush: (push) => oracle.pushed(push) },
    { [path]: fileOf(scenario.shape, first), 'README.md': 'The shop.\n' },
  )
  const receiver = createReceiver({ kernel, choices, trace })
  const git = { downUntil: 0 }
  const missing = { untilMs: 0 }
  const controllers = createControllers({
    kernel,
    server,
    hub,
    choices,
    scenario,
    metrics,
    oracle,
    trace,
    host,
    receiver,
    wrap,
    crash,
    onAnnounced,
    gitDownUntil: () => git.downUntil,
    interfere: (isRelease) => interfere(world, isRelease),
    onRequest: (requested) => {
      oracle.requested(requested)
      const { call, error } = requested
      if (error)
        trace.note(() => `${call.verb} ${call.resource.kind}: ${error.code} ${error.reason}`)
    },
    isMissing: ({ plural }) =>
      missing.untilMs > kernel.now() &&
      (plural === router.route.plural || plural === router.subsets?.plural) &&
      plural !== services.plural,
  })
  const world: World = {
    scenario,
    kernel,
    server,
    hub,
    choices,
    pods,
    mesh,
    truth,
    metrics,
    host,
    receiver,
    controllers,
    oracle,
    trace,
    git,
    missing,
    oscillating,
    asked: { count: 0 },
  }
  listeners.push(
    (change) => tell(trace, change),
    (change) => oracle.changed(change),
    (change) => pods.changed(change),
    (change) => mesh.changed(change),
    acceptor.changed,
    (change) => collect(world, change),
    (change) => hub.announce(change),
  )
  begin(world, options.plans ?? true)
  return world
}

/** The first objects, the first release after them, and everybody's plans. */
function begin(world: World, isPlanned: boolean): void {
  const { server, kernel, scenario, controllers } = world
  const by: Writer = { name: 'ada', isController: false, sentAt: kernel.now(), verb: 'create' }
  if (scenario.isGit) server.create(by, gitSources, gitSource)
  else {
    const image = scenario.releases[0]?.image ?? ''
    if (scenario.isConfigured) server.create(by, configMaps, configMapOf(image))
    if (scenario.isAdopted) server.create(by, deployments, deploymentOf(scenario))
    server.create(by, rollouts, appliedOf(scenario, image) as KubeObject)
  }
  for (const object of routerOf(scenario).users) {
    const resource = object.kind === 'Service' ? services : routerOf(scenario).route
    server.create({ ...by, name: 'platform' }, resource, object)
  }
  if (scenario.isNotified) server.create(by, notifications, notification)
  controllers.start()
  if (isPlanned) {
    kernel.after(scenario.releaseAtMs, () => release(world, 1))
    planDeeds(world)
  }
  const toggle = () => {
    world.truth.settle()
    if (!world.choices.isHealed()) kernel.after(toggleMs, toggle)
  }
  if (world.oscillating.size > 0) toggle()
}

const gitSource: KubeObject = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'GitSource',
  metadata: { name: 'shop', namespace },
  spec: { repository: 'https://git.example/shop.git', schedule: '*/2 * * * *' },
}

/** Faults end, and what they broke is mended by those who broke it. */
export function heal(world: World): void {
  world.trace.note(() => 'everything works again')
  world.truth.settle()
  world.choices.heal()
  world.pods.heal()
  world.hub.heal()
  world.metrics.heal()
  world.git.downUntil = 0
  world.missing.untilMs = 0
  const rollout = world.server.get(rollouts, rolloutKey)
  if (rollout?.['status']?.phase === 'Rolling') {
    const known = world.server
      .log(rollouts)
      .findLast(
        ({ object }) =>
          object['status']?.phase !== 'Rolling' && object.metadata.uid === rollout.metadata.uid,
      )
    if (known) mendStatus(world, known.object)
  }
  world.controllers.heal()
  // Some give a Deployment its pods back in the end.
  const isGivenBack = world.scenario.isAdopted && mix(world.scenario.seed, 9003) % 3 === 0
  if (isGivenBack) world.kernel.after(30_000, () => remove(world, rollouts))
  // Most of those who are asked in a pull request answer in the end.
  const word = mix(world.scenario.seed, 9002) % 5
  if (word < 4) world.kernel.after(20_000, () => closePull(world, word < 3))
}

function qualities(scenario: Scenario, oscillating: Set<string>, choices: Choices) {
  const byRevision = new Map(scenario.releases.map(({ revision, quality }) => [revision, quality]))
  const second = scenario.releases[1]
  if (choices.at('P10') && second && second.quality.errorRate > 0.01)
    oscillating.add(second.revision)
  return (revision: string, atMs: number): Quality => {
    const quality = byRevision.get(revision) ?? plain
    if (!oscillating.has(revision) || choices.isHealed()) return quality
    return Math.floor(atMs / toggleMs) % 2 === 0 ? quality : { ...quality, errorRate: 0 }
  }
}

function interfere(world: World, isRelease: boolean): void {
  if (isRelease) release(world, 2 + (world.asked.count % 3))
  else {
    const files = { 'README.md': `The shop, ${world.kernel.now()}.\n` }
    world.host.commit({ author: 'bob', message: 'words', files })
  }
}
