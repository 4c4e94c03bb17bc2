// A router and a release in, what a team would apply out: a Rollout with quick steps and no checks, and the
// Deployment whose template it runs, where it takes one over.
import type { KubeObject } from '../../../kube/api.ts'
import type { RouterStory } from './routers.ts'

export interface Release {
  readonly version: string
  /** Share of requests that this release fails by itself. */
  readonly errorPercent?: number
}

/** Some of `Rollout.spec.canary.steps`. */
export type Steps = readonly Readonly<Record<string, unknown>>[]

export const usualSteps: Steps = [
  { weight: 20, hold: '800ms' },
  { weight: 60, hold: '800ms' },
  { weight: 100, hold: '400ms' },
]

/** The new revision meets nobody but those who match, and copies, until a person says promote. */
export const besideSteps = ({ beside }: RouterStory): Steps => {
  const match = { headers: { 'x-beta': { exact: '1' } }, cookie: { name: 'beta', value: 'yes' } }
  const mirror = beside === 'match and mirror' ? { mirror: 50 } : {}
  return [
    { weight: 0, match, ...mirror, approval: true },
    { weight: 100, hold: '400ms' },
  ]
}

/** Where testers of a blue-green release call. */
export const previewHost = 'checkout-preview'

/** Old pods are kept for longer than it takes to see the need of a way back. */
const blueGreen = {
  hold: '1s',
  approval: true,
  preview: { service: previewHost },
  keep: '4s',
}

export const isEncrypted = ({ calls }: RouterStory): boolean =>
  calls.kind === 'connections' && calls.serverName !== undefined

export interface Applied {
  readonly namespace: string
  readonly router: RouterStory
  readonly release: Release
  readonly steps: Steps
}

/** Proxies that are later than this may fail requests, and prove nothing. */
export const settleMs = 800
const name = 'checkout'
const replicas = 3
const labels = { app: 'checkout' }

export function renderDeployment(given: Omit<Applied, 'steps'>): KubeObject {
  const { namespace, router, release } = given
  const template = templateOf(router, release)
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: { selector: { matchLabels: labels }, template },
  }
}

export function renderRollout({ release, ...given }: Applied): KubeObject {
  return renderWith(given, { template: templateOf(given.router, release) })
}

export function renderAdoption(given: Omit<Applied, 'release'>): KubeObject {
  return renderWith(given, { workloadRef: { kind: 'Deployment', name } })
}

function templateOf(router: RouterStory, { version, errorPercent = 0 }: Release) {
  const environment = {
    ERROR_PERCENT: String(errorPercent),
    LATENCY_MS: '1',
    TLS: String(isEncrypted(router)),
  }
  const container = {
    name: 'app',
    image: `registry.example/checkout:${version}`,
    ports: [{ containerPort: 8080 }],
    env: Object.entries(environment).map(([name, value]) => ({ name, value })),
  }
  return { metadata: { labels }, spec: { containers: [container] } }
}

function renderWith(
  { namespace, router, steps }: Omit<Applied, 'release'>,
  what: Readonly<Record<string, unknown>>,
): KubeObject {
  const strategy = router.isBlueGreen ? { blueGreen } : { canary: { steps } }
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      ...what,
      // Longer than the proxies of the suite need, and than a connection of its callers lives.
      traffic: { ...router.traffic, settle: `${settleMs}ms`, drain: '2s' },
      progressDeadline: '60s',
      ...strategy,
    },
  }
}
