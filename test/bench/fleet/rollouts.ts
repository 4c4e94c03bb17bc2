// A number in, a Rollout of a service like many others out.
import type { KubeObject } from '../../../kube/api.ts'

export const namespaceCount = 10
export const namespaces = Array.from({ length: namespaceCount }, (_, i) => `fleet-${i}`)

export const nameOf = (index: number): string => `app-${String(index).padStart(5, '0')}`

/** Of the Rollout with this number. */
export const keyOf = (index: number) => ({
  namespace: `fleet-${index % namespaceCount}`,
  name: nameOf(index),
})

export function rolloutOf(index: number): KubeObject {
  const { namespace, name } = keyOf(index)
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { namespace, name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: templateOf(name, 'v1'),
      traffic: { istio: { host: name }, settle: '500ms', drain: '1s' },
      progressDeadline: '30m',
      canary: { steps: stepsOf([5, 25, 50, 75, 100], '1s') },
      analysis: { minRequests: 20, checks: [{ name: 'errors', successRate: { min: 99 } }] },
    },
  }
}

/** A new release, as a patch; `steps` may change with it. */
export function releaseOf(index: number, version: string, steps?: readonly object[]): object {
  const template = templateOf(nameOf(index), version)
  return { spec: { template, ...(steps && { canary: { steps } }) } }
}

export function stepsOf(weights: readonly number[], hold: string): object[] {
  return weights.map((weight) => ({ weight, hold }))
}

/** About as large as templates are. */
function templateOf(name: string, version: string) {
  const settings = Array.from({ length: 12 }, (_, i) => ({
    name: `SETTING_${i}`,
    value: `https://dependency-${i}.example.internal:8443/api/v2`,
  }))
  return {
    metadata: { labels: { app: name } },
    spec: {
      automountServiceAccountToken: false,
      // Nobody would end it.
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'app',
          image: `registry.example/${name}:${version}`,
          ports: [{ containerPort: 8080 }],
          env: settings,
          resources: { requests: { cpu: '100m', memory: '128Mi' } },
          readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
        },
      ],
    },
  }
}
