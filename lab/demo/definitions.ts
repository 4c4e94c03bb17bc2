// What the teams of the demo commit: two services, with comments that a revert must keep.

export interface Release {
  readonly version: string
  /** What the pods of this version do, as environment of the lab's pods. */
  readonly errorPercent?: number
  readonly latencyMs?: number
}

export const paths = {
  checkout: 'apps/checkout/rollout.yaml',
  payments: 'apps/payments/rollout.yaml',
}

/** How long things take, and how many requests a check wants. */
export interface Timing {
  readonly hold: string
  readonly settle: string
  readonly drain: string
  readonly minRequests: number
}

export function rolloutYaml(
  name: 'checkout' | 'payments',
  { version, errorPercent = 0, latencyMs = 5 }: Release,
  options: { readonly timing: Timing; readonly approve?: boolean },
): string {
  const approval = options.approve ? ', approval: true' : ''
  const { hold, settle, drain, minRequests } = options.timing
  return `# ${name}: owned by the ${name} team
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata:
  name: ${name}
  namespace: shop
spec:
  replicas: 4
  selector:
    matchLabels: { app: ${name} }
  template:
    metadata:
      labels: { app: ${name} }
    spec:
      containers:
        - name: app
          image: registry.example/${name}:${version}   # the release
          ports: [{ containerPort: 8080 }]
          env:
            - { name: ERROR_PERCENT, value: "${errorPercent}" }
            - { name: LATENCY_MS, value: "${latencyMs}" }
  traffic:
    istio: { host: ${name} }
    settle: ${settle}   # the lab's mesh is this fast; keep the default of 10s on a real one
    drain: ${drain}
  progressDeadline: 60s
  canary:
    steps:
      - { weight: 5, hold: ${hold} }
      - { weight: 25, hold: ${hold}${approval} }
      - { weight: 50, hold: ${hold} }
      - { weight: 100, hold: ${hold} }
  analysis:
    minRequests: ${minRequests}
    checks:
      - { name: errors, successRate: { min: 99 } }
      - { name: latency, latency: { quantile: 0.95, max: 1s } }
`
}

export function serviceObject(name: string) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  }
}

export function gitSourceObject(repository: string) {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'GitSource',
    metadata: { name: 'shop', namespace: 'shop' },
    spec: { repository, branch: 'main', include: ['apps/**/*.yaml'], schedule: '* * * * * *' },
  }
}
