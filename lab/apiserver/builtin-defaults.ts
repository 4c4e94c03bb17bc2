// What the server itself fills into new objects of built-in kinds. Enough for kubectl to describe them.
import type { KubeObject } from '../../kube/api.ts'
import { isObject, type JsonObject, listOf, objectOf } from './json.ts'
import { withPodDefaults, withTemplateDefaults } from './template-defaults.ts'

/** Values a new object gets where it does not state them, and the status it begins with. */
export function withBuiltinDefaults(object: KubeObject, ordinal: number): KubeObject {
  const spec = objectOf(object['spec'])
  switch (object.kind) {
    case 'Namespace':
      return {
        ...object,
        metadata: {
          ...object.metadata,
          labels: {
            ...object.metadata.labels,
            'kubernetes.io/metadata.name': object.metadata.name,
          },
        },
        spec: { ...spec, finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      }
    case 'Pod':
      return {
        ...object,
        spec: { enableServiceLinks: true, ...withPodDefaults(spec) },
        status: { phase: 'Pending', qosClass: 'BestEffort' },
      }
    case 'Service':
      return { ...object, spec: serviceSpec(spec, ordinal), status: { loadBalancer: {} } }
    case 'ReplicaSet':
      return withUpdateDefaults({
        ...object,
        spec: { replicas: 1, ...spec },
        status: { replicas: 0 },
      })
    case 'Deployment':
      return withUpdateDefaults({ ...object, spec: deploymentSpec(spec), status: {} })
    case 'Secret':
      return secret(object)
    default:
      return object
  }
}

/** What every write of a built-in object goes through, updates too. */
export function withUpdateDefaults(object: KubeObject): KubeObject {
  if (object.kind !== 'ReplicaSet' && object.kind !== 'Deployment') return object
  const spec = objectOf(object['spec'])
  if (!isObject(spec['template'])) return object
  return { ...object, spec: { ...spec, template: withTemplateDefaults(spec['template']) } }
}

function serviceSpec(spec: JsonObject, ordinal: number): JsonObject {
  const ports = listOf(spec['ports']).map((port) =>
    isObject(port) ? { protocol: 'TCP', targetPort: port['port'], ...port } : port,
  )
  const address = `10.96.${(ordinal >> 8) & 255}.${ordinal & 255}`
  const clusterIP = spec['clusterIP'] ?? (spec['type'] === 'ExternalName' ? undefined : address)
  return {
    type: 'ClusterIP',
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    ...spec,
    ...(clusterIP !== undefined && { clusterIP, clusterIPs: [clusterIP] }),
    ...(ports.length > 0 && { ports }),
  }
}

function deploymentSpec(spec: JsonObject): JsonObject {
  return {
    replicas: 1,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    ...spec,
  }
}

function secret(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object
  const encoded = Object.entries(objectOf(stringData)).map(([name, text]) => [
    name,
    Buffer.from(String(text)).toString('base64'),
  ])
  const data = { ...objectOf(object['data']), ...Object.fromEntries(encoded) }
  return {
    ...rest,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: object.metadata,
    type: object['type'] ?? 'Opaque',
    ...(Object.keys(data).length > 0 && { data }),
  }
}
