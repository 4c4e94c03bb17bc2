// The form a client asks for: whole objects, tables for people, or metadata alone.
import type { KubeObject } from '../../kube/api.ts'
import { type JsonObject, omit } from './json.ts'
import { type Kind, present } from './kinds.ts'
import { type Include, partialMetadata, renderTable } from './tables.ts'

export type Form =
  | { readonly kind: 'Object' }
  | { readonly kind: 'Table'; readonly include: Include }
  | { readonly kind: 'Metadata' }

/** The first form of the Accept header that is served; protobuf is passed over. */
export function parseForm(accept: string, query: URLSearchParams): Form {
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    if (type === 'application/vnd.kubernetes.protobuf') continue
    if (parameters.includes('as=Table')) return { kind: 'Table', include: parseInclude(query) }
    if (parameters.some((one) => one.startsWith('as=PartialObjectMetadata'))) {
      return { kind: 'Metadata' }
    }
    return { kind: 'Object' }
  }
  return { kind: 'Object' }
}

function parseInclude(query: URLSearchParams): Include {
  const asked = query.get('includeObject')
  return asked === 'Object' || asked === 'None' ? asked : 'Metadata'
}

export interface Rendering {
  readonly kind: Kind
  readonly form: Form
  readonly nowMs: number
}

export function renderOne(
  stored: KubeObject,
  rendering: Rendering,
  withColumns = true,
): JsonObject {
  const object = present(rendering.kind, stored)
  switch (rendering.form.kind) {
    case 'Object':
      return object
    case 'Metadata':
      return partialMetadata(object)
    case 'Table': {
      const { resourceVersion } = object.metadata
      const { columns } = rendering.kind
      const { include } = rendering.form
      const { nowMs } = rendering
      return renderTable([object], { resourceVersion }, { columns, include, nowMs, withColumns })
    }
  }
}

export function renderList(
  stored: readonly KubeObject[],
  metadata: JsonObject,
  { kind, form, nowMs }: Rendering,
): JsonObject {
  const objects = stored.map((object) => present(kind, object))
  switch (form.kind) {
    case 'Object': {
      const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
      const items = kind.rules ? objects : objects.map((one) => omit(one, 'kind', 'apiVersion'))
      return { kind: `${kind.kind}List`, apiVersion, metadata, items }
    }
    case 'Metadata': {
      const items = objects.map(partialMetadata)
      return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items }
    }
    case 'Table': {
      const options = { columns: kind.columns, include: form.include, nowMs, withColumns: true }
      return renderTable(objects, metadata, options)
    }
  }
}
