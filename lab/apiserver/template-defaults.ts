// What the server fills into a pod template, on every write: a reader of a stored template sees all of it.
import { isObject, type JsonObject, listOf, objectOf } from './json.ts'

export function withTemplateDefaults(template: unknown): JsonObject {
  const given = objectOf(template)
  return { ...given, spec: withPodDefaults(objectOf(given['spec'])) }
}

export function withPodDefaults(spec: JsonObject): JsonObject {
  const result: JsonObject = {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    ...spec,
  }
  for (const list of ['containers', 'initContainers']) {
    if (Array.isArray(spec[list])) result[list] = spec[list].map(withContainerDefaults)
  }
  if (Array.isArray(spec['volumes'])) result['volumes'] = spec['volumes'].map(withVolumeDefaults)
  return result
}

const probes = ['livenessProbe', 'readinessProbe', 'startupProbe']

function withContainerDefaults(container: unknown): unknown {
  if (!isObject(container)) return container
  const result: JsonObject = {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: pullPolicy(String(container['image'] ?? '')),
    ...container,
  }
  if (container['ports']) result['ports'] = listOf(container['ports']).map(withProtocol)
  if (container['env']) result['env'] = listOf(container['env']).map(withFieldVersion)
  for (const probe of probes) {
    if (isObject(container[probe])) result[probe] = withProbeDefaults(container[probe])
  }
  return result
}

/** An image without tag or digest may be another one tomorrow. */
function pullPolicy(image: string): string {
  const [name = ''] = image.split('@')
  const tag = /:([^/:]+)$/.exec(name)?.[1]
  const isFixed = image.includes('@') || (tag !== undefined && tag !== 'latest')
  return isFixed ? 'IfNotPresent' : 'Always'
}

function withProtocol(port: unknown): unknown {
  return isObject(port) ? { protocol: 'TCP', ...port } : port
}

function withFieldVersion(variable: unknown): unknown {
  if (!isObject(variable)) return variable
  const source = variable['valueFrom']
  if (!isObject(source) || !isObject(source['fieldRef'])) return variable
  const fieldRef = { apiVersion: 'v1', ...source['fieldRef'] }
  return { ...variable, valueFrom: { ...source, fieldRef } }
}

function withProbeDefaults(probe: JsonObject): JsonObject {
  const http = probe['httpGet']
  return {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
    ...probe,
    ...(isObject(http) && { httpGet: { path: '/', scheme: 'HTTP', ...http } }),
  }
}

/** Modes of files are 0644 where nothing else is said. */
function withVolumeDefaults(volume: unknown): unknown {
  if (!isObject(volume)) return volume
  const result = { ...volume }
  for (const source of ['configMap', 'secret', 'projected', 'downwardAPI']) {
    if (isObject(volume[source])) result[source] = { defaultMode: 420, ...volume[source] }
  }
  return result
}
