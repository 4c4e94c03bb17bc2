// Event exists as v1 and as events.k8s.io/v1 over the same objects: this renames the fields that differ.
// The v1 form is stored.
import type { KubeObject } from '../../kube/api.ts'

const renamed: Readonly<Record<string, string>> = {
  regarding: 'involvedObject',
  note: 'message',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
  reportingController: 'reportingComponent',
}

const restored = Object.fromEntries(Object.entries(renamed).map(([to, from]) => [from, to]))
const rest = 'events.k8s.io/v1'

interface Forms {
  readonly toStored: (object: KubeObject) => KubeObject
  readonly fromStored: (object: KubeObject) => KubeObject
}

export const eventForms: Readonly<Record<string, Forms>> = {
  v1: {
    toStored: (object) => ({ ...object, apiVersion: 'v1' }),
    fromStored: (object) => object,
  },
  [rest]: {
    toStored: (object) => ({ ...rename(object, renamed), apiVersion: 'v1' }),
    fromStored: (object) => ({ ...rename(object, restored), apiVersion: rest }),
  },
}

function rename(object: KubeObject, names: Readonly<Record<string, string>>): KubeObject {
  const fields = Object.entries(object).map(([name, value]) => [names[name] ?? name, value])
  return {
    ...Object.fromEntries(fields),
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: object.metadata,
  }
}
