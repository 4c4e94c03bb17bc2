// Printer columns of built-in kinds: an object in, cells for people out.
import type { KubeObject } from '../../kube/api.ts'
import { at, isObject, listOf, numberOf, objectOf, textOf } from './json.ts'

export type Cell = string | number | boolean | null

export interface Column {
  readonly name: string
  readonly type: string
  readonly format: string
  readonly description: string
  readonly priority: number
  readonly cell: (object: KubeObject, nowMs: number) => Cell
}

export const nameColumn: Column = {
  ...column('Name', (object) => object.metadata.name),
  format: 'name',
}

export const ageColumn: Column = column('Age', (object, nowMs) =>
  age(object.metadata.creationTimestamp, nowMs),
)

/** A time as kubectl shows ages: 12s, 5m30s, 3h, 4d2h. */
export function age(since: unknown, nowMs: number): string {
  const then = Date.parse(textOf(since))
  if (Number.isNaN(then)) return '<unknown>'
  const seconds = Math.floor((nowMs - then) / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  return humanSeconds(seconds)
}

function humanSeconds(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (seconds < 120) return `${seconds}s`
  if (minutes < 10) return both(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  if (hours < 8) return both(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  if (hours < 192) return both(days, 'd', hours % 24, 'h')
  if (days < 730) return `${days}d`
  return days < 2920
    ? both(Math.floor(days / 365), 'y', days % 365, 'd')
    : `${Math.floor(days / 365)}y`
}

const both = (a: number, unitA: string, b: number, unitB: string): string =>
  b === 0 ? `${a}${unitA}` : `${a}${unitA}${b}${unitB}`

const count =
  (...path: readonly string[]) =>
  (object: KubeObject) =>
    numberOf(at(object, path))
const text =
  (otherwise: string, ...path: readonly string[]) =>
  (object: KubeObject): Cell => {
    const value = at(object, path)
    return value === undefined || value === null || value === '' ? otherwise : String(value)
  }
const size = (field: string) => (object: KubeObject) => Object.keys(objectOf(object[field])).length

/** By kind; the name comes before these columns. */
export const builtinColumns: Readonly<Record<string, readonly Column[]>> = {
  Namespace: [column('Status', text('', 'status', 'phase')), ageColumn],
  Node: [column('Status', nodeStatus), ageColumn, wide('Version', nodeVersion)],
  Pod: [
    column('Ready', podReady),
    column('Status', podStatus),
    column('Restarts', podRestarts),
    ageColumn,
    wide('IP', text('<none>', 'status', 'podIP')),
    wide('Node', text('<none>', 'spec', 'nodeName')),
    wide('Nominated Node', text('<none>', 'status', 'nominatedNodeName')),
    wide('Readiness Gates', () => '<none>'),
  ],
  Service: [
    column('Type', text('ClusterIP', 'spec', 'type')),
    column('Cluster-IP', text('<none>', 'spec', 'clusterIP')),
    column('External-IP', text('<none>', 'spec', 'externalName')),
    column('Port(s)', servicePorts),
    ageColumn,
    wide('Selector', (object) => pairs(at(object, ['spec', 'selector']))),
  ],
  Endpoints: [ageColumn],
  ConfigMap: [number('Data', size('data')), ageColumn],
  Secret: [column('Type', text('Opaque', 'type')), number('Data', size('data')), ageColumn],
  ServiceAccount: [number('Secrets', (object) => listOf(object['secrets']).length), ageColumn],
  Event: [
    column('Last Seen', (object, nowMs) => age(eventTime(object), nowMs)),
    column('Type', text('', 'type')),
    column('Reason', text('', 'reason')),
    column('Object', eventObject),
    column('Message', (object) => textOf(object['message'] ?? object['note']).trim()),
  ],
  ReplicaSet: [
    number('Desired', count('spec', 'replicas')),
    number('Current', count('status', 'replicas')),
    number('Ready', count('status', 'readyReplicas')),
    ageColumn,
    wide('Containers', containers('name')),
    wide('Images', containers('image')),
    wide('Selector', (object) => pairs(at(object, ['spec', 'selector', 'matchLabels']))),
  ],
  Deployment: [
    column(
      'Ready',
      (object) =>
        `${count('status', 'readyReplicas')(object)}/${count('spec', 'replicas')(object)}`,
    ),
    number('Up-to-date', count('status', 'updatedReplicas')),
    number('Available', count('status', 'availableReplicas')),
    ageColumn,
  ],
  HorizontalPodAutoscaler: [
    column('Reference', (object) => {
      const target = objectOf(at(object, ['spec', 'scaleTargetRef']))
      return `${textOf(target['kind'])}/${textOf(target['name'])}`
    }),
    number('MinPods', count('spec', 'minReplicas')),
    number('MaxPods', count('spec', 'maxReplicas')),
    number('Replicas', count('status', 'currentReplicas')),
    ageColumn,
  ],
  EndpointSlice: [
    column('AddressType', text('', 'addressType')),
    column('Ports', (object) => joined(object['ports'], (port) => objectOf(port)['port'])),
    column('Endpoints', (object) =>
      joined(object['endpoints'], (endpoint) => listOf(objectOf(endpoint)['addresses'])[0]),
    ),
    ageColumn,
  ],
  Lease: [column('Holder', text('', 'spec', 'holderIdentity')), ageColumn],
  CustomResourceDefinition: [
    column('Created At', (object) => object.metadata.creationTimestamp ?? ''),
  ],
}

function column(name: string, cell: Column['cell']): Column {
  return {
    name,
    type: 'string',
    format: '',
    description: `${name} of the object.`,
    priority: 0,
    cell,
  }
}

function wide(name: string, cell: Column['cell']): Column {
  return { ...column(name, cell), priority: 1 }
}

function number(name: string, cell: Column['cell']): Column {
  return { ...column(name, cell), type: 'integer' }
}

function nodeStatus(node: KubeObject): string {
  const ready = listOf(at(node, ['status', 'conditions']))
    .map(objectOf)
    .find((condition) => condition['type'] === 'Ready')
  if (!ready) return 'Unknown'
  const unschedulable = at(node, ['spec', 'unschedulable']) === true ? ',SchedulingDisabled' : ''
  return `${ready['status'] === 'True' ? 'Ready' : 'NotReady'}${unschedulable}`
}

function nodeVersion(node: KubeObject): string {
  return textOf(at(node, ['status', 'nodeInfo', 'kubeletVersion']))
}

const statuses = (pod: KubeObject) => listOf(at(pod, ['status', 'containerStatuses'])).map(objectOf)

function podReady(pod: KubeObject): string {
  const ready = statuses(pod).filter((status) => status['ready'] === true).length
  return `${ready}/${listOf(at(pod, ['spec', 'containers'])).length}`
}

function podRestarts(pod: KubeObject): string {
  return String(statuses(pod).reduce((sum, status) => sum + numberOf(status['restartCount']), 0))
}

function podStatus(pod: KubeObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating'
  for (const status of statuses(pod)) {
    const state = objectOf(status['state'])
    const reason = textOf(objectOf(state['waiting'] ?? state['terminated'])['reason'])
    if (reason !== '') return reason
  }
  const status = objectOf(pod['status'])
  return textOf(status['reason']) || textOf(status['phase']) || 'Unknown'
}

function servicePorts(service: KubeObject): string {
  return joined(at(service, ['spec', 'ports']), (value) => {
    const port = objectOf(value)
    const node = port['nodePort'] === undefined ? '' : `:${port['nodePort']}`
    return `${port['port']}${node}/${textOf(port['protocol']) || 'TCP'}`
  })
}

function eventTime(event: KubeObject): unknown {
  const series = objectOf(event['series'])
  return (
    series['lastObservedTime'] ??
    event['lastTimestamp'] ??
    event['deprecatedLastTimestamp'] ??
    event['firstTimestamp'] ??
    event['eventTime'] ??
    event.metadata.creationTimestamp
  )
}

function eventObject(event: KubeObject): string {
  const about = objectOf(event['involvedObject'] ?? event['regarding'])
  return `${textOf(about['kind']).toLowerCase()}/${textOf(about['name'])}`
}

function joined(list: unknown, show: (item: unknown) => unknown): string {
  const shown = listOf(list).map((item) => String(show(item)))
  return shown.length === 0 ? '<none>' : shown.join(',')
}

/** One field of each container of a template. */
function containers(field: string) {
  return (object: KubeObject) =>
    joined(at(object, ['spec', 'template', 'spec', 'containers']), (one) => objectOf(one)[field])
}

function pairs(labels: unknown): string {
  if (!isObject(labels)) return '<none>'
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')
}
