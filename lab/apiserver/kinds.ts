// What the server knows of a kind, and the literal table of built-in kinds. Custom kinds are made from
// CustomResourceDefinitions in crd.ts and have the same shape.
import type { KubeObject } from '../../kube/api.ts'
import type { CelCheck } from './cel.ts'
import { builtinColumns, type Column } from './columns.ts'
import { eventForms } from './event-forms.ts'
import { builtinSchema, type Schema } from './schema.ts'
import type { Validate } from './schema-validate.ts'

export interface ScalePaths {
  readonly spec: readonly string[]
  readonly status: readonly string[]
  /** Where the selector is kept as text; null when it is derived from `spec.selector`. */
  readonly selector: readonly string[] | null
}

export interface KindRules {
  readonly validate: Validate
  readonly check: CelCheck
}

export interface Kind {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  /** Collection its objects are kept in; versions of a kind share it. */
  readonly storage: string
  readonly hasStatus: boolean
  readonly scale: ScalePaths | null
  /** Whether `metadata.generation` counts changes of what is wanted. */
  readonly hasGeneration: boolean
  readonly schema: Schema
  /** Custom kinds are pruned, defaulted and validated by their schema; built-in ones have null. */
  readonly rules: KindRules | null
  readonly columns: readonly Column[]
  /** Fields this kind can be selected by, besides its name and namespace. */
  readonly fields: readonly string[]
  /** Between the form of this version and the stored form, where they differ. */
  readonly forms: {
    readonly toStored: (object: KubeObject) => KubeObject
    readonly fromStored: (object: KubeObject) => KubeObject
  } | null
}

export const apiVersionOf = (kind: { group: string; version: string }): string =>
  kind.group === '' ? kind.version : `${kind.group}/${kind.version}`

/** The object as this version of the kind shows it. */
export function present(kind: Kind, stored: KubeObject): KubeObject {
  if (kind.forms) return kind.forms.fromStored(stored)
  const apiVersion = apiVersionOf(kind)
  return stored.apiVersion === apiVersion ? stored : { ...stored, apiVersion }
}

const replicas: ScalePaths = {
  spec: ['spec', 'replicas'],
  status: ['status', 'replicas'],
  selector: null,
}

interface Row {
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
  readonly short?: readonly string[]
  readonly categories?: readonly string[]
  readonly cluster?: true
  readonly status?: true
  readonly scale?: true
  readonly generation?: true
  readonly storage?: string
  readonly fields?: readonly string[]
}

const eventFields = [
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'involvedObject.apiVersion',
  'involvedObject.resourceVersion',
  'involvedObject.fieldPath',
  'reason',
  'type',
  'source',
  'reportingComponent',
]

const rows: readonly Row[] = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    plural: 'namespaces',
    short: ['ns'],
    cluster: true,
    status: true,
    fields: ['status.phase'],
  },
  { apiVersion: 'v1', kind: 'Node', plural: 'nodes', short: ['no'], cluster: true, status: true },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    plural: 'pods',
    short: ['po'],
    categories: ['all'],
    status: true,
    fields: ['spec.nodeName', 'status.phase', 'spec.serviceAccountName', 'status.podIP'],
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    plural: 'services',
    short: ['svc'],
    categories: ['all'],
    status: true,
    fields: ['spec.clusterIP', 'spec.type'],
  },
  { apiVersion: 'v1', kind: 'Endpoints', plural: 'endpoints', short: ['ep'] },
  { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', short: ['cm'] },
  { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', fields: ['type'] },
  { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', short: ['sa'] },
  {
    apiVersion: 'v1',
    kind: 'Event',
    plural: 'events',
    short: ['ev'],
    storage: 'events',
    fields: eventFields,
  },
  {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    plural: 'events',
    short: ['ev'],
    storage: 'events',
    fields: ['reason', 'type', 'reportingController', ...regardingFields()],
  },
  {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    plural: 'replicasets',
    short: ['rs'],
    categories: ['all'],
    status: true,
    scale: true,
    generation: true,
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    plural: 'deployments',
    short: ['deploy'],
    categories: ['all'],
    status: true,
    scale: true,
    generation: true,
  },
  {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
    short: ['hpa'],
    categories: ['all'],
    status: true,
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    generation: true,
  },
  { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' },
  {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    short: ['crd', 'crds'],
    categories: ['api-extensions'],
    cluster: true,
    status: true,
    generation: true,
  },
]

export const builtinKinds: readonly Kind[] = rows.map(fromRow)

export const crdStorage = 'customresourcedefinitions.apiextensions.k8s.io'
export const namespaceStorage = 'namespaces'
export const podStorage = 'pods'

function fromRow(row: Row): Kind {
  const [version, group = ''] = row.apiVersion.split('/').reverse()
  return {
    group,
    version: version ?? '',
    kind: row.kind,
    plural: row.plural,
    singular: row.kind.toLowerCase(),
    namespaced: row.cluster !== true,
    shortNames: row.short ?? [],
    categories: row.categories ?? [],
    storage: row.storage ?? (group === '' ? row.plural : `${row.plural}.${group}`),
    hasStatus: row.status === true,
    scale: row.scale ? replicas : null,
    hasGeneration: row.generation === true,
    schema: builtinSchema(row.kind),
    rules: null,
    columns: builtinColumns[row.kind] ?? [],
    fields: row.fields ?? [],
    forms: row.kind === 'Event' ? (eventForms[row.apiVersion] ?? null) : null,
  }
}

function regardingFields(): string[] {
  return eventFields
    .filter((field) => field.startsWith('involvedObject.'))
    .map((field) => field.replace('involvedObject', 'regarding'))
}
