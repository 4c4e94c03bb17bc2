// Services, pods and ReplicaSets in, the clusters that requests can go to out: which pods, on which port,
// and what Istio's metrics call them. Pure.
import { z } from 'zod'
import { label } from '../../crds/names.ts'
import type { KubeObject, ObjectMeta } from '../../kube/api.ts'
import { portCondition } from '../nodes/pod-status.ts'
import type { Labels } from './istio-objects.ts'

export interface ServiceIdentity {
  readonly name: string
  readonly namespace: string
  readonly fullName: string
}

export interface Service extends ServiceIdentity {
  /** The first one is where requests go that name no port. */
  readonly ports: readonly { readonly port: number; readonly targetPort: number | string }[]
  readonly pods: readonly ReadyPod[]
}

export interface ReadyPod {
  readonly labels: Labels
  readonly ip: string
  /** Overrides the port of the Service. */
  readonly port: number | null
  readonly portNames: ReadonlyMap<string, number>
  readonly workload: Workload
}

/** How metrics name where an answer came from. */
export interface Workload {
  readonly name: string
  readonly namespace: string
  readonly app: string
  readonly canonicalService: string
  readonly canonicalRevision: string
}

export interface Endpoint {
  /** `ip:port` */
  readonly address: string
  readonly workload: Workload
}

/** Endpoints of a Service, or of one subset of it. */
export interface Cluster {
  /** As Envoy has it: `outbound|80|v2|checkout.shop.svc.cluster.local`. */
  readonly name: string
  readonly service: ServiceIdentity
  readonly endpoints: readonly Endpoint[]
}

const ServiceSpec = z.looseObject({
  selector: z.record(z.string(), z.string()).nullish(),
  ports: z
    .array(
      z.looseObject({
        port: z.int(),
        targetPort: z.union([z.int(), z.string()]).nullish(),
      }),
    )
    .nullish(),
})

const Pod = z.looseObject({
  spec: z.looseObject({
    containers: z.array(
      z.looseObject({
        ports: z
          .array(z.looseObject({ name: z.string().nullish(), containerPort: z.int() }))
          .nullish(),
      }),
    ),
  }),
  status: z.looseObject({
    podIP: z.string(),
    conditions: z.array(
      z.looseObject({ type: z.string(), status: z.string(), message: z.string().nullish() }),
    ),
  }),
})

export interface WorkloadObjects {
  readonly services: readonly KubeObject[]
  readonly pods: readonly KubeObject[]
  readonly replicaSets: readonly KubeObject[]
}

export function readServices({ services, pods, replicaSets }: WorkloadObjects): Service[] {
  const owners = new Map(replicaSets.map(({ metadata }) => [metadata.uid ?? '', metadata]))
  const byNamespace = new Map<string, ReadyPod[]>()
  for (const pod of pods) {
    const ready = readReadyPod(pod, owners)
    const { namespace = '' } = pod.metadata
    if (ready) byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), ready])
  }
  return services.flatMap(({ metadata, ...object }) => {
    const parsed = ServiceSpec.safeParse(object['spec'])
    if (!parsed.success) return []
    const { namespace = '', name } = metadata
    const selector = Object.entries(parsed.data.selector ?? {})
    const candidates = selector.length === 0 ? [] : (byNamespace.get(namespace) ?? [])
    return {
      name,
      namespace,
      fullName: `${name}.${namespace}.svc.cluster.local`,
      ports: (parsed.data.ports ?? []).map(({ port, targetPort }) => ({
        port,
        targetPort: targetPort ?? port,
      })),
      pods: candidates.filter((pod) => hasLabels(pod.labels, selector)),
    }
  })
}

/** Null when the Service has no such port: Envoy then has no such cluster. */
export function buildCluster(
  service: Service,
  { port, subset }: { readonly port: number | null; readonly subset: Subset | null },
): Cluster | null {
  const found = service.ports.find((candidate) => port === null || candidate.port === port)
  if (!found) return null
  const labels = Object.entries(subset?.labels ?? {})
  const endpoints = service.pods.flatMap((pod) => {
    const { targetPort } = found
    const named = typeof targetPort === 'number' ? targetPort : pod.portNames.get(targetPort)
    const target = pod.port ?? named
    if (target === undefined || !hasLabels(pod.labels, labels)) return []
    return { address: `${pod.ip}:${target}`, workload: pod.workload }
  })
  const { name, namespace, fullName } = service
  return {
    name: `outbound|${found.port}|${subset?.name ?? ''}|${fullName}`,
    service: { name, namespace, fullName },
    endpoints,
  }
}

export interface Subset {
  readonly name: string
  readonly labels: Labels
}

function readReadyPod(pod: KubeObject, owners: ReadonlyMap<string, ObjectMeta>): ReadyPod | null {
  if (pod.metadata.deletionTimestamp !== undefined) return null
  const parsed = Pod.safeParse(pod)
  if (!parsed.success) return null
  const { spec, status } = parsed.data
  const condition = (type: string) =>
    status.conditions.find((candidate) => candidate.type === type && candidate.status === 'True')
  if (!condition('Ready')) return null
  const port = condition(portCondition)?.message
  const names = spec.containers.flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ name, containerPort }): [string, number][] =>
      name ? [[name, containerPort]] : [],
    ),
  )
  return {
    labels: pod.metadata.labels ?? {},
    ip: status.podIP,
    port: port ? Number(port) : null,
    portNames: new Map(names),
    workload: readWorkload(pod, owners),
  }
}

/** The Rollout that owns the pod's ReplicaSet, or the ReplicaSet, or the pod itself. */
function readWorkload(pod: KubeObject, owners: ReadonlyMap<string, ObjectMeta>): Workload {
  const { labels = {}, namespace = '', name: podName, ownerReferences } = pod.metadata
  const owner = ownerReferences?.find(({ controller }) => controller === true)
  const above = owners
    .get(owner?.uid ?? '')
    ?.ownerReferences?.find(({ controller }) => controller === true)
  const name = above?.name ?? owner?.name ?? podName
  const named = labels['app.kubernetes.io/name'] ?? labels['app']
  return {
    name,
    namespace,
    app: labels['app'] ?? 'unknown',
    canonicalService: labels['service.istio.io/canonical-name'] ?? named ?? name,
    canonicalRevision:
      labels[label.canonicalRevision] ??
      labels['app.kubernetes.io/version'] ??
      labels['version'] ??
      'latest',
  }
}

function hasLabels(labels: Labels, wanted: readonly (readonly [string, string])[]): boolean {
  return wanted.every(([name, value]) => labels[name] === value)
}
