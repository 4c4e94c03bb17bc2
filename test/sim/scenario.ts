// A seed in, what is tried in its world out: the Rollout, the releases with their true quality, where they
// are asked for, how long faults last. Shapes are few, so that parsed forms of them can be kept.
import { stringify } from 'yaml'
import { revisionOf } from '../../crds/revision.ts'
import { apiVersion } from '../../crds/rollout.ts'
import { configMapOf, configured, revisionWith } from './configured.ts'
import { type Stream, streamOf } from './random.ts'
import { drawRouter, type RouterKind, routerParts } from './routers.ts'
import { widened } from './widened.ts'

/** How a release truly is. */
export interface Quality {
  readonly errorRate: number
  readonly slowRate: number
  readonly startMs: number
  readonly neverReady: boolean
}

export interface Scenario {
  readonly seed: number
  readonly shape: Shape
  /** Releases come as commits; without Git people apply them. */
  readonly isGit: boolean
  /** Releases are changes of a ConfigMap that is part of the Rollout; the image stays. */
  readonly isConfigured: boolean
  /** A Deployment runs before the Rollout, which takes it over; releases are changes of its template. */
  readonly isAdopted: boolean
  /** Somebody outside of the cluster is told of what happens. */
  readonly isNotified: boolean
  /** Two controllers campaign for one lease. */
  readonly isPair: boolean
  readonly scrapeMs: number
  readonly requestsPerSecond: number
  /** Faults and people stop after this time. */
  readonly faultMs: number
  /** When the second release is asked for. */
  readonly releaseAtMs: number
  readonly releases: readonly Release[]
}

export interface Release {
  readonly image: string
  readonly revision: string
  readonly quality: Quality
}

export interface Shape {
  readonly id: number
  readonly replicas: number
  readonly settleMs: number
  readonly drainMs: number
  readonly deadlineMs: number
  /** Default: a VirtualService that Sluice owns. */
  readonly router?: RouterKind
  readonly spec: Readonly<Record<string, unknown>>
}

export const namespace = 'shop'
export const rolloutName = 'checkout'
export const rolloutKey = { namespace, name: rolloutName }
const releaseCount = 7

export function scenarioOf(seed: number): Scenario {
  const stream = streamOf(seed, 1)
  const plain = shapeOf(stream.whole(0, shapeCount - 1))
  const shape = wide(seed, routed(plain, drawRouter(seed, plain.spec['blueGreen'] !== undefined)))
  const isGit = stream.chance(0.5)
  const isConfigured = !isGit && streamOf(seed, 9).chance(0.2)
  const isAdopted = !isGit && !isConfigured && streamOf(seed, 13).chance(0.25)
  return {
    seed,
    shape,
    isGit,
    isConfigured,
    isAdopted,
    isNotified: streamOf(seed, 12).chance(0.3),
    isPair: stream.chance(0.15),
    scrapeMs: stream.pick([5_000, 15_000]),
    requestsPerSecond: stream.pick([100, 100, 100, 400, 1]),
    faultMs: stream.whole(4, 9) * 60_000,
    releaseAtMs: stream.whole(10, 60) * 1_000,
    releases: Array.from({ length: releaseCount }, (_, index) => {
      const release = releaseOf(index, stream)
      return isConfigured ? { ...release, revision: configuredRevision(release.image) } : release
    }),
  }
}

const firstImage = 'checkout:v1'

/** Of a release that is a change of configuration. */
export const configuredRevision = (image: string) => revisionWith(firstImage, configMapOf(image))

const startTimes = [1_000, 3_000, 8_000, 20_000]

function releaseOf(index: number, stream: Stream): Release {
  const image = `checkout:v${index + 1}`
  const kind = index === 0 ? 0 : stream.unit()
  const quality: Quality = {
    errorRate: kind < 0.5 || kind >= 0.75 ? stream.pick([0, 0.001]) : stream.pick([0.05, 0.2, 0.8]),
    slowRate: kind >= 0.75 && kind < 0.85 ? 0.2 : 0.0005,
    startMs: stream.pick(startTimes),
    neverReady: kind >= 0.92,
  }
  return { image, revision: revisionOf(templateOf(image)), quality }
}

export const isGood = ({ errorRate, slowRate, neverReady }: Quality): boolean =>
  errorRate < 0.01 && slowRate < 0.01 && !neverReady

const shapeCount = 32

