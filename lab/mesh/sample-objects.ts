// For tests: a Service `checkout` in `shop` with two pods of revision v1 and one of v2, and what is added.
import type { KubeObject } from '../../kube/api.ts'
import type { MeshObjects } from './route-table.ts'

export interface Sample {
  /** Rules of the VirtualService; none without them. */
  readonly http?: readonly unknown[]
  readonly objects?: Partial<MeshObjects>
}

export const full = 'checkout.shop.svc.cluster.local'

export const to = (subset: string, weight: number, host = full) => ({
  destination: { host, subset },
  weight,
})

export function rule(...route: unknown[]) {
  return { route }
}

export function world({ http, objects = {} }: Sample): MeshObjects {
  const ours = http ? [virtualService('checkout', { hosts: ['checkout'], http })] : []
  const subset = (name: string) => ({ name, labels: { 'sluice.dev/revision': name } })
  return {
    services: [
      object('v1', 'Service', 'checkout', {
        selector: { app: 'checkout' },
        ports: [{ port: 80, targetPort: 8080 }],
      }),
    ],
    replicaSets: [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: {
          name: 'checkout-v',
          namespace: 'shop',
          uid: 'rs',
          ownerReferences: [owner('Rollout', 'checkout', 'ro')],
        },
      },
    ],
    destinationRules: [
      object('networking.istio.io/v1', 'DestinationRule', 'checkout', {
        host: 'checkout',
        subsets: ['v1', 'v2', 'v3'].map(subset),
      }),
    ],
    pods: [pod('v1', 1), pod('v1', 2), pod('v2', 3)],
    httpRoutes: [],
    grpcRoutes: [],
    ...objects,
    virtualServices: [...ours, ...(objects.virtualServices ?? [])],
  }
}

export function delegate(name: string, http: readonly unknown[]): KubeObject {
  return virtualService(name, { http })
}

export function virtualService(name: string, spec: unknown): KubeObject {
  return object('networking.istio.io/v1', 'VirtualService', name, spec)
}

function object(apiVersion: string, kind: string, name: string, spec: unknown): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace: 'shop' }, spec }
}

export function pod(revision: string, number: number, ready = 'True'): KubeObject {
  const labels = {
    app: 'checkout',
    'sluice.dev/revision': revision,
    'service.istio.io/canonical-revision': revision,
  }
  const ownerReferences = [owner('ReplicaSet', 'checkout-v', 'rs')]
  return {
    ...object('v1', 'Pod', `pod-${number}`, { containers: [{ name: 'main' }] }),
    metadata: { name: `pod-${number}`, namespace: 'shop', labels, ownerReferences },
    status: { podIP: `127.1.0.${number}`, conditions: [{ type: 'Ready', status: ready }] },
  }
}

export function leaving(left: KubeObject): KubeObject {
  return { ...left, metadata: { ...left.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }
}

function owner(kind: string, name: string, uid: string) {
  return { apiVersion: 'apps/v1', kind, name, uid, controller: true }
}
