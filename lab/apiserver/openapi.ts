// OpenAPI v3 documents, one per group and version: what kubectl explains and validates by.
import { createHash } from 'node:crypto'
import { isObject, type JsonObject } from './json.ts'
import { apiVersionOf, type Kind } from './kinds.ts'

const prefixOf = (kind: Kind): string =>
  kind.group === '' ? `api/${kind.version}` : `apis/${apiVersionOf(kind)}`

export function openapiIndex(kinds: readonly Kind[]): JsonObject {
  const prefixes = [...new Set(kinds.map(prefixOf))]
  return {
    paths: Object.fromEntries(
      prefixes.map((prefix) => {
        const text = JSON.stringify(openapiDocument(kinds, prefix))
        const hash = createHash('sha256').update(text).digest('hex').toUpperCase()
        return [prefix, { serverRelativeURL: `/openapi/v3/${prefix}?hash=${hash}` }]
      }),
    ),
  }
}

/** The document of a path such as `apis/sluice.dev/v1alpha1`; null when nothing is served there. */
export function openapiDocument(kinds: readonly Kind[], prefix: string): JsonObject | null {
  const served = kinds.filter((kind) => prefixOf(kind) === prefix)
  if (served.length === 0) return null
  return {
    openapi: '3.0.0',
    info: { title: 'Sluice lab', version: 'v1.32.0' },
    paths: Object.fromEntries(served.flatMap((kind) => Object.entries(pathsOf(kind, prefix)))),
    components: {
      schemas: Object.fromEntries(served.map((kind) => [schemaName(kind), schemaOf(kind)])),
    },
  }
}

function schemaName(kind: Kind): string {
  const group = kind.group === '' ? 'core' : kind.group
  return `${group.split('.').reverse().join('.')}.${kind.version}.${kind.kind}`
}

const groupVersionKind = ({ group, version, kind }: Kind) => ({ group, version, kind })

function schemaOf(kind: Kind): JsonObject {
  return {
    description: `${kind.kind} of ${apiVersionOf(kind)}.`,
    ...documented(kind.rules ? kind.schema : { type: 'object', ...open }),
    'x-kubernetes-group-version-kind': [groupVersionKind(kind)],
  }
}

const open = { 'x-kubernetes-preserve-unknown-fields': true }

/** Custom schemas as they are, but for rules, which clients do not evaluate. */
function documented(schema: object): JsonObject {
  return Object.fromEntries(
    Object.entries(schema).flatMap(([keyword, value]): [string, unknown][] => {
      if (keyword === 'x-kubernetes-validations') return []
      return [[keyword, isObject(value) ? documented(value) : value]]
    }),
  )
}

function pathsOf(kind: Kind, prefix: string): JsonObject {
  const scope = kind.namespaced ? `/${prefix}/namespaces/{namespace}` : `/${prefix}`
  const collection = `${scope}/${kind.plural}`
  return {
    [collection]: { get: operation(kind, 'list'), post: operation(kind, 'post') },
    [`${collection}/{name}`]: {
      get: operation(kind, 'get'),
      put: operation(kind, 'put'),
      patch: operation(kind, 'patch'),
      delete: operation(kind, 'delete'),
    },
  }
}

/** Strategic merge is served but not announced: kubectl then merges by the Go types it carries. */
const patchTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
]

function operation(kind: Kind, action: string): JsonObject {
  const isWrite = ['post', 'put', 'patch'].includes(action)
  const types = action === 'patch' ? patchTypes : ['application/json']
  const reference = { $ref: `#/components/schemas/${schemaName(kind)}` }
  const schema = action === 'patch' ? { type: 'object' } : reference
  return {
    operationId: `${action}${kind.group}${kind.version}${kind.kind}`,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': groupVersionKind(kind),
    ...(isWrite && {
      parameters: ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
        name,
        in: 'query',
        schema: { type: 'string', uniqueItems: true },
      })),
      requestBody: {
        required: true,
        content: Object.fromEntries(types.map((type) => [type, { schema }])),
      },
    }),
    responses: {
      200: { description: 'OK', content: { 'application/json': { schema: reference } } },
    },
  }
}