/** A shape by its number, so that a few shapes serve all seeds. */
function shapeOf(id: number): Shape {
  const stream = streamOf(id, 2)
  const replicas = stream.pick([1, 2, 3, 4, 10])
  const settleMs = stream.pick([2_000, 10_000])
  const drainMs = stream.pick([5_000, 30_000])
  const deadlineMs = stream.pick([180_000, 300_000])
  const weights = stream.pick([[100], [20], [10, 50], [5, 25, 50], [1, 100], [0, 50]])
  const steps = weights.map((weight) => ({
    weight,
    ...(stream.chance(0.6) ? { hold: stream.pick(['10s', '45s']) } : {}),
    ...(stream.chance(0.1) ? { approval: true } : {}),
  }))
  const strategy = stream.chance(0.25)
    ? { blueGreen: { hold: '20s', approval: stream.chance(0.3) } }
    : { canary: { steps } }
  const checks = [
    { name: 'errors', successRate: { min: 99 } },
    { name: 'latency', latency: { quantile: 0.95, max: '250ms' } },
    { name: 'own', prometheus: { query: 'own({{revision}})', max: 0.01 } },
  ]
  const onMissing = () => stream.pick(['pause', 'abort'])
  const analysis = {
    checks: stream.pick([checks.slice(0, 1), checks.slice(0, 2), checks]),
    minRequests: 20,
    onInconclusive: onMissing(),
    onError: onMissing(),
  }
  return {
    id,
    replicas,
    settleMs,
    drainMs,
    deadlineMs,
    spec: {
      replicas,
      selector: { matchLabels: { app: 'checkout' } },
      minReadySeconds: stream.pick([0, 0, 5]),
      progressDeadline: `${deadlineMs / 1_000}s`,
      traffic: {
        istio: { host: 'checkout' },
        settle: `${settleMs / 1_000}s`,
        drain: `${drainMs / 1_000}s`,
      },
      ...strategy,
      ...(stream.chance(0.9) ? { analysis } : {}),
      revert: { mode: stream.chance(0.15) ? 'off' : 'direct' },
    },
  }
}

const routers = Object.keys(routerParts)

/** The same, split by another router; checks read the metrics that the world has. */
function routed(shape: Shape, router: RouterKind): Shape {
  if (router === 'istio') return shape
  const { istio: _, ...times } = shape.spec['traffic'] as Record<string, unknown>
  const traffic = { ...routerParts[router].traffic, ...times }
  const analysis = shape.spec['analysis'] as Record<string, unknown> | undefined
  const measured = analysis ? { analysis: { ...analysis, metrics: 'istio' } } : {}
  const id = shape.id + shapeCount * routers.indexOf(router)
  return { ...shape, id, router, spec: { ...shape.spec, ...measured, traffic } }
}

/** The same, asked for in one more way; see widened.ts. */
function wide(seed: number, shape: Shape): Shape {
  const { spec, variant } = widened(seed, shape.spec, shape.router ?? 'istio')
  return { ...shape, spec, id: shape.id + shapeCount * routers.length * variant }
}

export function templateOf(image: string) {
  return {
    metadata: { labels: { app: 'checkout' } },
    spec: { containers: [{ name: 'app', image }] },
  }
}

/** The Rollout of a release as people apply it. */
export function appliedOf({ shape, isConfigured, isAdopted }: Scenario, image: string) {
  if (isAdopted) return adoptingOf(shape)
  if (!isConfigured) return rolloutOf(shape, image)
  const { spec, ...object } = rolloutOf(shape, firstImage)
  return { ...object, spec: { ...spec, ...configured() } }
}

/** A Rollout that runs what a Deployment of its name says. */
function adoptingOf(shape: Shape) {
  const { spec, ...object } = rolloutOf(shape, firstImage)
  const { template: _, ...rest } = spec
  return { ...object, spec: { ...rest, workloadRef: { kind: 'Deployment', name: rolloutName } } }
}

/** What runs before. */
export function deploymentOf({ shape }: Scenario) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: rolloutName, namespace },
    spec: {
      replicas: shape.replicas,
      selector: { matchLabels: { app: 'checkout' } },
      template: templateOf(firstImage),
    },
  }
}

export function rolloutOf(shape: Shape, image: string) {
  return {
    apiVersion,
    kind: 'Rollout',
    metadata: { name: rolloutName, namespace },
    spec: { ...shape.spec, template: templateOf(image) },
  }
}

const texts = new Map<string, string>()

/** The file of a Rollout in Git. */
export function fileOf(
  shape: Shape,
  image: string,
  over: Readonly<Record<string, unknown>> = {},
): string {
  const key = `${shape.id} ${image} ${JSON.stringify(over)}`
  const known = texts.get(key)
  if (known !== undefined) return known
  const object = rolloutOf(shape, image)
  const spec = { ...object.spec, ...over }
  const text = stringify({ ...object, spec }, { compat: 'yaml-1.1' })
  texts.set(key, text)
  return text
}

export const path = 'apps/checkout.yaml'
