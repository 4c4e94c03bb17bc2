// What a team commits in the scenarios: one service, quick steps, checks of errors and latency.

export interface Wanted {
  readonly namespace: string
  readonly version: string
  /** What the pods of this version do. */
  readonly errorPercent?: number
  readonly latencyMs?: number
  /** Default 5, 25, 50, 100. */
  readonly weights?: readonly number[]
  /** Of each step. Default 2s. */
  readonly hold?: string
  /** All traffic in one write instead of steps. */
  readonly isBlueGreen?: boolean
}

export const path = 'apps/checkout/rollout.yaml'

export function rolloutText(wanted: Wanted): string {
  const { namespace, version, errorPercent = 0, latencyMs = 4 } = wanted
  const { weights = [5, 25, 50, 100], hold = '2s' } = wanted
  const steps = weights.map((weight) => `      - { weight: ${weight}, hold: ${hold} }`)
  const canary = `  canary:\n    steps:\n${steps.join('\n')}`
  const strategy = wanted.isBlueGreen ? `  blueGreen: { hold: ${hold} }` : canary
  return `# checkout: owned by the checkout team
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata:
  name: checkout
  namespace: ${namespace}
spec:
  replicas: 3
  selector:
    matchLabels: { app: checkout }
  template:
    metadata:
      labels: { app: checkout }
    spec:
      containers:
        - name: app
          image: registry.example/checkout:${version}   # the release
          ports: [{ containerPort: 8080 }]
          env:
            - { name: ERROR_PERCENT, value: "${errorPercent}" }
            - { name: LATENCY_MS, value: "${latencyMs}" }
  traffic:
    istio: { host: checkout }
    settle: 500ms   # the mesh of the tests is this fast
    drain: 1s
  progressDeadline: 60s
${strategy}
  analysis:
    minRequests: 20
    checks:
      - { name: errors, successRate: { min: 99 } }
      - { name: latency, latency: { quantile: 0.95, max: 2s } }
`
}

export const templatePath = 'apps/checkout/template.yaml'

/** Beside the Rollout; each version changes it, so that it is applied anew. */
export function templateText(namespace: string, version: string): string {
  return `apiVersion: sluice.dev/v1alpha1
kind: AnalysisTemplate
metadata:
  name: latency
  namespace: ${namespace}
  labels: { release: ${version} }
spec:
  checks:
    - { name: slow, latency: { quantile: 0.99, max: 900ms } }
`
}
