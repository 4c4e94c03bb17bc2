// Objects in and out of one API server, over bounded connections. Keeps no state about objects.
// Paths come from paths.ts, retries and deadlines from exchange.ts, meaning of answers from answer.ts.
import { parseList, parseObject } from './answer.ts'
import type {
  DeleteOptions,
  KubeApi,
  KubeObject,
  PatchType,
  Resource,
  WriteOptions,
} from './api.ts'
import {
  type Call,
  type Connection,
  connect,
  describe,
  type KubeApiOptions,
  send,
} from './exchange.ts'
import { collectionPath, listPath, objectPath, type Parameters, withParameters } from './paths.ts'
import { watch } from './watch.ts'

export type { KubeApiOptions, RequestReport } from './exchange.ts'

const patchContentTypes: Readonly<Record<PatchType, string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  // JSON is YAML, and this is the name that every version of the server knows.
  apply: 'application/apply-patch+yaml',
}

/**
 * The API of one server. A failed write with `code` 0 has an unknown outcome: read before going on.
 * After `close`, every call fails.
 */
export function createKubeApi(options: KubeApiOptions): KubeApi & { close(): Promise<void> } {
  const connection = connect(options)
  const exchange = async (call: Call): Promise<KubeObject> =>
    parseObject(describe(call), await send(connection, call), call.resource)
  const parametersOf = (given: WriteOptions): Parameters => ({
    fieldManager: given.fieldManager ?? options.fieldManager ?? 'sluice',
    force: given.force,
    dryRun: given.dryRun === true ? 'All' : undefined,
  })
  const contentType = 'application/json'

  return {
    async get(resource, key) {
      const path = objectPath(resource, key)
      return exchange({ verb: 'get', resource, key, exchange: { method: 'GET', path } })
    },
    async list(resource, query = {}) {
      const key = { namespace: query.namespace, name: '' }
      const path = listPath(resource, query)
      const call: Call = { verb: 'list', resource, key, exchange: { method: 'GET', path } }
      return parseList(describe(call), await send(connection, call), resource)
    },
    watch: (resource, query, signal) => watch(connection, { resource, query, signal }),
    create: (resource, object, given = {}) =>
      create(connection, { resource, object, given, parametersOf }),
    async replace(resource, object, given = {}) {
      const { subresource } = given
      const key = object.metadata
      if (!key.resourceVersion) {
        throw new Error(`${resource.kind} ${key.name} has no resourceVersion to hold the write to`)
      }
      const path = withParameters(objectPath(resource, key, subresource), parametersOf(given))
      const body = JSON.stringify(object)
      const call = { verb: 'replace', resource, key, subresource, contentType } as const
      return exchange({ ...call, exchange: { method: 'PUT', path, body } })
    },
    async patch(resource, key, type, patch, given = {}) {
      const { subresource } = given
      const path = withParameters(objectPath(resource, key, subresource), parametersOf(given))
      const body = JSON.stringify(patch)
      const call = { verb: 'patch', resource, key, subresource } as const
      return exchange({
        ...call,
        contentType: patchContentTypes[type],
        exchange: { method: 'PATCH', path, body },
      })
    },
    async delete(resource, key, given = {}) {
      const path = objectPath(resource, key)
      const body = JSON.stringify(deleteBody(given))
      const call = { verb: 'delete', resource, key, contentType } as const
      await send(connection, { ...call, exchange: { method: 'DELETE', path, body } })
    },
    close: () => connection.close(),
  }
}

interface Creation {
  readonly resource: Resource
  readonly object: KubeObject
  readonly given: WriteOptions
  readonly parametersOf: (given: WriteOptions) => Parameters
}

async function create(
  connection: Connection,
  { resource, object, given, parametersOf }: Creation,
): Promise<KubeObject> {
  const { namespace } = object.metadata
  if (resource.namespaced && !namespace) {
    throw new Error(`${resource.kind} ${object.metadata.name} has no namespace`)
  }
  const { subresource } = given
  const key = object.metadata
  const place = subresource
    ? objectPath(resource, key, subresource)
    : collectionPath(resource, namespace)
  const path = withParameters(place, parametersOf(given))
  const body = JSON.stringify(object)
  const call: Call = {
    ...{ verb: 'create', resource, key, subresource, contentType: 'application/json' },
    exchange: { method: 'POST', path, body },
  }
  const answer = await send(connection, call)
  return subresource === undefined ? parseObject(describe(call), answer, resource) : object
}

function deleteBody({ uid, resourceVersion, propagation = 'Background' }: DeleteOptions): unknown {
  const preconditions =
    uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion }
  return { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy: propagation }
}
