// A router and a release in, the Rollout that a team would apply out: quick steps and no checks.
import type { KubeObject } from '../../../kube/api.ts'
import type { RouterStory } from './routers.ts'

export interface Release {
  readonly version: string
  /** Share of requests that this release fails by itself. */
  readonly errorPercent?: number
}

const steps = [
  { weight: 20, hold: '800ms' },
  { weight: 60, hold: '800ms' },
  { weight: 100, hold: '400ms' },
]

export const isEncrypted = ({ calls }: RouterStory): boolean =>
  calls.kind === 'connections' && calls.serverName !== undefined

export function renderRollout(given: {
  readonly namespace: string
  readonly router: RouterStory
  readonly release: Release
}): KubeObject {
  const { namespace, router, release } = given
  const labels = { app: 'checkout' }
  const { version, errorPercent = 0 } = release
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
  const strategy = router.isBlueGreen ? { blueGreen: { hold: '1s' } } : { canary: { steps } }
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'checkout', namespace },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
      // Longer than the proxies of the suite need, and than a connection of its callers lives.
      traffic: { ...router.traffic, settle: '400ms', drain: '2s' },
      progressDeadline: '60s',
      ...strategy,
    },
  }
}
