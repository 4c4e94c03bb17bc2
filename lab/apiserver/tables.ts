// Objects in, a meta.k8s.io Table out: what kubectl prints for `get`.
import type { KubeObject } from '../../kube/api.ts'
import { age, ageColumn, type Cell, type Column, nameColumn } from './columns.ts'
import { isObject, type JsonObject, listOf, numberOf, textOf } from './json.ts'
import { compileJsonPath } from './json-path.ts'

/** What each row carries besides its cells. */
export type Include = 'Metadata' | 'Object' | 'None'

export interface TableOptions {
  readonly columns: readonly Column[]
  readonly include: Include
  readonly nowMs: number
  readonly withColumns: boolean
}

export function renderTable(
  objects: readonly KubeObject[],
  metadata: JsonObject,
  options: TableOptions,
): JsonObject {
  const columns = [nameColumn, ...options.columns]
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: options.withColumns ? columns.map(definition) : null,
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, options.nowMs)),
      ...included(object, options.include),
    })),
  }
}

function definition({ name, type, format, description, priority }: Column): JsonObject {
  return { name, type, format, description, priority }
}

export function partialMetadata(object: KubeObject): JsonObject {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: object.metadata,
  }
}

function included(object: KubeObject, include: Include): JsonObject {
  switch (include) {
    case 'None':
      return {}
    case 'Object':
      return { object }
    case 'Metadata':
      return { object: partialMetadata(object) }
  }
}

/** Columns a CustomResourceDefinition declares; without any there is the age alone. */
export function customColumns(declared: unknown): Column[] {
  const columns = listOf(declared).filter(isObject).map(customColumn)
  return columns.length === 0 ? [ageColumn] : columns
}

function customColumn(declared: JsonObject): Column {
  const type = textOf(declared['type'])
  const path = compileJsonPath(textOf(declared['jsonPath']))
  return {
    name: textOf(declared['name']),
    type,
    format: textOf(declared['format']),
    description: textOf(declared['description']),
    priority: numberOf(declared['priority']),
    cell: (object, nowMs) => cellOf(path(object), type, nowMs),
  }
}

function cellOf(values: readonly unknown[], type: string, nowMs: number): Cell {
  const [first] = values
  if (first === undefined || first === null) return null
  if (type === 'date') return age(first, nowMs)
  if (type === 'integer' || type === 'number') return typeof first === 'number' ? first : null
  if (type === 'boolean') return typeof first === 'boolean' ? first : null
  return values
    .map((value) => (typeof value === 'object' ? JSON.stringify(value) : String(value)))
    .join(',')
}
